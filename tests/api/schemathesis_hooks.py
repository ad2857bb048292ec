"""What schemathesis cannot know of this API: what a photo is, and that a stream of events has no end."""

import base64
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import schemathesis
from hypothesis import strategies as st
from support import COLOURS, photo

from refundsorter.api.events import ID

EVENTS = "/v1/events"
# A few bytes that are drawn at random are no photo, and what is no photo is rightly refused (422).
PHOTOS = [photo(colour, form=form, seed=7) for colour in COLOURS for form in ("JPEG", "PNG")]

schemathesis.openapi.format("binary", st.sampled_from(PHOTOS))
schemathesis.openapi.format("byte", st.sampled_from([base64.b64encode(one).decode() for one in PHOTOS]))
schemathesis.openapi.format("event-id", st.from_regex(ID.removeprefix("^").removesuffix("$"), fullmatch=True))


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Any, _kwargs: Any) -> None:
    """Have the stream end with the last event that there is; what `wait` must not be is sent as it is."""
    asked = case.query or {}
    if case.path == EVENTS and str(asked.get("wait", True)).lower() == "true":
        case.query = {**asked, "wait": "false"}
