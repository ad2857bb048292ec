"""What a training run tells while it runs: a value handed to a callback, so that any face can show it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one stage of a run has come."""

    stage: str  # "decode", "features", "head", "tune", "export", …
    done: int  # units of work done, in the stage's own unit
    total: int  # units of work in all
    figures: Mapping[str, float] = field(default_factory=dict)  # "loss", "accuracy", … as they stand
    note: str = ""  # a sentence for a person: a photo left out, a stage's result


Report = Callable[[Progress], None]
