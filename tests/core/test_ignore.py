"""Which names are left alone until they are renamed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.ignore import IgnoreRules
from refundsorter.core.placement import partial_name, taken_name

IGNORED = [
    ".hidden.jpg",
    ".a.jpg.part",
    "~photo.jpg",
    "photo.jpg.part",
    "photo.jpg.partial",
    "photo.jpg.crdownload",
    "photo.tmp",
    "PHOTO.TMP",
    "Photo.Jpg.CrDownload",
    ".~lock.photo.jpg#",
    "two\nlines.part",
    os.fsdecode(b"\xff\xfe.part"),
]
LOOKED_AT = [
    "photo.jpg",
    "photo~.jpg",
    "photo.part.jpg",
    "tmp",
    "part.jpg",
    "photo.tmpx",
    "photo.tmp\n",
    "a\n.hidden",
    " .jpg",
    os.fsdecode(b"\xff\xfe.jpg"),
    "x" * 251 + ".jpg",
]


@pytest.mark.parametrize("name", IGNORED, ids=ascii)
def test_unfinished_and_private_names_are_ignored(name: str) -> None:
    """The defaults ignore hidden, temporary and partial names."""
    assert IgnoreRules().matches(name)


@pytest.mark.parametrize("name", LOOKED_AT, ids=ascii)
def test_other_names_are_looked_at(name: str) -> None:
    """The defaults ignore nothing that merely resembles such a name."""
    assert not IgnoreRules().matches(name)


def test_pattern_that_is_no_suffix_is_exact() -> None:
    """Only a pattern that starts with a star takes upper and lower case for the same."""
    rules = IgnoreRules(("Thumbs.db", "*.PART"))
    assert rules.matches("Thumbs.db")
    assert not rules.matches("thumbs.db")
    assert rules.matches("a.part")


@given(st.text().filter(lambda name: not name.startswith(".refundsorter-")))
def test_no_pattern_ignores_nothing(name: str) -> None:
    """Without patterns every name is looked at but the daemon's own."""
    assert not IgnoreRules(()).matches(name)


@pytest.mark.parametrize("name", [partial_name(7), taken_name("0123456789abcdef", 7)])
@pytest.mark.parametrize("patterns", [(), ("*.jpg",)])
def test_the_daemons_own_names_are_always_ignored(name: str, patterns: tuple[str, ...]) -> None:
    """Whatever the settings say, a photo that a daemon has taken is looked at by none."""
    assert IgnoreRules(patterns).matches(name)


@given(st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name))
def test_any_name_of_a_file_system_can_be_asked_for(name: bytes) -> None:
    """Every byte string that can be a name gets an answer, and the suffix alone decides it."""
    assert IgnoreRules(("*.part",)).matches(os.fsdecode(name) + ".part")
    assert not IgnoreRules(("*.part",)).matches(os.fsdecode(name) + ".jpg")


def test_equal_patterns_are_equal_rules() -> None:
    """Rules are values: those of the same patterns are equal."""
    assert IgnoreRules(("*.a",)) == IgnoreRules(("*.a",))
    assert IgnoreRules(("*.a",)) != IgnoreRules(("*.b",))
