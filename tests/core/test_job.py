import pytest
from stages import ANSWER

from refundsorter.core.fault import Reason
from refundsorter.core.image import IllegalTransition, Rejection
from refundsorter.core.job import (
    JOB_TRANSITIONS,
    Job,
    JobState,
    Scope,
    Tally,
    report,
    require_step,
)

RUNNING = Job(
    id=7,
    kind="sweep",
    state=JobState.RUNNING,
    scope=Scope(),
    by=None,
    asked_at=90.0,
    started_at=100.0,
    scanned_at=None,
    ended_at=None,
    trouble=None,
)
TALLY = Tally(found=20, review=1, kept=2, categories={"TOYS": 4, "GROCERY": 2}, failures={"empty": 1})


def test_states_lead_where_the_table_says() -> None:
    """Every step of the table may be taken and no other; what is over stays so."""
    for before in JobState:
        for after in JobState:
            if after in JOB_TRANSITIONS[before]:
                require_step(before, after)
            else:
                with pytest.raises(IllegalTransition, match=f"that is {before} cannot become {after}"):
                    require_step(before, after)
    assert not JOB_TRANSITIONS[JobState.DONE] | JOB_TRANSITIONS[JobState.CANCELLED]


def test_a_job_wants_photos_by_label_or_by_category() -> None:
    """One with classes wants what shows one of them; one without wants all, rejected ones too."""
    torn = Rejection(reason=Reason.TRUNCATED, detail="")
    assert [Scope(classes=one).wants(ANSWER) for one in ((), ("TOYS",), ("teddy",), ("GROCERY",))] == [
        True, True, True, False,
    ]  # fmt: skip
    assert (Scope().wants(torn), Scope(classes=("TOYS",)).wants(torn)) == (True, False)


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), "1234"),
        (Scope(paths=("/in/a",)), "23"),
        (Scope(paths=("/in/a/2.jpg", "/in/1.jpg")), "12"),
        (Scope(glob="*.jpg"), "124"),
        (Scope(glob="a/*"), "23"),
        (Scope(glob="in/*"), ""),
        (Scope(paths=("/in/a",), glob="[0-9].png"), "3"),
    ],
)
def test_paths_and_a_pattern_narrow_what_is_covered(scope: Scope, covered: str) -> None:
    """A path covers itself and what lies below, a pattern the end of the path below the inbox."""
    paths = ["/in/1.jpg", "/in/a/2.jpg", "/in/a/3.png", "/in/ab/4.jpg"]
    assert "".join(path[-5] for path in paths if scope.covers(path, root="/in")) == covered


def test_scopes_that_mean_the_same_are_equal() -> None:
    """Order and repetition of classes and paths do not matter."""
    one = Scope.of(classes=("b", "a", "b"), paths=("/y", "/x"))
    assert one == Scope.of(classes=("a", "b"), paths=("/x", "/y", "/y"))


def test_a_report_adds_up() -> None:
    """done, left, the rate and the time left follow from the counts; no percent while more may be found."""
    found = report(RUNNING, TALLY, now=105.0)
    assert (found.sorted, found.rejected, found.done, found.left) == (6, 1, 10, 10)
    assert (found.percent, found.rate, found.time_left_s) == (None, 2.0, None)
    searched = report(_with(scanned_at=104.0), TALLY, now=105.0)
    assert (searched.percent, searched.rate, searched.time_left_s) == (50.0, 2.0, 5.0)


def test_a_report_of_what_is_over_stays_the_same() -> None:
    """The rate is that of its run, and nothing is left to wait for; of nothing all is done."""
    ended = _with(state=JobState.CANCELLED, ended_at=110.0)
    assert report(ended, TALLY, now=1e9) == report(ended, TALLY, now=111.0)
    assert report(ended, TALLY, now=111.0).time_left_s is None
    assert report(ended, Tally(), now=111.0).percent == 100.0
    never_begun = _with(state=JobState.CANCELLED, started_at=None, ended_at=110.0)
    assert report(never_begun, Tally(), now=111.0).percent is None
    queued = report(_with(state=JobState.QUEUED, started_at=None), Tally(), now=111.0)
    assert (queued.rate, queued.percent, queued.started) == (None, None, None)


def _with(**changed: object) -> Job:
    values = {name: getattr(RUNNING, name) for name in RUNNING.__slots__}
    return Job(**values | changed)
