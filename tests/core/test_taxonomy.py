"""The taxonomy: names that are folders, and labels that have one home."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.fault import ConfigurationInvalid
from refundsorter.core.taxonomy import Taxonomy, folder_problem

UNSAFE = [
    "", " ", "\t", "..", ".", ".hidden", "_review", "_", "~home", "A/B", "/", "A\\B", "A:B", "A*", "A?", 'A"',
    "A<", "A>", "A|", "A\nB", "A\x00B", "A\x1b[2J", "A\u202eB", "A\u200bB", "A ", " A", "A.", "Ä" * 128,
    "\udcff",
]  # fmt: skip
SAFE = ["ELECTRONICS", "Home & Garden", "Bücher", "日本", "a.b", "A_B", "-rf", "100 %", "Ä" * 127, "🎁"]
names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x17F), max_size=12).filter(
    lambda name: folder_problem(name) is None
)


def document(categories: Any, **others: Any) -> dict[str, Any]:
    """A taxonomy's document."""
    return {"categories": categories, **others}


def problems(parsed: object) -> str:
    """What the refusal of a document says."""
    with pytest.raises(ConfigurationInvalid) as caught:
        Taxonomy.from_mapping(parsed, where="taxonomy.yaml")
    return str(caught.value).partition("\n  - ")[2].replace("\n  - ", "\n")


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_name_is_refused(name: str) -> None:
    """No category can escape the shelf, take a reserved name or confuse a file system or a terminal."""
    assert folder_problem(name)
    assert "the name" in problems(document({name: {"labels": ["x"]}}))


@pytest.mark.parametrize("name", SAFE)
def test_a_safe_name_is_taken(name: str) -> None:
    """Whatever every file system can hold may be a category."""
    assert folder_problem(name) is None
    assert Taxonomy.from_mapping(document({name: {"labels": ["x"]}}), where="").categories == (name,)


@given(names)
def test_a_safe_name_is_one_folder(name: str) -> None:
    """A name that passes is one part of a path, and fits."""
    assert "/" not in name
    assert name not in {".", ".."}
    assert 0 < len(name.encode()) <= 255


@pytest.mark.parametrize(
    ("one", "other"),
    [("Home", "HOME"), ("Bücher", unicodedata.normalize("NFD", "Bücher")), ("STRASSE", "Straße")],
)
def test_names_that_would_share_a_folder_are_refused(one: str, other: str) -> None:
    """Names that differ only by case or by the encoding of accents are one folder somewhere."""
    assert one != other
    assert "only by case" in problems(document({one: {"labels": ["x"]}, other: {"labels": ["y"]}}))


def test_a_label_has_one_category() -> None:
    """A label under two categories is refused with both named."""
    said = problems(document({"A": {"labels": ["x"]}, "B": {"labels": ["x"]}}))
    assert said == "taxonomy.yaml: categories.B.labels: 'x' is listed under A already"


@pytest.mark.parametrize("threshold", [-0.1, 1.1, True, "high", float("nan"), [0.5]])
def test_a_threshold_is_a_probability(threshold: object) -> None:
    """A threshold outside 0..1, or no number, is refused."""
    assert "categories.A.threshold" in problems(document({"A": {"labels": ["x"], "threshold": threshold}}))


@pytest.mark.parametrize("labels", [None, [], "x", [1], [""], {"x": 1}])
def test_labels_are_a_list_of_names(labels: object) -> None:
    """A category without a proper list of labels is refused."""
    assert "categories.A.labels" in problems(document({"A": {"labels": labels}}))


@pytest.mark.parametrize("parsed", [None, [], "text", {}, {"categories": {}}, {"categories": ["A"]}])
def test_a_document_without_categories_is_refused(parsed: object) -> None:
    """An empty or foreign document says what was expected."""
    assert "categories:" in problems(parsed)


def test_all_problems_are_told_at_once() -> None:
    """One refusal lists every problem, each with its path and the file."""
    said = problems(
        document(
            {
                "_x": {"labels": ["a"]},
                "B": {"labels": ["a"], "treshold": 1},
                "C": None,
                "D": {"labels": [], "threshold": 2},
                True: {"labels": ["t"]},
            },
            category={},
        )
    ).splitlines()
    assert all(line.startswith("taxonomy.yaml: ") for line in said)
    for path in (
        "category:", "categories._x:", "categories.B.labels:", "categories.B.treshold:", "categories.C:",
        "categories.D.labels:", "categories.D.threshold:", "categories.True:",
    ):  # fmt: skip
        assert sum(line.startswith(f"taxonomy.yaml: {path}") for line in said) == 1


def test_thresholds_are_kept_where_they_are_given() -> None:
    """A category without a threshold has none of its own."""
    found = Taxonomy.from_mapping(
        document({"A": {"labels": ["x"], "threshold": 1}, "B": {"labels": ["y", "z"]}}), where=""
    )
    assert found.thresholds == {"A": 1}
    assert found.category_of == {"x": "A", "y": "B", "z": "B"}


mappings = st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=5)


@given(mappings, mappings)
def test_the_digest_tells_mappings_apart(one: dict[str, str], other: dict[str, str]) -> None:
    """Two taxonomies have the same digest exactly when they map labels alike."""
    digests = [Taxonomy(category_of=mapping, thresholds={}).digest for mapping in (one, other)]
    assert (digests[0] == digests[1]) == (one == other)


def test_the_digest_is_blind_to_order_and_thresholds() -> None:
    """What does not change an answer does not change the digest."""
    one = Taxonomy(category_of={"x": "A", "y": "B"}, thresholds={})
    other = Taxonomy(category_of={"y": "B", "x": "A"}, thresholds={"A": 0.9})
    assert one.digest == other.digest


def test_the_digest_tells_tabs_from_columns() -> None:
    """A label that looks like two lines of the mapping is not mistaken for them."""
    one = Taxonomy(category_of={"a\tB\nc": "D"}, thresholds={})
    assert one.digest != Taxonomy(category_of={"a": "B", "c": "D"}, thresholds={}).digest
