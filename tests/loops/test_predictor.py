"""The predictor beside the crew: what it answers, refuses and leaves, and whose turn it is."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import PATIENCE_S, Shop, eventually, photo
from workbench import AT_ONCE, opened

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.image import Answer
from refundsorter.core.prediction import Predicted, TooManyWait
from refundsorter.edges.ledger_answers import LedgerAnswers
from refundsorter.edges.ledger_reading import Reader
from refundsorter.loops.predictor import Predictor
from refundsorter.loops.turns import Turns


@contextmanager
def _predictor(shop: Shop, *, room: int, ledger: Path | None = None) -> Iterator[Predictor]:
    """One whose thread does not run."""
    shop.config.write_text(AT_ONCE)
    with opened(shop) as workshop:
        reader = Reader(str(ledger or workshop.ledger_path))
        yield Predictor(
            crew=lambda: workshop.sorter.crew, history=LedgerAnswers(reader), threads=1, load=2, room=room
        )
        reader.close()


def _label(answer: Future[Predicted]) -> str:
    outcome = answer.result(PATIENCE_S).outcome
    assert isinstance(outcome, Answer), outcome
    return outcome.label


def test_what_waits_is_bounded(shop: Shop) -> None:
    """A request that does not fit as a whole is refused as a whole; what was taken is answered in order."""
    with _predictor(shop, room=3) as predictor:
        asked = predictor.ask([photo("red"), photo("green")])
        with pytest.raises(TooManyWait):
            predictor.ask([photo("blue"), photo("white")])
        asked += predictor.ask([photo("black")])
        predictor.start()
        assert [_label(one) for one in asked] == ["red", "green", "black"]
        predictor.stop()


def test_nobody_waits_for_what_has_stopped(shop: Shop) -> None:
    """What waits at the end is told so, and what comes later is refused."""
    with _predictor(shop, room=3) as predictor:
        (asked,) = predictor.ask([photo("red")])
        predictor.stop()
        with pytest.raises(PassingTrouble, match="stops"):
            asked.result(PATIENCE_S)
        with pytest.raises(PassingTrouble, match="stops"):
            predictor.ask([photo("red")])


def test_an_answer_does_not_need_the_ledger(shop: Shop) -> None:
    """Where what was seen before cannot be asked, the image is looked at."""
    with _predictor(shop, room=3, ledger=shop.base / "none.sqlite3") as predictor:
        (asked,) = predictor.ask([photo("blue")])
        predictor.start()
        assert _label(asked) == "blue"
        predictor.stop()


def test_whoever_gives_back_waits_behind_whoever_waits() -> None:
    """Two threads that each want the only tool again at once take turns, always."""
    turns, order, count = Turns(["tool"]), list[str](), 100
    held = turns.take()

    def work(name: str) -> None:
        for _ in range(count):
            tool = turns.take()
            order.append(name)
            if len(order) == 1:
                assert both.wait(PATIENCE_S)
            turns.give(tool)

    both = threading.Event()
    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    turns.give(held)
    eventually(lambda: turns._waiting, "the other one waits")
    both.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order in ([*"ab"] * count, [*"ba"] * count)
