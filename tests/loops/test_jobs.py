from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from faults.account import take
from support import PATIENCE_S, Shop, eventually, photo
from workbench import AT_ONCE, Events, opened

from refundsorter import jobs
from refundsorter.assembly import Workshop
from refundsorter.core.job import JobReport, Scope
from refundsorter.daemon import Loop

ON_REQUEST = AT_ONCE.replace("stability_s: 0", "stability_s: 0, mode: jobs")


@pytest.fixture
def on_request(shop: Shop) -> Shop:
    """A shop whose inbox is not watched."""
    shop.config.write_text(ON_REQUEST)
    return shop


@contextmanager
def at_work(workshop: Workshop) -> Iterator[None]:
    """The sorter and the runner of jobs at work; stopped at the end, which must not fail."""
    loops = [Loop("sorter", workshop.sorter.run), Loop("jobs", workshop.jobs.run)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        workshop.jobs.stop()
        workshop.sorter.stop()
        for loop in loops:
            loop.join(PATIENCE_S)
            assert not loop.is_alive(), f"the {loop.name} does not end"
            if loop.error is not None:
                raise loop.error


def ask(workshop: Workshop, scope: Scope = Scope()) -> int:  # noqa: B008 - a frozen value
    """Ask for a job, as the HTTP face does; its number."""
    desk = jobs.JobDesk(workshop.settings, workshop.ledger.jobs, on_change=workshop.jobs.wake)
    return desk.start(scope, by=None, key=None).id


def standing(workshop: Workshop, number: int) -> JobReport:
    """How a job stands."""
    return jobs.one(workshop.ledger_path, number)


def ended(workshop: Workshop, number: int) -> bool:
    """Whether a job is over."""
    return standing(workshop, number).ended is not None


def test_an_inbox_that_is_away_is_waited_for(on_request: Shop) -> None:
    """The job says what holds it up, goes on when the inbox is back, and then nothing holds it up."""
    on_request.drop("a.jpg", photo("red"))
    before = on_request.photos()
    away = on_request.base / "away"
    with opened(on_request) as workshop:
        on_request.inbox.rename(away)
        with at_work(workshop):
            number = ask(workshop)
            eventually(lambda: standing(workshop, number).trouble, "the trouble told")
            assert standing(workshop, number).trouble == f"{on_request.inbox}: could not be looked through"
            assert standing(workshop, number).percent is None
            away.rename(on_request.inbox)
            eventually(lambda: ended(workshop, number), "the job over")
        found = standing(workshop, number)
    assert (found.state, found.found, found.sorted, found.trouble) == ("done", 1, 1, None)
    assert take(on_request, before).lines == 1


def test_an_inbox_that_is_away_holds_up_no_other_job(on_request: Shop) -> None:
    """Where another job waits, one that could not look everywhere is done, and keeps saying why."""
    events = Events()
    with opened(on_request, log=events) as workshop:
        on_request.inbox.rename(on_request.base / "away")
        with at_work(workshop):
            first, second = ask(workshop), ask(workshop)
            events.wait_for("job.ended")
            eventually(lambda: standing(workshop, second).trouble, "the second one's turn")
        assert standing(workshop, first).trouble == f"{on_request.inbox}: could not be looked through"
        assert standing(workshop, first).state == "done"


def test_a_stop_leaves_a_job_to_the_next_start(on_request: Shop) -> None:
    """Stopped while its inbox is away, the job goes on in the next process as if nothing had happened."""
    on_request.drop("a.jpg", photo("red"))
    away = on_request.base / "away"
    with opened(on_request) as workshop:
        on_request.inbox.rename(away)
        with at_work(workshop):
            number = ask(workshop)
            eventually(lambda: standing(workshop, number).trouble, "the trouble told")
        assert standing(workshop, number).state == "running"
    away.rename(on_request.inbox)
    with opened(on_request) as workshop, at_work(workshop):
        eventually(lambda: ended(workshop, number), "the job over")
        assert (standing(workshop, number).sorted, standing(workshop, number).left) == (1, 0)
