"""A candidate in the shadow of the active bundle: it answers a share of the photos as well, and moves none.

Which photos is told by their content, so that it is the same photos however often they are asked about, and
the same ones for every candidate.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.decision import Rules, decide
from refundsorter.core.image import State
from refundsorter.core.share import Share

DIGITS = 8  # hex digits of a hash that choose; 2^32 steps are fine enough for any share


def is_chosen(sha256: str, share: float) -> bool:
    """Whether a content belongs to a share of all contents.

    Args:
        sha256: Of the content, 64 hex digits.
        share: From 0 to 1; a content that belongs to a share belongs to every larger one.
    """
    return bool(int(sha256[:DIGITS], 16) < share * 16**DIGITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowAnswer:
    """What a candidate says of a photo: a row of the ledger's table `shadow`."""

    image: int  # the photo's id
    model: str  # the candidate, NAME/VERSION
    category: str | None  # its best category; None when no label of it is in the taxonomy
    label: str  # its best label of that category
    confidence: float  # the category's probability, 0..1
    filed: bool  # whether it would have filed the photo there


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A candidate and the photos it is asked about."""

    rules: Rules  # how its answers are judged
    share: float  # of all contents, above 0 to 1

    def wants(self, sha256: str | None) -> bool:
        """Whether it is asked about a content; never about one that was not read."""
        return sha256 is not None and is_chosen(sha256, self.share)

    def answers(self, images: Sequence[int], logits: NDArray[np.float32]) -> list[ShadowAnswer]:
        """Read the candidate's logits.

        Args:
            images: The photos' ids, N of them.
            logits: float32 [N, labels].
        """
        unsized = [(0, 0)] * len(images)  # nothing is said of the photo here but what it shows
        return [
            ShadowAnswer(
                image=image,
                model=self.rules.model,
                category=answer.category,
                label=answer.label,
                confidence=answer.confidence,
                filed=decide(answer, self.rules.thresholds).state is State.SORTED,
            )
            for image, answer in zip(images, self.rules.interpretation.answers(logits, unsized), strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """How often the two answered so: what the ledger counts."""

    active: str | None  # the active bundle's category
    candidate: str | None  # the candidate's
    active_filed: bool  # whether the photo was filed
    candidate_filed: bool  # whether the candidate would have filed it
    photos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often the candidate names the same category."""

    photos: int  # that both answered
    agreed: int  # of these
    share: float | None  # agreed / photos; None without a photo
    low: float  # the lower end of its 95 % interval after Wilson
    high: float  # the upper end

    @classmethod
    def of(cls, agreed: int, photos: int) -> Self:
        """From the two counts."""
        low, high = Share(hits=agreed, of=photos).interval
        share = round(agreed / photos, 4) if photos else None
        return cls(photos=photos, agreed=agreed, share=share, low=round(low, 4), high=round(high, 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two categories for the same photos."""

    active: str | None  # the active bundle's
    candidate: str | None  # the candidate's
    photos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A candidate's record beside the active bundle's."""

    overall: Agreement
    categories: Mapping[str, Agreement]  # by the active bundle's category
    filed_by_both: int  # photos that were filed, and that the candidate would have filed in the same category
    filed_apart: int  # likewise, but in another category
    filed_by_active: int  # that only the active bundle filed
    filed_by_candidate: int  # that only the candidate would have filed
    filed_by_none: int  # that both leave to a person
    disagreements: Sequence[Disagreement]  # the most frequent first

    @classmethod
    def of(cls, pairings: Iterable[Pairing]) -> Self:
        """Add up what the ledger counts."""
        photos: Counter[str] = Counter()
        agreed: Counter[str] = Counter()
        apart: Counter[tuple[str | None, str | None]] = Counter()
        filed: Counter[tuple[bool, bool, bool]] = Counter()
        for one in pairings:
            same = one.active == one.candidate
            photos[one.active or ""] += one.photos
            agreed[one.active or ""] += one.photos * same
            filed[one.active_filed, one.candidate_filed, same] += one.photos
            if not same:
                apart[one.active, one.candidate] += one.photos
        return cls(
            overall=Agreement.of(agreed.total(), photos.total()),
            categories={
                category: Agreement.of(agreed[category], photos[category]) for category in sorted(photos)
            },
            filed_by_both=filed[True, True, True],
            filed_apart=filed[True, True, False],
            filed_by_active=filed[True, False, True] + filed[True, False, False],
            filed_by_candidate=filed[False, True, True] + filed[False, True, False],
            filed_by_none=filed[False, False, True] + filed[False, False, False],
            disagreements=[
                Disagreement(active=active, candidate=candidate, photos=count)
                for (active, candidate), count in apart.most_common()
            ],
        )
