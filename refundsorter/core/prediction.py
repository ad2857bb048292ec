"""What the bundle says of an image that is not to be moved: asked for from outside, beside the photos."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from refundsorter.core.fault import PassingTrouble, RefundsorterError
from refundsorter.core.image import Answer, Ranked, Rejection, State
from refundsorter.core.record import SCHEMA, Event, Key, day_of, ranked_fields, rfc3339


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What was answered for one image, with what its line in the journal tells."""

    id: int | None  # its own number, which no other has; None while it is not recorded
    time: float  # of the answer, unix seconds
    file: str | None  # the name of the file, where it was told
    by: str | None  # whose token asked, where one was needed
    state: str  # what would become of a photo like it: sorted or review
    category: str | None  # the best category
    label: str  # the best label of that category
    confidence: float  # the category's probability, 0..1
    top_predictions: tuple[Ranked, ...]  # best first, as many as were asked for
    reason: str | None  # why it would not be filed under its category
    model: str  # NAME/VERSION
    taxonomy: str  # its digest
    sha256: str  # of its bytes
    size: int  # bytes
    width: int  # pixels, as displayed
    height: int  # likewise
    decode_ms: float  # milliseconds of decoding
    infer_ms: float | None  # of inference; None where an earlier answer was used
    cached: bool  # whether that was so

    @property
    def key(self) -> Key:
        """What tells its line from all others."""
        assert self.id is not None, "only what is recorded has a line"
        return Key(Event.PREDICTED, self.id)

    @property
    def day(self) -> str:
        """The UTC date whose journal file holds the line, YYYY-MM-DD."""
        return day_of(self.time)

    def fields(self) -> dict[str, Any]:
        """The line as a mapping; see `core.record.Entry`."""
        return {
            "schema": SCHEMA,
            "event": Event.PREDICTED.value,
            "prediction": self.id,
            "time": rfc3339(self.time),
            "file": self.file,
            "by": self.by,
            "state": self.state,
            "category": self.category,
            "label": self.label,
            "confidence": self.confidence,
            "top_predictions": ranked_fields(self.top_predictions),
            "reason": self.reason,
            "model": self.model,
            "taxonomy": self.taxonomy,
            "sha256": self.sha256,
            "bytes": self.size,
            "width": self.width,
            "height": self.height,
            "decode_ms": self.decode_ms,
            "infer_ms": self.infer_ms,
            "cached": self.cached,
        }


def prediction(
    found: Predicted, answer: Answer, *, file: str | None, by: str | None, now: float
) -> Prediction:
    """What is told of an image that could be looked at; not recorded.

    Args:
        found: What became of it.
        answer: Its outcome.
        file: Its name, where it was told.
        by: Whose token asked.
        now: Unix seconds.
    """
    return Prediction(
        id=None,
        time=now,
        file=file,
        by=by,
        state=found.state.value,
        category=answer.category,
        label=answer.label,
        confidence=answer.confidence,
        top_predictions=answer.top_predictions,
        reason=found.reason,
        model=found.model,
        taxonomy=found.taxonomy,
        sha256=found.sha256,
        size=found.size,
        width=answer.width,
        height=answer.height,
        decode_ms=found.decode_ms,
        infer_ms=found.infer_ms,
        cached=found.cached,
    )


class PredictionsPort(Protocol):
    """Where predictions are recorded; from any thread."""

    def record(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """The same, each with its number: durable in the ledger, their lines to come.

        Raises:
            PassingTrouble: None of them is recorded, for the disk does not allow it now.
        """


class AnswersPort(Protocol):
    """Answers that were given before; from any thread."""

    def answers(self, contents: Collection[str], *, model: str, taxonomy: str) -> Mapping[str, Answer]:
        """Those that this model gave under this taxonomy, by the content's sha256.

        Raises:
            PassingTrouble: They cannot be looked up now.
            LedgerRefused: The ledger is damaged.
        """
