"""A crew: the examiners that work with one bundle, one a worker, and how its answers are judged.

A crew is a value: it is replaced as a whole between two batches, and a batch that was claimed for one is
examined and decided by that one. When its last batch is filed nobody knows it any more, and its interpreters
and decoding processes go with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from refundsorter.core.decision import Rules
from refundsorter.core.image import Claimed
from refundsorter.core.prediction import Look
from refundsorter.core.shadow import Shadow
from refundsorter.loops.examiner import Batch, Examiner
from refundsorter.loops.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crew:
    """Examiners and rules of one bundle. May be used by any number of threads; they take turns."""

    examiners: Sequence[Examiner]
    rules: Rules
    _turns: Turns[Examiner]
    shadow: Shadow | None = None  # the candidate that the examiners have beside the bundle

    @classmethod
    def of(cls, examiners: Sequence[Examiner], rules: Rules, shadow: Shadow | None = None) -> Self:
        """A crew at rest."""
        return cls(examiners=tuple(examiners), rules=rules, shadow=shadow, _turns=Turns(examiners))

    @property
    def steps(self) -> int:
        """What its examiners have done so far; another thread may look."""
        return sum(examiner.steps for examiner in self.examiners)

    def examine(self, batch: Sequence[Claimed]) -> Batch:
        """Examine a micro-batch; see `Examiner.examine`."""
        examiner = self._turns.take()
        try:
            return examiner.examine(batch, self.rules, self.shadow)
        finally:
            self._turns.give(examiner)

    def look(self, contents: Sequence[bytes], *, top_k: int) -> list[Look]:
        """Look at images that are not photos of the queue; see `Examiner.look`."""
        reading = replace(self.rules.interpretation, top_k=top_k)
        examiner = self._turns.take()
        try:
            return examiner.look(contents, reading)
        finally:
            self._turns.give(examiner)
