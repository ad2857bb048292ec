"""What is done with a move that was cut short."""

from itertools import product

import pytest

from refundsorter.core.recovery import REPAIRS, Found, Repair, repair

EVERY_CASE = [
    (Found.SAME, Found.SAME, Repair.DROP_SOURCE),
    (Found.SAME, Found.OTHER, Repair.RELEASE),
    (Found.SAME, Found.NOTHING, Repair.RELEASE),
    (Found.SAME, Found.UNREACHABLE, Repair.HOLD),
    (Found.OTHER, Found.SAME, Repair.FINISH),
    (Found.OTHER, Found.OTHER, Repair.FORGET),
    (Found.OTHER, Found.NOTHING, Repair.FORGET),
    (Found.OTHER, Found.UNREACHABLE, Repair.HOLD),
    (Found.NOTHING, Found.SAME, Repair.FINISH),
    (Found.NOTHING, Found.OTHER, Repair.FORGET),
    (Found.NOTHING, Found.NOTHING, Repair.FORGET),
    (Found.NOTHING, Found.UNREACHABLE, Repair.HOLD),
    (Found.UNREACHABLE, Found.SAME, Repair.HOLD),
    (Found.UNREACHABLE, Found.OTHER, Repair.HOLD),
    (Found.UNREACHABLE, Found.NOTHING, Repair.HOLD),
    (Found.UNREACHABLE, Found.UNREACHABLE, Repair.HOLD),
]
CASES = list(product(Found, Found))


@pytest.mark.parametrize(("source", "destination", "expected"), EVERY_CASE)
def test_every_case(source: Found, destination: Found, expected: Repair) -> None:
    """What lies at the source and at the destination decides alone."""
    assert repair(source=source, destination=destination) is expected


def test_no_case_is_left_out() -> None:
    """Every pair of findings is told above."""
    assert {(source, destination) for source, destination, _ in EVERY_CASE} == set(CASES)


@pytest.mark.parametrize(("source", "destination"), CASES)
def test_a_source_is_removed_only_for_a_proved_copy(source: Found, destination: Found) -> None:
    """The one repair that removes a file needs the photo itself at both places."""
    if repair(source=source, destination=destination) is Repair.DROP_SOURCE:
        assert source is destination is Found.SAME


@pytest.mark.parametrize(("source", "destination"), CASES)
def test_a_photo_is_forgotten_only_where_it_is_nowhere(source: Found, destination: Found) -> None:
    """A row is dropped only when both places were looked at and neither holds the photo."""
    if repair(source=source, destination=destination) is Repair.FORGET:
        assert not {Found.SAME, Found.UNREACHABLE} & {source, destination}


def test_what_cannot_be_told_is_not_in_the_table() -> None:
    """The table holds what was seen; everything else is looked at again."""
    assert all(Found.UNREACHABLE not in case for case in REPAIRS)
