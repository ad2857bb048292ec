"""Which step of a night is next."""

from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.night_steps import NightRecord, Outcome, Step, StepRecord, Told, next_step

NIGHT = NightRecord(date="2026-01-31", job=7)
DONE = Told(outcome=Outcome.DONE, sentence="all well")
KNOWN = st.sets(st.sampled_from(list(Step)))


def over(step: Step, outcome: Outcome = Outcome.DONE) -> StepRecord:
    """A step that is over."""
    return StepRecord(step=step, began=1.0, ended=2.0, told=Told(outcome=outcome, sentence=""))


@given(KNOWN, st.data())
def test_each_step_that_there_is_comes_once_in_its_order(known: set[Step], data: st.DataObject) -> None:
    """However they end, and however often one is cut short before."""
    night, order = NIGHT, list[Step]()
    while (step := next_step(night, known, is_swept=True)) is not None:
        if data.draw(st.booleans()):
            night = night.with_step(StepRecord(step=step, began=1.0))
            assert next_step(night, known, is_swept=True) is step
        night = night.with_step(over(step, data.draw(st.sampled_from(list(Outcome)))))
        order.append(step)
    assert order == [step for step in Step if step in known]


@given(KNOWN)
def test_only_health_comes_before_the_sweep_is_over(known: set[Step]) -> None:
    """All that looks at what came waits for it."""
    found = next_step(NIGHT, known, is_swept=False)
    assert found is (Step.HEALTH if Step.HEALTH in known else None)
    assert next_step(NIGHT.with_step(over(Step.HEALTH)), known, is_swept=False) is None


def test_a_night_is_well_where_nothing_was_found() -> None:
    """What is found, and what fails, is for a person; what is not over yet is not known."""
    assert NIGHT.with_step(over(Step.DRIFT)).with_step(StepRecord(step=Step.REPORT, began=3.0)).is_well
    assert not NIGHT.with_step(over(Step.DRIFT, Outcome.FOUND)).is_well
    assert not NIGHT.with_step(over(Step.DRIFT, Outcome.FAILED)).is_well
