"""What the bundle says of an image that is not to be moved: asked for from outside, beside the photos."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from refundsorter.core.fault import PassingTrouble, RefundsorterError
from refundsorter.core.image import Answer, Rejection, State


class TooManyWait(PassingTrouble):
    """As many images wait for an answer as may; nothing was taken."""


class SourceForbidden(RefundsorterError):
    """What is asked about may not be read; the message says what to set."""


@dataclass(frozen=True, slots=True)
class Look:
    """What looking at one content came to."""

    outcome: Answer | Rejection | PassingTrouble  # what the model says, or why it cannot, ever or now
    decode_ms: float
    infer_ms: float | None  # its share of the inference; None where there was none


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What the bundle says of one content, and what would become of a photo with it."""

    sha256: str
    size: int  # bytes
    outcome: Answer | Rejection | PassingTrouble
    state: State  # what would become of it
    reason: str | None  # why it would not be filed under its category
    model: str  # NAME/VERSION
    taxonomy: str  # its digest
    decode_ms: float
    infer_ms: float | None  # None where an earlier answer was used
    cached: bool  # whether that was so


class AnswersPort(Protocol):
    """Answers that were given before; from any thread."""

    def answers(self, contents: Collection[str], *, model: str, taxonomy: str) -> Mapping[str, Answer]:
        """Those that this model gave under this taxonomy, by the content's sha256.

        Raises:
            PassingTrouble: They cannot be looked up now.
            LedgerRefused: The ledger is damaged.
        """
