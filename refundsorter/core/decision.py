"""From logits to a decision: probabilities, categories, thresholds.

A category's probability is the sum over its labels. At or above the category's threshold the photo is filed
there; below it a person decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.image import Answer, Ranked, Rejection, State
from refundsorter.core.taxonomy import Taxonomy

BELOW_THRESHOLD = "below_threshold"  # the reason of a photo that goes to review


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """How a bundle's logits are read under a taxonomy. Made once; reading many batches is cheap."""

    labels: tuple[str, ...]  # in the model's output order
    label_categories: tuple[str | None, ...]  # each label's category, in the same order
    categories: tuple[str, ...]  # the categories that the model can give
    membership: NDArray[np.float32]  # [labels, categories], 1 where the label belongs to the category
    temperature: float  # the logits are divided by it
    top_k: int  # labels that are kept

    @classmethod
    def of(
        cls, *, labels: Sequence[str], temperature: float, taxonomy: Taxonomy, top_k: int
    ) -> "Interpretation":
        """Join a bundle's labels with a taxonomy."""
        label_categories = tuple(taxonomy.category_of.get(label) for label in labels)
        categories = tuple(sorted({category for category in label_categories if category is not None}))
        membership = np.zeros((len(labels), len(categories)), dtype=np.float32)
        for row, category in enumerate(label_categories):
            if category is not None:
                membership[row, categories.index(category)] = 1
        return cls(
            labels=tuple(labels),
            label_categories=label_categories,
            categories=categories,
            membership=membership,
            temperature=temperature,
            top_k=min(top_k, len(labels)),
        )

    def answers(self, logits: NDArray[np.float32], sizes: Sequence[tuple[int, int]]) -> list[Answer]:
        """Read a batch of logits.

        Args:
            logits: float32 [N, labels], as the model gives them.
            sizes: N pairs of width and height in pixels.

        Returns:
            N answers, in order.
        """
        probabilities = softmax(logits / self.temperature)
        sums = probabilities @ self.membership  # float32 [N, categories], 0..1
        return [
            self._answer(row, total, size)
            for row, total, size in zip(probabilities, sums, sizes, strict=True)
        ]

    def _answer(self, row: NDArray[np.float32], sums: NDArray[np.float32], size: tuple[int, int]) -> Answer:
        best = np.argsort(-row, kind="stable")[: self.top_k]
        ranked = tuple(
            Ranked(
                rank=rank,
                label=self.labels[index],
                category=self.label_categories[index],
                confidence=round(float(row[index]), 6),
            )
            for rank, index in enumerate(best.tolist(), start=1)
        )
        if not self.categories:
            category, confidence, label = None, 0.0, ranked[0].label
        else:
            column = int(np.argmax(sums))
            category = self.categories[column]
            confidence = min(1.0, round(float(sums[column]), 6))
            label = self.labels[int(np.argmax(row * self.membership[:, column]))]
        return Answer(
            category=category,
            label=label,
            confidence=confidence,
            top_predictions=ranked,
            width=size[0],
            height=size[1],
        )


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of float32 [N, labels] logits, each row summing to 1; large logits do not overflow."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: NDArray[np.float32] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How sure the model must be of each category."""

    taxonomy: Mapping[str, float]  # what the company says; wins
    bundle: Mapping[str, float]  # what the bundle was calibrated to
    default: float  # for a category that neither names

    def of(self, category: str) -> float:
        """The least probability at which a photo is filed under `category`, 0..1."""
        return self.taxonomy.get(category, self.bundle.get(category, self.default))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a photo."""

    state: State  # sorted, review or rejected
    reason: str | None  # why it is not filed under its category; None when it is


def decide(outcome: Answer | Rejection, thresholds: Thresholds) -> Decision:
    """Decide one photo from the model's answer, or from why there is none."""
    if isinstance(outcome, Rejection):
        return Decision(state=State.REJECTED, reason=outcome.reason.value)
    if outcome.category is None or outcome.confidence < thresholds.of(outcome.category):
        return Decision(state=State.REVIEW, reason=BELOW_THRESHOLD)
    return Decision(state=State.SORTED, reason=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything by which photos are judged; replaced as a whole when settings or taxonomy are read again."""

    model: str  # the bundle, NAME/VERSION
    taxonomy: str  # the taxonomy's digest
    interpretation: Interpretation  # from logits to answers
    thresholds: Thresholds  # from answers to decisions
    shelve_duplicates: bool  # whether a copy of a photo goes to `_duplicates/`

    def same_taxonomy(self, other: "Rules") -> bool:
        """Whether both map labels alike and ask as much of each category."""
        mine, theirs = self.thresholds.taxonomy, other.thresholds.taxonomy
        return self.taxonomy == other.taxonomy and mine == theirs
