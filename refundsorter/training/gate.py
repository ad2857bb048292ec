"""Whether a candidate may take the place of another bundle: both judge the same photos, as serving does.

What counts is paired, photo by photo: those that only one of the two gets right. Were both equally good, each
such photo would fall to either side like a coin; where so many fall to the other bundle that coins would do
so in less than one case of twenty, the candidate is worse: McNemar's test (1947), exact and one-sided.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.decision import Rules, decide
from refundsorter.core.image import State
from refundsorter.core.share import Share
from refundsorter.edges.bundle import StoredBundle
from refundsorter.training import dataset
from refundsorter.training.dataset import DatasetRefused, Sample
from refundsorter.training.progress import Progress, Report
from refundsorter.training.served import served_logits

LEVEL = 0.05  # the chance of calling a candidate worse that is equally good
# Five photos that all fall to the other bundle are the fewest that can be called worse (1/32). A candidate
# that loses one photo in ten, and wins none, shows that from this many photos on.
ENOUGH_PHOTOS = 50
CHUNK = 256  # photos in memory at a time


class Outcome(StrEnum):
    """What a comparison says."""

    PASSED = "passed"  # nothing says that the candidate is worse
    WORSE = "worse"  # it is, beyond noise
    TOO_FEW = "too_few"  # a candidate that is clearly worse might not have shown it


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A bundle, and how its answers are judged."""

    stored: StoredBundle
    rules: Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """What two bundles did on the same photos."""

    candidate: Share
    against: Share
    only_candidate: int  # photos on which only the candidate hit
    only_against: int  # those on which only the other did

    @property
    def p_value(self) -> float:
        """The chance of so many losses, or more, among those photos if both were equally good: 0..1."""
        return chance_of_losses(self.only_against, self.only_candidate + self.only_against)

    @property
    def is_worse(self) -> bool:
        """Whether the candidate is, beyond noise."""
        return self.p_value < LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A candidate held against another bundle."""

    candidate: str  # NAME/VERSION
    against: str  # likewise
    photos: int  # that could be read
    right: Paired  # the likeliest category is the true one, of all photos
    filed_right: Paired  # that, and its probability reaches its threshold, of all photos
    precision: tuple[Share, Share]  # the true category, of the photos filed: candidate's, and the other's

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the candidate is worse, a sentence each."""
        told = {"gives the right category": self.right, "files in the right category": self.filed_right}
        return tuple(
            f"{self.candidate} {what} less often than {self.against}: {pair.only_against} photos only "
            f"{self.against}, {pair.only_candidate} only the candidate (p = {pair.p_value:.2g})"
            for what, pair in told.items()
            if pair.is_worse
        )

    def outcome(self, *, allow_few: bool) -> Outcome:
        """What it says.

        Args:
            allow_few: Whether to pass a candidate that too few photos have not shown to be worse.
        """
        if self.reasons:
            return Outcome.WORSE
        if self.photos < ENOUGH_PHOTOS and not (allow_few and self.photos):
            return Outcome.TOO_FEW
        return Outcome.PASSED


def chance_of_losses(losses: int, tosses: int) -> float:
    """The chance of at least so many losses in that many tosses of a fair coin, 0..1."""
    ways = comb(tosses, losses)  # to lose exactly so many
    cases = 0
    for count in range(losses, tosses + 1):
        cases += ways
        ways = ways * (tosses - count) // (count + 1)
    return cases / (1 << tosses)


def compare(
    candidate: Contestant, against: Contestant, samples: Sequence[Sample], workers: int, report: Report
) -> Comparison:
    """Let two bundles judge the same photos, without TensorFlow.

    A photo of a category that a bundle cannot give is wrong for it.

    Args:
        candidate: The bundle that is to be released.
        against: The one it is held against.
        samples: The photos, each with its true category.
        workers: Photos decoded at a time.
        report: Told how many photos are done, and of every photo that is left out.

    Raises:
        BundleRefused: A model does not load, or has another shape than its manifest says.
    """
    marks = list(_marks(candidate, against, samples, workers, report))
    # bool [2, N, 3]: for both bundles and each photo, whether it is right, filed, and filed right
    table = np.concatenate(marks, axis=1) if marks else np.zeros((2, 0, 3), dtype=np.bool_)
    return Comparison(
        candidate=candidate.stored.manifest.reference,
        against=against.stored.manifest.reference,
        photos=table.shape[1],
        right=_paired(table[:, :, 0]),
        filed_right=_paired(table[:, :, 2]),
        precision=(_precision(table[0]), _precision(table[1])),
    )


def _marks(
    candidate: Contestant, against: Contestant, samples: Sequence[Sample], workers: int, report: Report
) -> Iterator[NDArray[np.bool_]]:
    """What both make of the photos, some at a time: bool [2, n, 3]."""
    for first in range(0, len(samples), CHUNK):
        chunk = tuple(samples[first : first + CHUNK])
        try:
            readable, pixels = _decoded(candidate, chunk, workers, report)
            mine = _judged(candidate, readable, pixels)
            if against.stored.manifest.input_size != candidate.stored.manifest.input_size:
                chunk, pixels = _decoded(against, readable, workers, report)
                mine, readable = mine[[one in chunk for one in readable]], chunk
            yield np.stack([mine, _judged(against, readable, pixels)])
        except DatasetRefused:
            pass  # not one of these could be read; each was told
        report(Progress(stage="compare", done=min(first + CHUNK, len(samples)), total=len(samples)))


def _decoded(
    one: Contestant, samples: Sequence[Sample], workers: int, report: Report
) -> tuple[tuple[Sample, ...], NDArray[np.uint8]]:
    def tell(progress: Progress) -> None:
        if progress.note:
            report(progress)

    return dataset.decode(samples, one.stored.manifest.input_size, workers, tell)


def _judged(one: Contestant, samples: Sequence[Sample], pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether each photo is right, filed, and filed right: bool [N, 3]."""
    manifest, rules = one.stored.manifest, one.rules
    logits = served_logits(one.stored.weights, len(manifest.labels), pixels)
    answers = rules.interpretation.answers(logits, [(1, 1)] * len(samples))
    right = np.array([a.category == s.category for a, s in zip(answers, samples, strict=True)])
    filed = np.array([decide(answer, rules.thresholds).state is State.SORTED for answer in answers])
    return np.stack([right, filed, right & filed], axis=1)


def _paired(hits: NDArray[np.bool_]) -> Paired:
    """Count bool [2, N]."""
    mine, other = hits
    return Paired(
        candidate=Share(hits=int(mine.sum()), of=len(mine)),
        against=Share(hits=int(other.sum()), of=len(other)),
        only_candidate=int((mine & ~other).sum()),
        only_against=int((other & ~mine).sum()),
    )


def _precision(marks: NDArray[np.bool_]) -> Share:
    return Share(hits=int(marks[:, 2].sum()), of=int(marks[:, 1].sum()))
