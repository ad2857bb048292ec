"""A crew: the examiners that work with one bundle, one a worker, and how its answers are judged.

A crew is a value: it is replaced as a whole between two batches, and a batch that was claimed for one is
examined and decided by that one. When its last batch is filed nobody knows it any more, and its interpreters
and decoding processes go with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Self

from refundsorter.core.decision import Rules
from refundsorter.core.image import Claimed
from refundsorter.core.shadow import Shadow
from refundsorter.loops.examiner import Batch, Examiner


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crew:
    """Examiners and rules of one bundle. May be used by as many threads as there are examiners."""

    examiners: Sequence[Examiner]
    rules: Rules
    shadow: Shadow | None = None  # the candidate that the examiners have beside the bundle
    _idle: SimpleQueue[Examiner] = field(default_factory=SimpleQueue)

    @classmethod
    def of(cls, examiners: Sequence[Examiner], rules: Rules, shadow: Shadow | None = None) -> Self:
        """A crew at rest."""
        crew = cls(examiners=tuple(examiners), rules=rules, shadow=shadow)
        for examiner in examiners:
            crew._idle.put(examiner)
        return crew

    @property
    def steps(self) -> int:
        """What its examiners have done so far; another thread may look."""
        return sum(examiner.steps for examiner in self.examiners)

    def examine(self, batch: Sequence[Claimed]) -> Batch:
        """Examine a micro-batch; see `Examiner.examine`."""
        examiner = self._idle.get()
        try:
            return examiner.examine(batch, self.rules, self.shadow)
        finally:
            self._idle.put(examiner)
