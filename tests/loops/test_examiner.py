import hashlib
import os
import signal
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from pictures import large
from stages import ANSWER
from support import PATIENCE_S, Shop, photo
from workbench import AT_ONCE, fence, harmed, opened, take_in

from refundsorter import assembly
from refundsorter.assembly import Workshop
from refundsorter.core.fault import PassingTrouble, Reason, Vanished
from refundsorter.core.image import Answer, Claimed, Rejection
from refundsorter.core.port import HistoryPort, Known
from refundsorter.edges.fence import FencedDecoder
from refundsorter.edges.filesystem import FileSystem
from refundsorter.loops.contents import Contents
from refundsorter.loops.examiner import Batch, Examiner

RED = photo("red", form="PNG")


@dataclass(frozen=True, slots=True)
class Desk:
    """An examiner with its tools, and photos to examine."""

    workshop: Workshop
    contents: Contents
    examiner: Examiner
    decoder: FencedDecoder

    def claim(self) -> list[Claimed]:
        """Take all that lies in the inbox."""
        take_in(self.workshop)
        return self.workshop.ledger.claim(limit=100, now=1e12)

    def examine(self, claimed: list[Claimed]) -> Batch:
        """Examine a batch."""
        return self.examiner.examine(claimed, self.workshop.model.rules)


@contextmanager
def _desk(shop: Shop, history: HistoryPort | None = None) -> Iterator[Desk]:
    shop.config.write_text(AT_ONCE + "image: {max_bytes: 1 MiB}\n")
    contents = Contents()
    with opened(shop) as workshop:
        examiner, *_ = assembly.examiners(
            workshop.settings,
            workshop.model.stored,
            history or workshop.ledger,
            contents,
            files=FileSystem(),
            fence=fence(),
        )
        assert isinstance(examiner._decoder, FencedDecoder)
        yield Desk(workshop, contents, examiner, examiner._decoder)


def test_twins_in_one_batch_are_inferred_once(shop: Shop) -> None:
    """Of two names for one content the first is inferred, and the second takes its answer."""
    shop.drop("a.png", RED)
    shop.drop("b.png", RED)
    with _desk(shop) as desk:
        first, second = desk.examine(desk.claim()).examined
    assert first.infer_ms is not None
    assert (second.infer_ms, second.duplicate_of) == (None, first.claimed.id)
    assert second.outcome is first.outcome


def test_a_photo_whose_decoder_is_killed_is_tried_later(shop: Shop) -> None:
    """It is no fault of the photo, so it goes back to waiting; its neighbour is examined."""
    shop.drop("large.png", large(6000))
    shop.drop("red.png", RED)
    with _desk(shop) as desk, harmed(desk.decoder, signal.SIGKILL, times=3):
        batch = desk.examine(desk.claim())
    assert [os.path.basename(one.claimed.path) for one in batch.examined] == ["red.png"]
    (unread,) = batch.unread
    assert isinstance(unread.why, PassingTrouble)


def test_twins_in_two_batches_at_once_are_inferred_once(shop: Shop) -> None:
    """A content that another worker has in hand is waited for, and its answer taken."""
    shop.drop("b.png", RED)
    with _desk(shop) as desk, ThreadPoolExecutor(1) as other:
        rules = desk.workshop.model.rules
        content = (rules.model, rules.taxonomy, hashlib.sha256(RED).hexdigest())
        assert desk.contents.lead(content) is None
        examining = other.submit(desk.examine, desk.claim())
        desk.contents.answer(content, Known(first_id=77, answer=ANSWER))
        batch = examining.result(PATIENCE_S)
    (only,) = batch.examined
    assert (only.infer_ms, only.duplicate_of, only.outcome) == (None, 77, ANSWER)
    assert batch.led == [], "the other worker lets it go"


def test_a_leader_without_an_answer_is_not_waited_for(shop: Shop) -> None:
    """A content whose leader gave up is inferred by whoever waited for it."""
    shop.drop("b.png", RED)
    with _desk(shop) as desk, ThreadPoolExecutor(1) as other:
        rules = desk.workshop.model.rules
        content = (rules.model, rules.taxonomy, hashlib.sha256(RED).hexdigest())
        desk.contents.lead(content)
        examining = other.submit(desk.examine, desk.claim())
        desk.contents.let_go([content])
        (only,) = examining.result(PATIENCE_S).examined
    assert only.infer_ms is not None
    assert only.duplicate_of is None


def test_a_bad_file_harms_only_itself(shop: Shop) -> None:
    """In a batch with a text, a truncated and an oversized file every photo is answered for itself."""
    shop.drop("a.png", RED)
    shop.drop("b.png", b"no photo")
    shop.drop("c.png", photo("green", form="PNG", size=(200, 200), seed=1)[:150])
    shop.drop("d.png", bytes((1 << 20) + 1))
    shop.drop("e.png", photo("blue", form="PNG"))
    with _desk(shop) as desk:
        outcomes = {
            os.path.basename(one.claimed.path): one.outcome for one in desk.examine(desk.claim()).examined
        }
    found = {
        name: outcome.reason if isinstance(outcome, Rejection) else outcome.label
        for name, outcome in outcomes.items()
    }
    assert found == {
        "a.png": "red",
        "b.png": Reason.NOT_AN_IMAGE,
        "c.png": Reason.TRUNCATED,
        "d.png": Reason.TOO_LARGE,
        "e.png": "blue",
    }


def test_a_photo_that_is_another_by_now_is_not_examined(shop: Shop) -> None:
    """A photo that was replaced, removed or written to since it was claimed harms not its neighbour."""
    for name in ("kept.png", "removed.png", "replaced.png", "written.png"):
        shop.drop(name, RED)
    with _desk(shop) as desk:
        claimed = desk.claim()
        (shop.inbox / "removed.png").unlink()
        shop.drop("replaced.png", RED)
        with (shop.inbox / "written.png").open("ab") as file:
            file.write(b"more")
        batch = desk.examine(claimed)
    assert [os.path.basename(one.claimed.path) for one in batch.examined] == ["kept.png"]
    assert all(isinstance(one.why, Vanished) for one in batch.unread)
    assert len(batch.unread) == 3


class Unreachable:
    """A history that cannot be asked now."""

    def known(self, contents: Collection[str], *, model: str, taxonomy: str) -> dict[str, Known]:
        """Say so."""
        raise PassingTrouble(f"{len(contents)} contents of {model} and {taxonomy}")


def test_trouble_leaves_no_content_led(shop: Shop) -> None:
    """When the history cannot be asked, the contents are free for whoever comes next."""
    shop.drop("a.png", RED)
    with _desk(shop, Unreachable()) as desk:
        claimed = desk.claim()
        for _ in range(2):  # a content that was still led would be waited for
            with pytest.raises(PassingTrouble):
                desk.examine(claimed)


def test_what_was_answered_before_is_not_inferred_again(shop: Shop) -> None:
    """A content that the ledger knows under this model and taxonomy is a copy of the first, not inferred."""
    shop.drop("a.png", RED)
    with _desk(shop) as desk:
        (first,) = desk.examine(desk.claim()).examined
        desk.workshop.filer.file([first], desk.workshop.model.rules)
        desk.contents.clear()
        shop.drop("b.png", RED)
        claimed = desk.claim()
        (again,) = desk.examine(claimed).examined
        desk.contents.clear()
        renamed = replace(desk.workshop.model.rules, taxonomy="another")
        (under_another,) = desk.examiner.examine(claimed, renamed).examined
    assert (again.infer_ms, again.duplicate_of) == (None, first.claimed.id)
    assert again.outcome == first.outcome
    assert isinstance(under_another.outcome, Answer)
    assert under_another.infer_ms is not None
    assert under_another.duplicate_of == first.claimed.id
