"""What candidates said, in the ledger: of photos that are filed, once for each candidate."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stages import ANSWER, MODEL, arrival, examined, filed, intent

from refundsorter.core.image import State
from refundsorter.core.shadow import Pairing, ShadowAnswer
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_report import LedgerReport

CANDIDATE = "tiny/1.1.0"
SAID = ShadowAnswer(image=1, model=CANDIDATE, category="TOYS", label="teddy", confidence=0.7, filed=True)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the ledger lies."""
    return str(tmp_path / "ledger.sqlite3")


@pytest.fixture
def ledger(path: str) -> Iterator[Ledger]:
    """Photos 1 to 3 are filed, the last of them for review; 4 is being moved."""
    with closing(Ledger(path, longest_wait_s=300.0)) as one:
        one.admit([arrival(f"/inbox/{number}.jpg") for number in range(4)])
        taken = one.claim(limit=4, now=101.0)
        states = [State.SORTED, State.SORTED, State.REVIEW, State.SORTED]
        one.classify(
            [intent(examined(photo), state=state) for photo, state in zip(taken, states, strict=True)]
        )
        one.finish([filed(number + 1, state=states[number]) for number in range(3)])
        yield one


def pairings(path: str, active: str = MODEL) -> list[Pairing]:
    """What the ledger counts for the candidate."""
    with closing(LedgerReport(path)) as report:
        return report.pairings(CANDIDATE, active)


def test_answers_are_counted_beside_what_was_decided(ledger: Ledger, path: str) -> None:
    """Each is held against the photo's category and state; the bundle that decided is told."""
    ledger.keep_shadows(
        [SAID, replace(SAID, image=2, category="PETS", filed=False), replace(SAID, image=3, filed=False)]
    )
    counted = Pairing(active="TOYS", candidate="TOYS", active_filed=True, candidate_filed=True, photos=1)
    assert sorted(map(repr, pairings(path))) == sorted(
        map(
            repr,
            [
                counted,
                replace(counted, candidate="PETS", candidate_filed=False),
                replace(counted, active_filed=False, candidate_filed=False),
            ],
        )
    )
    with closing(LedgerReport(path)) as report:
        assert report.stood_beside(CANDIDATE) == {MODEL: 3}
    assert ANSWER.category == "TOYS"


def test_of_a_photo_that_is_not_filed_nothing_is_kept(ledger: Ledger, path: str) -> None:
    """Neither of one that is still being moved, nor of one that was taken away."""
    ledger.keep_shadows([SAID, replace(SAID, image=4), replace(SAID, image=99)])
    ledger.keep_shadows([])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT image FROM shadow").fetchall() == [(1,)]


def test_the_last_answer_counts(ledger: Ledger, path: str) -> None:
    """A photo that a candidate is asked about again has one row of it."""
    ledger.keep_shadows([replace(SAID, category="PETS")])
    ledger.keep_shadows([SAID])
    assert [one.candidate for one in pairings(path)] == ["TOYS"]


def test_other_deciders_are_told_apart(ledger: Ledger, path: str) -> None:
    """A photo that another bundle decided is counted for that one, and the last decider comes first."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE images SET model = 'tiny/0.9.0' WHERE id = 1")
    ledger.keep_shadows([SAID, replace(SAID, image=2)])
    with closing(LedgerReport(path)) as report:
        assert list(report.stood_beside(CANDIDATE).items()) == [(MODEL, 1), ("tiny/0.9.0", 1)]
    assert sum(one.photos for one in pairings(path)) == 1


def test_an_older_ledger_knows_of_no_candidate(ledger: Ledger, path: str) -> None:
    """One that no daemon has opened since is read all the same."""
    ledger.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE shadow; PRAGMA user_version = 2")
    assert pairings(path) == []
    with closing(LedgerReport(path)) as report:
        assert report.stood_beside(CANDIDATE) == {}
