"""Which photos a candidate is asked about, and how its answers are added up."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.decision import Interpretation, Rules, Thresholds
from refundsorter.core.shadow import Agreement, Comparison, Disagreement, Pairing, Shadow, is_chosen
from refundsorter.core.share import Share
from refundsorter.core.taxonomy import Taxonomy

HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
SHARES = st.floats(0, 1)


@given(HASHES, SHARES, SHARES)
def test_a_larger_share_holds_the_smaller(sha256: str, one: float, other: float) -> None:
    """A content that belongs to a share belongs to every larger one; to all of them when the share is 1."""
    less, more = sorted((one, other))
    assert is_chosen(sha256, more) or not is_chosen(sha256, less)
    assert is_chosen(sha256, 1.0)
    assert not is_chosen(sha256, 0.0)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_share_is_that_share(share: float) -> None:
    """Of many contents about so many are chosen, well within what chance allows."""
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(10_000)]
    assert sum(is_chosen(one, share) for one in hashes) / 10_000 == pytest.approx(share, abs=0.02)


def test_a_candidate_is_judged_by_its_own_rules() -> None:
    """Its labels, temperature and thresholds say what it would file; what was not read is not asked."""
    taxonomy = Taxonomy(category_of={"red": "WARM", "blue": "COLD"}, thresholds={})
    rules = Rules(
        model="tiny/2",
        taxonomy=taxonomy.digest,
        interpretation=Interpretation.of(labels=("blue", "red"), temperature=1.0, taxonomy=taxonomy, top_k=5),
        thresholds=Thresholds(taxonomy={}, bundle={"WARM": 0.99}, default=0.5),
        shelve_duplicates=False,
    )
    shadow = Shadow(rules=rules, share=1.0)
    logits = np.array([[3.0, 0.0], [0.0, 3.0], [0.0, 9.0]], np.float32)
    found = [(one.image, one.category, one.label, one.filed) for one in shadow.answers([7, 8, 9], logits)]
    assert found == [(7, "COLD", "blue", True), (8, "WARM", "red", False), (9, "WARM", "red", True)]
    assert not shadow.wants(None)


def paired(active: str, candidate: str, filed: tuple[bool, bool], photos: int) -> Pairing:
    """A count of the ledger."""
    return Pairing(
        active=active, candidate=candidate, active_filed=filed[0], candidate_filed=filed[1], photos=photos
    )


def test_a_record_adds_up() -> None:
    """Every photo is in one of the five ways of filing, and in its category's agreement."""
    found = Comparison.of(
        [
            paired("A", "A", (True, True), 50),
            paired("A", "A", (False, True), 7),
            paired("A", "B", (True, True), 3),
            paired("B", "A", (True, False), 9),
            paired("B", "B", (False, False), 11),
        ]
    )
    assert (found.overall.agreed, found.overall.photos, found.overall.share) == (68, 80, 0.85)
    assert (found.filed_by_both, found.filed_apart) == (50, 3)
    assert (found.filed_by_active, found.filed_by_candidate, found.filed_by_none) == (9, 7, 11)
    assert {category: (one.agreed, one.photos) for category, one in found.categories.items()} == {
        "A": (57, 60),
        "B": (11, 20),
    }
    assert found.disagreements == [
        Disagreement(active="B", candidate="A", photos=9),
        Disagreement(active="A", candidate="B", photos=3),
    ]


def test_nothing_is_known_of_no_photo() -> None:
    """Without a photo there is no share, and its interval is everything."""
    assert Comparison.of([]).overall == Agreement(photos=0, agreed=0, share=None, low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("right", "photos", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)
def test_the_interval_is_wilsons(right: int, photos: int, low: float, high: float) -> None:
    """The examples of Newcombe (1998), Statistics in Medicine 17:857, table I, method 3."""
    assert Share(hits=right, of=photos).interval == pytest.approx((low, high), abs=5e-5)
