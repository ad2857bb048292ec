"""Where photos go, and names that never overwrite; names are any bytes that a file system allows."""

import os
from pathlib import PurePath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refundsorter.core.decision import Decision
from refundsorter.core.fault import Reason
from refundsorter.core.image import State
from refundsorter.core.placement import alike, folder, free_name, numbered, partial_name

MAX_BYTES = 255
HARD_NAMES = [
    b"\xff\xfe\x80.jpg", b"two\nlines.jpg", b"x" * 251 + b".jpg", b"x" * 255, b"\x80" * 255, b".jpg", b"a.",
    b"a." + b"s" * 253, "ä".encode() * 127, "ä".encode() * 125 + b".jpeg", "🎁".encode() * 63, b" ", b"-rf",
    b"x" * 247 + b" (2).jpg", b"\x80" * 251 + b".jpg",
]  # fmt: skip


@st.composite
def any_names(draw: st.DrawFn) -> str:
    """A file's name as the system gives it: 1 to 255 bytes without NUL and slash, UTF-8 or not."""
    raw = draw(
        st.one_of(
            st.binary(min_size=1, max_size=MAX_BYTES),
            st.text(min_size=1).map(lambda text: text.encode(errors="surrogatepass")[:MAX_BYTES]),
            st.sampled_from(HARD_NAMES),
            st.tuples(st.binary(min_size=240, max_size=251), st.sampled_from([b".jpg", b".tif"])).map(
                b"".join
            ),
        )
    )
    raw = raw.replace(b"\0", b"0").replace(b"/", b"-")
    return os.fsdecode(b"x" + raw[1:] if raw in {b".", b".."} else raw)


def is_utf8(name: str) -> bool:
    """Whether the name's bytes are UTF-8."""
    try:
        os.fsencode(name).decode()
    except UnicodeDecodeError:
        return False
    return True


@given(any_names(), st.integers(2, 10**9))
def test_a_numbered_name_always_fits(name: str, number: int) -> None:
    """However long the name and the number, the result is 1 to 255 bytes and one part of a path."""
    raw = os.fsencode(numbered(name, number))
    assert 0 < len(raw) <= MAX_BYTES
    assert b"/" not in raw
    assert b"\0" not in raw


@given(any_names(), st.integers(2, 10**9))
def test_a_numbered_name_stays_utf8(name: str, number: int) -> None:
    """Shortening never halves a character of a name that is UTF-8."""
    if is_utf8(name):
        assert is_utf8(numbered(name, number))


@given(any_names(), st.lists(st.integers(2, 10**6), unique=True, min_size=2, max_size=20))
def test_numbers_give_distinct_names(name: str, numbers: list[int]) -> None:
    """No two numbers of one name give the same name."""
    assert len({numbered(name, number) for number in numbers}) == len(numbers)


@given(any_names(), st.integers(2, 10**6))
def test_the_suffix_stays(name: str, number: int) -> None:
    """What programs recognise a picture by is kept: a suffix of up to 32 bytes."""
    suffix = os.path.splitext(os.fsencode(name))[1]
    if len(suffix) <= 32:
        assert os.fsencode(numbered(name, number)).endswith(b" (%d)" % number + suffix)


@given(any_names())
def test_the_first_form_is_the_name_itself(name: str) -> None:
    """A name that is free is used unchanged, byte for byte."""
    assert numbered(name, 1) == name
    assert free_name(name, lambda _: False) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a (2).jpg"),
        ("a", "a (2)"),
        (".jpg", ".jpg (2)"),
        ("a.tar.gz", "a.tar (2).gz"),
        ("a (2).jpg", "a (2) (2).jpg"),
        ("x" * 251 + ".jpg", "x" * 247 + " (2).jpg"),
        ("ä" * 125 + ".jpg", "ä" * 123 + " (2).jpg"),
        ("a." + "s" * 40, "a." + "s" * 40 + " (2)"),
    ],
)
def test_the_second_form_of_a_name(name: str, expected: str) -> None:
    """The number stands before the suffix, and the stem gives way where there is no room."""
    assert numbered(name, 2) == expected


def test_a_name_that_is_no_utf8_is_shortened_no_further_than_it_must() -> None:
    """Bytes that look like halves of characters are kept as far as they fit."""
    assert os.fsencode(numbered(os.fsdecode(b"\x80" * 251 + b".jpg"), 2)) == b"\x80" * 247 + b" (2).jpg"


@given(any_names(), st.sets(st.integers(1, 40)))
@example(os.fsdecode(HARD_NAMES[13]), {1})
def test_a_free_name_is_free(name: str, numbers: set[int]) -> None:
    """Whatever forms of a name are taken, gaps or not, the one that is given is not among them."""
    taken = {numbered(name, number) for number in numbers}
    assert free_name(name, taken.__contains__) not in taken


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 100, 1000, 100_000])
def test_a_free_name_is_found_with_few_looks(count: int) -> None:
    """With n photos of one name the next gets number n + 1, after about 2 log n looks."""
    looks = 0
    names = {numbered("a.jpg", number) for number in range(1, count + 1)}

    def taken(name: str) -> bool:
        nonlocal looks
        looks += 1
        return name in names

    assert free_name("a.jpg", taken) == numbered("a.jpg", count + 1)
    assert looks <= 2 + 2 * count.bit_length()


@pytest.mark.parametrize(
    ("state", "reason", "category", "expected"),
    [
        (State.SORTED, None, "TOYS", "TOYS"),
        (State.REVIEW, "below_threshold", "TOYS", "_review/TOYS"),
        (State.REVIEW, "below_threshold", None, "_review/unknown"),
    ],
)
def test_the_folder_of_a_decision(
    state: State, reason: str | None, category: str | None, expected: str
) -> None:
    """A sure photo lies under its category, a doubtful one under its best guess."""
    found = folder(Decision(state=state, reason=reason), category=category, shelved_duplicate=False)
    assert found == PurePath(expected)


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("shelved", [False, True])
def test_the_folder_of_a_rejection(reason: Reason, *, shelved: bool) -> None:
    """A rejected photo lies under its reason, copy or not."""
    decision = Decision(state=State.REJECTED, reason=reason.value)
    assert folder(decision, category=None, shelved_duplicate=shelved) == PurePath("_rejected", reason.value)


@pytest.mark.parametrize(
    ("state", "expected"), [(State.SORTED, "_duplicates/TOYS"), (State.REVIEW, "_duplicates/_review/TOYS")]
)
def test_a_shelved_duplicate_keeps_its_place_below_duplicates(state: State, expected: str) -> None:
    """A copy that is kept apart lies where it would have lain, one level down."""
    decision = Decision(state=state, reason=None)
    assert folder(decision, category="TOYS", shelved_duplicate=True) == PurePath(expected)


def test_a_partial_name_is_hidden() -> None:
    """A copy in the making is seen neither by people nor by any inbox."""
    assert partial_name(7).startswith(".")
    assert partial_name(7).endswith(".part")
    assert partial_name(7) != partial_name(8)


@pytest.mark.parametrize(
    ("one", "other"),
    [("/s/a.JPG", "/S/A.jpg"), ("/s/\u00e9.png", "/s/E\u0301.png"), ("/s/stra\u00dfe", "/s/STRASSE")],
)
def test_paths_that_some_file_system_takes_for_one_are_alike(one: str, other: str) -> None:
    """Neither case nor the encoding of an accent tells two promised paths apart."""
    assert alike(one) == alike(other)


@pytest.mark.parametrize("other", ["/s/b.jpg", "/t/a.jpg", "/s/a (2).jpg", "/s/\udcff.jpg"])
def test_other_paths_are_not_alike(other: str) -> None:
    """Any other difference does, also in bytes that are no text."""
    assert alike("/s/a.jpg") != alike(other)
