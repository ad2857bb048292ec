"""The HTTP application in the test's own process, where what a daemon would not show can be held still."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from http_face import Client
from support import PATIENCE_S

from refundsorter.answers import Answers
from refundsorter.api.app import create_app
from refundsorter.api.ports import Ports
from refundsorter.api.serve import Serving, bind
from refundsorter.assembly import Workshop
from refundsorter.door import keyring
from refundsorter.face import bounds


@contextmanager
def applied(workshop: Workshop, **ports: Any) -> Iterator[tuple[Client, Ports]]:
    """The application in the test's own process, with the real ports but for those that are given."""
    settings = workshop.settings
    answers = Answers(workshop, [], keyring(settings), is_leaving=lambda: False)
    found = replace(answers.ports, **ports)
    serving = Serving(create_app(found, bounds(settings.http)), workshop.log, timeout_s=PATIENCE_S, tls=None)
    with bind("127.0.0.1", 0) as bound:
        thread = threading.Thread(target=serving.serve_on, args=(bound,))
        thread.start()
        client = Client(f"http://127.0.0.1:{bound.getsockname()[1]}")
        try:
            yield client, found
        finally:
            client.close()
            serving.stop()
            thread.join(PATIENCE_S)
            answers.close()
