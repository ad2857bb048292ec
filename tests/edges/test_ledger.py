"""The ledger on real SQLite: what each transaction changes, and that a refused one changes nothing."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from disks import fill, small_disk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stages import (
    ANSWER,
    IDENTITY,
    MODEL,
    TAXONOMY,
    arrival,
    examined,
    filed,
    intent,
    release,
)

from refundsorter.core.fault import PassingTrouble, Reason
from refundsorter.core.image import Answer, Claimed, IllegalTransition, Intent, Rejection, State
from refundsorter.core.port import Known, Queue
from refundsorter.core.record import Checkpoint, Event, Key
from refundsorter.core.stability import FileIdentity, Source
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_report import LedgerReport

LONGEST_WAIT_S = 300.0
OTHER = FileIdentity(device=1, inode=2, size=30, mtime_ns=40)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the ledger lies."""
    return str(tmp_path / "ledger.sqlite3")


@pytest.fixture
def ledger(path: str) -> Iterator[Ledger]:
    """A new ledger."""
    with closing(Ledger(path, longest_wait_s=LONGEST_WAIT_S)) as one:
        yield one


def states(path: str) -> dict[int, str]:
    """The state of every row, read past the ledger."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT id, state FROM images ORDER BY id"))


def claim(ledger: Ledger, count: int = 1) -> list[Claimed]:
    """Admit that many photos under names of their own, and claim them."""
    ledger.admit([arrival(f"/inbox/{number}.jpg") for number in range(count)])
    return ledger.claim(limit=count, now=101.0)


def classify(ledger: Ledger, count: int = 1) -> list[Intent]:
    """Bring that many photos to `classified`."""
    intents = [intent(examined(one), f"/sorted/TOYS/{one.id}.jpg") for one in claim(ledger, count)]
    ledger.classify(intents)
    return intents


def finish(ledger: Ledger, count: int = 1) -> list[int]:
    """File that many photos; their ids."""
    ids = [one.examined.claimed.id for one in classify(ledger, count)]
    ledger.finish([filed(one) for one in ids])
    return ids


class TestAdmit:
    """Photos that enter."""

    def test_a_photo_enters_waiting(self, ledger: Ledger, path: str) -> None:
        """A complete file becomes a waiting row with everything that was seen."""
        ledger.admit([arrival()], job=5)
        assert states(path) == {1: "waiting"}
        assert ledger.claim(limit=9, now=101.0) == [
            Claimed(
                id=1,
                path="/inbox/a.jpg",
                root="/inbox",
                identity=IDENTITY,
                seen_at=100.0,
                claimed_at=101.0,
                attempts=0,
                job=5,
            )
        ]

    def test_a_photo_enters_once(self, ledger: Ledger, path: str) -> None:
        """However often the same file is seen, in one batch or several, there is one row."""
        ledger.admit([arrival(), arrival()])
        ledger.admit([arrival(seen_at=200.0)])
        assert states(path) == {1: "waiting"}
        assert ledger.queue(limit=9, now=300.0).oldest_seen == 100.0

    @pytest.mark.parametrize("state", ["claimed", "classified"])
    def test_a_photo_in_work_does_not_enter_again(self, ledger: Ledger, path: str, state: str) -> None:
        """A file that is being sorted is not entered a second time, changed or not."""
        (classify if state == "classified" else claim)(ledger)
        ledger.admit([arrival("/inbox/0.jpg"), arrival("/inbox/0.jpg", identity=OTHER)])
        assert states(path) == {1: state}
        assert ledger.claim(limit=9, now=101.0) == []

    def test_the_name_of_a_filed_photo_may_come_again(self, ledger: Ledger, path: str) -> None:
        """A new file under the name of one that was filed is a photo of its own."""
        finish(ledger)
        ledger.admit([arrival("/inbox/0.jpg")])
        assert states(path) == {1: "sorted", 2: "waiting"}

    def test_a_changed_file_renews_its_row(self, ledger: Ledger, path: str) -> None:
        """Another content under a waiting name begins anew: its trouble and its back-off are gone."""
        (one,) = claim(ledger)
        ledger.release([release(one.id, not_before=200.0, attempts=3)])
        ledger.admit([arrival(one.path, identity=OTHER, seen_at=150.0)])
        (again,) = ledger.claim(limit=9, now=151.0)
        assert (again.id, again.identity, again.seen_at, again.attempts) == (one.id, OTHER, 150.0, 0)
        assert states(path) == {1: "claimed"}

    def test_seeing_a_held_back_file_again_does_not_hurry_it(self, ledger: Ledger) -> None:
        """A scan that meets a file which waits out its trouble leaves it waiting."""
        (one,) = claim(ledger)
        ledger.release([release(one.id, not_before=200.0)])
        ledger.admit([arrival(one.path, source=Source.SCAN)])
        assert ledger.claim(limit=9, now=151.0) == []

    def test_a_sweep_tries_a_held_back_file_now(self, ledger: Ledger) -> None:
        """Whoever asks for a sweep wants the file tried again at once, and counted with the job."""
        (one,) = claim(ledger)
        ledger.release([release(one.id, not_before=200.0)])
        ledger.admit([arrival(one.path, source=Source.SWEEP)], job=7)
        assert [(again.id, again.job) for again in ledger.claim(limit=9, now=151.0)] == [(one.id, 7)]

    def test_unknown_are_those_without_an_open_row(self, ledger: Ledger) -> None:
        """A file is known while an unfinished row holds it with the same identity."""
        finish(ledger)
        ledger.admit([arrival("/inbox/b.jpg"), arrival("/inbox/c.jpg")])
        ledger.claim(limit=1, now=101.0)
        asked = [
            arrival("/inbox/0.jpg"),
            arrival("/inbox/b.jpg"),
            arrival("/inbox/c.jpg", identity=OTHER),
            arrival("/inbox/d.jpg"),
        ]
        assert ledger.unknown(asked) == [asked[0], asked[2], asked[3]]

    def test_nothing_is_no_transaction(self, ledger: Ledger, path: str) -> None:
        """Empty batches are answered without touching the disk."""
        os.chmod(path, 0o400)
        for step in (ledger.admit, ledger.classify, ledger.finish, ledger.release, ledger.forget):
            step([])


class TestClaim:
    """Photos that are taken."""

    def test_who_came_first_is_taken_first(self, ledger: Ledger) -> None:
        """Photos are taken in the order in which they were entered, so many at a time."""
        ledger.admit([arrival(f"/inbox/{number}.jpg") for number in (3, 1, 2)])
        taken = [ledger.claim(limit=2, now=101.0), ledger.claim(limit=2, now=102.0)]
        assert [[one.path for one in group] for group in taken] == [
            ["/inbox/3.jpg", "/inbox/1.jpg"],
            ["/inbox/2.jpg"],
        ]

    def test_a_claimed_photo_is_not_taken_again(self, ledger: Ledger) -> None:
        """No photo is in two hands."""
        claim(ledger)
        assert ledger.claim(limit=9, now=102.0) == []

    def test_a_photo_is_held_back_until_its_time(self, ledger: Ledger) -> None:
        """One that met trouble is not taken before its back-off is over; then it is, with its attempts."""
        (one,) = claim(ledger)
        ledger.release([release(one.id, not_before=130.0, attempts=2)])
        assert ledger.claim(limit=9, now=129.9) == []
        assert [again.attempts for again in ledger.claim(limit=9, now=130.0)] == [2]

    def test_fresh_photos_go_before_those_that_met_trouble(self, ledger: Ledger) -> None:
        """A photo that keeps failing does not stop the others."""
        (one,) = claim(ledger)
        ledger.release([release(one.id, not_before=110.0)])
        ledger.admit([arrival("/inbox/fresh.jpg")])
        assert [taken.path for taken in ledger.claim(limit=1, now=120.0)] == ["/inbox/fresh.jpg"]

    def test_a_clock_that_was_set_back_holds_nothing_back(self, ledger: Ledger) -> None:
        """A photo held back for longer than the longest wait was so by another time: it is due."""
        (one,) = claim(ledger)
        ledger.release([release(one.id, not_before=1_000_000.0 + LONGEST_WAIT_S)])
        assert ledger.queue(limit=9, now=1_000_000.0).due == 0
        assert ledger.queue(limit=9, now=999_999.0).due == 1
        assert [again.id for again in ledger.claim(limit=9, now=999_999.0)] == [one.id]

    def test_the_queue_tells_what_waits(self, ledger: Ledger) -> None:
        """What is due is counted up to the limit, with the oldest sighting and the next time."""
        assert ledger.queue(limit=9, now=101.0) == Queue(due=0, oldest_seen=None, next_due=None)
        held, *_ = claim(ledger, 3)
        ledger.release([release(held.id, not_before=130.0)])
        ledger.admit([arrival("/inbox/x.jpg", seen_at=90.0), arrival("/inbox/y.jpg", seen_at=80.0)])
        assert ledger.queue(limit=9, now=101.0) == Queue(due=2, oldest_seen=80.0, next_due=130.0)
        assert ledger.queue(limit=1, now=101.0) == Queue(due=1, oldest_seen=90.0, next_due=130.0)

    def test_claims_of_an_earlier_process_are_given_back(self, ledger: Ledger, path: str) -> None:
        """After a crash what was claimed waits again, and what was decided stays decided."""
        classify(ledger)
        ledger.admit([arrival("/inbox/x.jpg"), arrival("/inbox/y.jpg")])
        ledger.claim(limit=1, now=102.0)
        assert ledger.release_claims() == 1
        assert states(path) == {1: "classified", 2: "waiting", 3: "waiting"}


class TestTransitions:
    """Steps that the table holds, and steps that it does not."""

    def test_a_photo_goes_from_waiting_to_filed(self, ledger: Ledger, path: str) -> None:
        """Each legal step is taken."""
        ledger.admit([arrival()])
        seen = [states(path)[1]]
        (one,) = ledger.claim(limit=1, now=101.0)
        seen.append(states(path)[1])
        ledger.classify([intent(examined(one))])
        seen.append(states(path)[1])
        ledger.finish([filed(one.id)])
        assert [*seen, states(path)[1]] == ["waiting", "claimed", "classified", "sorted"]

    def test_a_decided_photo_may_get_another_destination(self, ledger: Ledger) -> None:
        """Where a name was taken meanwhile, the next one is written down over it."""
        (one,) = classify(ledger)
        ledger.classify([replace(one, destination="/sorted/TOYS/0 (2).jpg")])
        assert [pending.destination for pending in ledger.pending()] == ["/sorted/TOYS/0 (2).jpg"]

    @pytest.mark.parametrize("state", ["waiting", "claimed", "sorted"])
    def test_only_a_decided_photo_can_be_filed(self, ledger: Ledger, path: str, state: str) -> None:
        """Filing from any other state is refused, and the whole batch with it."""
        good = classify(ledger, 2)[0].examined.claimed.id
        if state == "sorted":
            ledger.finish([filed(2)])
        else:
            ledger.release([release(2)])
            ledger.claim(limit=state == "claimed", now=999.0)
        before = states(path)
        assert before == {1: "classified", 2: state}
        with pytest.raises(IllegalTransition, match="1 of 2 photos"):
            ledger.finish([filed(good), filed(2)])
        assert states(path) == before
        assert ledger.unjournaled(9) == [] if state != "sorted" else [2]

    def test_only_a_claimed_photo_can_be_decided(self, ledger: Ledger, path: str) -> None:
        """A decision about a photo that is not in hand is refused, and the whole batch with it."""
        first, second = claim(ledger, 2)
        ledger.release([release(second.id)])
        with pytest.raises(IllegalTransition):
            ledger.classify([intent(examined(first)), intent(examined(second))])
        assert states(path) == {1: "claimed", 2: "waiting"}

    @pytest.mark.parametrize("ids", [[1, 2], [1, 99]], ids=["filed", "unknown"])
    def test_only_an_open_photo_can_be_given_back(self, ledger: Ledger, path: str, ids: list[int]) -> None:
        """A filed photo, or one that nobody knows, cannot be given back."""
        classify(ledger, 2)
        ledger.finish([filed(2)])
        with pytest.raises(IllegalTransition):
            ledger.release([release(one) for one in ids])
        assert states(path) == {1: "classified", 2: "sorted"}

    def test_forgetting_drops_open_rows_only(self, ledger: Ledger, path: str) -> None:
        """A photo that its owner took away leaves no row; a filed one cannot be forgotten."""
        ids = [one.examined.claimed.id for one in classify(ledger, 3)]
        ledger.finish([filed(1)])
        ledger.forget([*ids[:2], 99])
        assert states(path) == {1: "sorted", 3: "classified"}


class TestKnown:
    """What was seen before."""

    def test_an_answer_is_known_by_content_model_and_taxonomy(self, ledger: Ledger) -> None:
        """The same content under the same model and taxonomy has its answer; under others only its first."""
        finish(ledger)
        content = "ab" * 32

        def ask(model: str = MODEL, taxonomy: str = TAXONOMY) -> dict[str, Known]:
            return ledger.known([content, "cd" * 32], model=model, taxonomy=taxonomy)

        assert ask() == {content: Known(first_id=1, answer=ANSWER)}
        assert ask(model="tiny/2.0.0") == {content: Known(first_id=1, answer=None)}
        assert ask(taxonomy="f" * 16) == {content: Known(first_id=1, answer=None)}

    def test_the_first_of_a_content_is_its_first(self, ledger: Ledger) -> None:
        """A content that a new model was asked about has the new answer, and still its first photo."""
        first, second = claim(ledger, 2)
        other = replace(ANSWER, label="kite")
        ledger.classify(
            [
                intent(examined(first)),
                intent(examined(second, model="tiny/2.0.0", outcome=other, duplicate_of=1)),
            ]
        )
        ledger.finish([filed(first.id), filed(second.id)])
        found = ledger.known(["ab" * 32], model="tiny/2.0.0", taxonomy=TAXONOMY)
        assert found == {"ab" * 32: Known(first_id=1, answer=other)}

    def test_copies_and_rejections_are_no_answers(self, ledger: Ledger) -> None:
        """Only a photo that was inferred answers for its content."""
        first, second = claim(ledger, 2)
        ledger.classify(
            [
                intent(examined(first, infer_ms=None, duplicate_of=9)),
                intent(
                    examined(
                        second,
                        outcome=Rejection(reason=Reason.TRUNCATED, detail="ends"),
                        infer_ms=None,
                        sha256="cd" * 32,
                    ),
                    state=State.REJECTED,
                ),
            ]
        )
        assert ledger.known(["ab" * 32, "cd" * 32], model=MODEL, taxonomy=TAXONOMY) == {}

    def test_a_photo_that_is_not_filed_answers_for_nothing(self, ledger: Ledger) -> None:
        """It may still be taken away, and a line must not name it as a first."""
        classify(ledger)
        assert ledger.known(["ab" * 32], model=MODEL, taxonomy=TAXONOMY) == {}

    def test_an_answer_that_was_given_back_is_void(self, ledger: Ledger) -> None:
        """A photo that went back to waiting answers for nothing until it is decided again."""
        (one,) = classify(ledger)
        ledger.release([release(one.examined.claimed.id)])
        assert ledger.known(["ab" * 32], model=MODEL, taxonomy=TAXONOMY) == {}


class TestJournalSide:
    """What the journal is projected from."""

    def test_an_outcome_is_told_with_everything(self, ledger: Ledger) -> None:
        """A filed photo gives a record with each field as it was found and decided."""
        (one,) = claim(ledger)
        ledger.classify([intent(examined(one, duplicate_of=77), "/sorted/_review/TOYS/0.jpg", reason="r")])
        ledger.finish([filed(one.id, state=State.REVIEW, at=110.0)])
        (found,) = ledger.unjournaled(9)
        assert found.fields() | {"top_predictions": [], "time": ""} == {
            "schema": 1, "event": "filed", "id": 1, "time": "", "file": "0.jpg", "source": "/inbox/0.jpg",
            "destination": "/sorted/_review/TOYS/0.jpg", "state": "review", "category": "TOYS",
            "label": "teddy", "confidence": 0.9, "top_predictions": [], "model": MODEL, "sha256": "ab" * 32,
            "bytes": 3, "width": 40, "height": 30, "job": None, "queued_s": 1.0, "decode_ms": 2.5,
            "infer_ms": 3.5, "move_ms": 1.5, "reason": "r", "duplicate_of": 77, "taxonomy": TAXONOMY,
        }  # fmt: skip
        assert found.top_predictions == ANSWER.top_predictions
        assert found.time == 110.0

    def test_a_rejection_is_told_without_an_answer(self, ledger: Ledger) -> None:
        """A photo that could not be read has a reason, and no category, label or size in pixels."""
        (one,) = claim(ledger)
        outcome = Rejection(reason=Reason.EMPTY, detail="0 bytes")
        ledger.classify(
            [intent(examined(one, outcome=outcome, infer_ms=None), state=State.REJECTED, reason="empty")]
        )
        ledger.finish([filed(one.id, state=State.REJECTED)])
        (found,) = ledger.unjournaled(9)
        assert (found.state, found.reason, found.top_predictions) == ("rejected", "empty", ())
        assert {found.category, found.label, found.confidence, found.width, found.height} == {None}

    def test_outcomes_are_told_until_they_are_marked(self, ledger: Ledger) -> None:
        """Oldest first, so many at a time, and not again once their lines are durable."""
        ids = finish(ledger, 3)
        assert [one.id for one in ledger.unjournaled(2)] == ids[:2]
        ledger.mark_journaled(
            [Key(Event.FILED, one) for one in ids[:2]], Checkpoint(day="2026-01-31", offset=99, tip=None)
        )
        assert [one.id for one in ledger.unjournaled(2)] == ids[2:]

    def test_the_checkpoint_is_the_last_one(self, ledger: Ledger) -> None:
        """There is none at first, and then the one that was written last."""
        assert ledger.checkpoint() is None
        for checkpoint in (
            Checkpoint(day="2026-01-31", offset=99, tip=None),
            Checkpoint(day="2026-02-01", offset=7, tip=None),
        ):
            ledger.mark_journaled([], checkpoint)
            assert ledger.checkpoint() == checkpoint

    def test_a_pending_move_is_told_until_it_is_confirmed(self, ledger: Ledger) -> None:
        """What was written down and not confirmed comes back with its photo, its content and its goal."""
        (one,) = classify(ledger)
        (pending,) = ledger.pending()
        assert pending.claimed == one.examined.claimed
        assert (pending.sha256, pending.intended, pending.destination) == (
            "ab" * 32,
            State.SORTED,
            "/sorted/TOYS/1.jpg",
        )
        ledger.finish([filed(1)])
        assert ledger.pending() == []


class TestValues:
    """What must survive being written down."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(raw=st.binary(min_size=1, max_size=255).filter(lambda raw: b"\0" not in raw))
    def test_any_name_survives(self, ledger: Ledger, raw: bytes) -> None:
        """A path comes back byte for byte, whatever bytes it has."""
        name = os.fsdecode(b"/inbox/" + raw)
        ledger.admit([arrival(name)])
        (one,) = ledger.claim(limit=1, now=1e12)
        assert one.path == name
        ledger.classify([intent(examined(one), os.fsdecode(b"/sorted/" + raw))])
        assert os.fsencode(ledger.pending()[0].destination) == b"/sorted/" + raw
        ledger.forget([one.id])

    def test_the_largest_numbers_survive(self, ledger: Ledger) -> None:
        """An inode or a device beyond SQLite's integers comes back as it was."""
        huge = FileIdentity(device=2**64 - 1, inode=2**64 - 1, size=2**63 - 1, mtime_ns=-(2**62))
        ledger.admit([arrival(identity=huge)])
        assert ledger.claim(limit=1, now=101.0)[0].identity == huge
        assert ledger.unknown([arrival(identity=huge)]) == []

    def test_an_answer_survives_exactly(self, ledger: Ledger) -> None:
        """Every digit of the model's answer comes back, whatever its labels are called."""
        odd = replace(
            ANSWER,
            confidence=0.123457,
            top_predictions=(
                replace(ANSWER.top_predictions[0], label='"\n é', confidence=0.1),
                replace(ANSWER.top_predictions[0], rank=2, category=None, confidence=1e-06),
            ),
        )
        (one,) = claim(ledger)
        ledger.classify([intent(examined(one, outcome=odd))])
        ledger.finish([filed(one.id)])
        found: Answer | None = ledger.known(["ab" * 32], model=MODEL, taxonomy=TAXONOMY)["ab" * 32].answer
        assert found == odd


class TestJobs:
    """Runs over sets of photos."""

    def test_a_job_is_counted_by_its_photos(self, ledger: Ledger, path: str) -> None:
        """Photos that were entered for a job are found by it, by state and by category."""
        job = ledger.jobs.begin_sweep(now=100.0)
        ledger.admit([arrival("/inbox/x.jpg"), arrival("/inbox/y.jpg")], job=job)
        (one,) = ledger.claim(limit=1, now=101.0)
        ledger.classify([intent(examined(one))])
        ledger.finish([filed(one.id)])
        ledger.jobs.end_sweep(job, left=0, is_interrupted=False, now=120.0)
        with closing(LedgerReport(path)) as report:
            assert report.job_states(job) == {"sorted": 1, "waiting": 1}
            assert report.job_categories(job) == {"TOYS": 1}
            assert report.job_states(job + 1) == {}

    def test_jobs_have_ids_of_their_own(self, ledger: Ledger) -> None:
        """Each job is told from the one before."""
        assert ledger.jobs.begin_sweep(now=1.0) != ledger.jobs.begin_sweep(now=2.0)


class TestReport:
    """The ledger at a glance, read beside its writer."""

    def test_the_overview_counts(self, ledger: Ledger, path: str) -> None:
        """States, categories, troubles and times are those of the rows."""
        finish(ledger, 2)
        ledger.admit([arrival("/inbox/x.jpg", seen_at=50.0), arrival("/inbox/y.jpg", seen_at=60.0)])
        (one,) = ledger.claim(limit=1, now=101.0)
        ledger.release([release(one.id, trouble="disk full")])
        with closing(LedgerReport(path)) as report:
            found = report.overview()
        assert found.by_state == {"sorted": 2, "waiting": 2}
        assert found.by_category == {"TOYS": 2}
        assert found.trouble == {"disk full": 1}
        assert (found.oldest_open, found.last_finished) == (50.0, 110.0)

    def test_a_ledger_that_is_not_there_is_trouble(self, path: str) -> None:
        """Asking about a ledger that was never made makes none."""
        with pytest.raises(PassingTrouble):
            LedgerReport(path)
        assert not os.path.exists(path)


class TestTrouble:
    """Disks that do not allow it now."""

    def test_a_full_disk_is_waited_out(self, tmp_path: Path) -> None:
        """On a disk that really is full a step is passing trouble; with room again it succeeds."""
        with small_disk(tmp_path / "disk", size="512k") as disk:
            ledger = Ledger(str(disk / "ledger.sqlite3"), longest_wait_s=LONGEST_WAIT_S)
            many = [arrival(f"/inbox/{number}-{'x' * 200}.jpg") for number in range(500)]
            filler = fill(disk)
            with pytest.raises(PassingTrouble):
                ledger.admit(many)
            filler.unlink()
            ledger.admit(many[:50])
            assert ledger.queue(limit=1000, now=101.0).due == 50
            ledger.close()

    def test_a_new_ledger_on_a_full_disk_is_waited_out(self, tmp_path: Path) -> None:
        """A ledger that cannot be made is passing trouble, and is made as soon as there is room."""
        with small_disk(tmp_path / "disk", size="512k") as disk:
            filler = fill(disk)
            with pytest.raises(PassingTrouble):
                Ledger(str(disk / "ledger.sqlite3"), longest_wait_s=LONGEST_WAIT_S)
            filler.unlink()
            Ledger(str(disk / "ledger.sqlite3"), longest_wait_s=LONGEST_WAIT_S).close()

    def test_a_folder_that_is_gone_is_waited_out(self, tmp_path: Path) -> None:
        """A state folder that is not there may come back."""
        with pytest.raises(PassingTrouble):
            Ledger(str(tmp_path / "gone" / "ledger.sqlite3"), longest_wait_s=LONGEST_WAIT_S)

    def test_an_unexpected_error_stays_loud(self, ledger: Ledger, path: str) -> None:
        """What SQLite says that is no passing trouble is not waited out."""
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE jobs")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            ledger.jobs.begin_sweep(now=1.0)


class TestThreads:
    """Several hands on one ledger."""

    def test_two_threads_admit_and_claim_everything_once(self, ledger: Ledger) -> None:
        """Two that enter and two that take at the same time share the photos without loss or double."""
        start, done = threading.Barrier(4), threading.Event()

        def admit(side: str) -> None:
            start.wait()
            for number in range(100):
                ledger.admit([arrival(f"/inbox/{side}{number}.jpg")])

        def take() -> list[int]:
            start.wait()
            taken: list[int] = []
            while True:
                is_last = done.is_set()
                ids = [one.id for one in ledger.claim(limit=7, now=101.0)]
                taken += ids
                if is_last and not ids:
                    return taken

        with ThreadPoolExecutor(4) as pool:
            admitting = [pool.submit(admit, side) for side in "ab"]
            taking = [pool.submit(take) for _ in range(2)]
            for future in admitting:
                future.result()
            done.set()
            taken = [image_id for future in taking for image_id in future.result()]
        assert sorted(taken) == list(range(1, 201))


def test_a_file_enters_once_however_it_comes(ledger: Ledger, path: str) -> None:
    """Sent and seen by a scan it is one photo, also when it was filed between; another file is another."""
    first = ledger.enter(arrival(source=Source.UPLOAD))
    ledger.admit([arrival()])
    assert ledger.enter(arrival()) == first
    (claimed,) = ledger.claim(limit=1, now=200.0)
    ledger.classify([intent(examined(claimed))])
    ledger.finish([filed(claimed.id)])
    assert ledger.enter(arrival()) == first
    assert states(path) == {first: State.SORTED}
    other = ledger.enter(arrival(identity=OTHER))
    assert states(path) == {first: State.SORTED, other: State.WAITING}


def test_a_photo_is_held_back_no_longer(ledger: Ledger) -> None:
    """One that waits for later can be claimed at once; one that does not wait stays as it is."""
    (claimed,) = claim(ledger)
    assert not ledger.hasten(claimed.id)
    ledger.release([release(claimed.id, not_before=250.0, attempts=3, trouble="full")])
    assert ledger.claim(limit=1, now=200.0) == []
    assert ledger.hasten(claimed.id)
    (again,) = ledger.claim(limit=1, now=200.0)
    assert (again.id, again.attempts) == (claimed.id, 0)
