"""The table of transitions, and what follows from it."""

from itertools import product

import pytest

from refundsorter.core.image import FILED, OPEN, TERMINAL, TRANSITIONS, State, predecessors

LEGAL = {
    (State.WAITING, State.CLAIMED),
    (State.CLAIMED, State.CLASSIFIED),
    (State.CLAIMED, State.WAITING),
    (State.CLASSIFIED, State.SORTED),
    (State.CLASSIFIED, State.REVIEW),
    (State.CLASSIFIED, State.REJECTED),
    (State.CLASSIFIED, State.WAITING),
    (State.CLASSIFIED, State.CLASSIFIED),
    (State.SORTED, State.UNDONE),
    (State.REVIEW, State.UNDONE),
    (State.REJECTED, State.UNDONE),
}


@pytest.mark.parametrize(("old", "new"), list(product(State, State)))
def test_every_pair_of_states_is_legal_or_not_as_told(old: State, new: State) -> None:
    """A step is in the table exactly when it is in the list above."""
    assert (new in TRANSITIONS[old]) == ((old, new) in LEGAL)


@pytest.mark.parametrize("state", list(State))
def test_predecessors_turn_the_table_round(state: State) -> None:
    """The predecessors of a state are the states that lead to it."""
    assert predecessors(state) == {old for old, new in LEGAL if new is state}


def test_every_state_has_a_row() -> None:
    """No state is missing from the table."""
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_nothing_leads_back_from_a_terminal_state(state: State) -> None:
    """A filed photo stays filed, or is put back into the inbox; there its row stays as it is."""
    assert TRANSITIONS[state] == ({State.UNDONE} if state in FILED else set())


def test_open_and_terminal_share_the_states() -> None:
    """Every state is either open or terminal; the three outcomes, and what was put back, are terminal."""
    assert set(State) == OPEN | TERMINAL
    assert not OPEN & TERMINAL
    assert {State.SORTED, State.REVIEW, State.REJECTED} == FILED
    assert FILED | {State.UNDONE} == TERMINAL


@pytest.mark.parametrize("state", sorted(OPEN))
def test_a_way_leads_from_every_open_state_to_an_end(state: State) -> None:
    """No photo can be stuck in a circle without an exit."""
    reached, frontier = {state}, [state]
    while frontier:
        fresh = TRANSITIONS[frontier.pop()] - reached
        reached |= fresh
        frontier += fresh
    assert reached >= TERMINAL
