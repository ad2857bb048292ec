import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.bundle import Bundle, split_reference
from refundsorter.core.fault import BundleRefused


def manifest(**changed: Any) -> dict[str, Any]:
    """A manifest as YAML gives it, with some keys changed."""
    return {
        "name": "retail",
        "version": "1.0.0",
        "created": "2025-06-01T12:00:00Z",
        "input_size": 224,
        "dtype": "uint8",
        "scaling": "inside the model",
        "labels": ["laptop", "mug"],
        "sha256": "0" * 64,
        "temperature": 1,
        "thresholds": {"ELECTRONICS": 0.8},
        "metrics": {"accuracy": 0.7},
        "data": [{"name": "a shop", "photos": 3, "licence": "CC0-1.0"}],
        "base_weights": {"name": "MobileNetV2", "licence": "Apache-2.0", "source": "Keras Applications"},
    } | changed


def test_a_manifest_survives_the_way_to_a_mapping_and_back() -> None:
    """What is written is what is read."""
    bundle = Bundle.from_mapping(manifest())
    assert Bundle.from_mapping(bundle.to_mapping()) == bundle


def test_the_reference_is_name_and_version() -> None:
    """The reference joins name and version with a slash."""
    assert Bundle.from_mapping(manifest()).reference == "retail/1.0.0"


def test_all_problems_are_told_at_once() -> None:
    """One refusal names every wrong, missing and unknown key."""
    found = manifest(dtype="float32", labels=["mug", "mug"], temperature=0, thresholds={"A": 2}, extra=1)
    del found["sha256"]
    with pytest.raises(BundleRefused) as refused:
        Bundle.from_mapping(found)
    for key in ("dtype", "labels", "temperature", "thresholds.A", "extra", "sha256"):
        assert f"{key}: " in str(refused.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "../retail"},
        {"version": "1/0"},
        {"version": ".."},
        {"created": "2025-06-01T12:00:00"},
        {"created": "2025-06-01T12:00:00+02:00"},
        {"created": "yesterday"},
        {"input_size": True},
        {"input_size": 16},
        {"labels": []},
        {"labels": ["mug", 3]},
        {"labels": "mug"},
        {"temperature": "warm"},
        {"temperature": math.nan},
        {"metrics": [1]},
        {"data": [{"name": "a shop"}]},
        {"data": "a shop"},
        {"base_weights": None},
        {"scaling": " "},
        {"sha256": "A" * 64},
    ],
)
def test_a_wrong_value_is_refused_by_its_key(changed: dict[str, Any]) -> None:
    """A value out of its range or of another type is refused, and the message names the key."""
    with pytest.raises(BundleRefused, match=next(iter(changed))):
        Bundle.from_mapping(manifest(**changed))


@given(
    st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()), st.dictionaries(st.text(), st.text()))
)
def test_anything_else_is_refused_and_never_breaks(found: object) -> None:
    """Whatever a YAML file holds instead of a manifest, the answer is a refusal."""
    with pytest.raises(BundleRefused):
        Bundle.from_mapping(found)


@given(st.sampled_from(sorted(manifest())), st.one_of(st.none(), st.lists(st.lists(st.integers()))))
def test_a_key_of_another_kind_never_breaks(key: str, value: object) -> None:
    """A key of quite another kind gives a refusal; only `data` may be an empty list."""
    found = manifest(**{key: value})
    if key == "data" and value == []:
        assert Bundle.from_mapping(found).data == ()
    else:
        with pytest.raises(BundleRefused):
            Bundle.from_mapping(found)


@given(st.text())
def test_a_reference_never_climbs_out(reference: str) -> None:
    """A reference that is taken apart has no part that a path would understand as another folder."""
    try:
        parts = split_reference(reference)
    except BundleRefused:
        return
    assert all(part not in {"", ".", ".."} and "/" not in part and not part.startswith(".") for part in parts)


@pytest.mark.parametrize("reference", ["", "retail", "../x/1", "retail/..", "/etc/passwd", "a/1/2", "a/1\n"])
def test_a_reference_that_is_a_path_is_refused(reference: str) -> None:
    """Only name/version is a reference."""
    with pytest.raises(BundleRefused, match="names no bundle"):
        split_reference(reference)
