"""Photos that are put back: where they go, what holds them back, and that they are not sorted again."""

import os
from pathlib import Path

import pytest
from faults.account import take
from support import Shop, photo
from workbench import AT_ONCE, Events, opened, rows, running, sort_all

from refundsorter.assembly import Workshop
from refundsorter.core.correction import Stage, Verdict
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.edges.ledger_returned import WithReturned


@pytest.fixture
def filed(shop: Shop) -> Shop:
    """A shop that has filed apple (WARM), pea (COLD), and plum (COLD) out of a box in the inbox."""
    shop.config.write_text(AT_ONCE.replace("stability_s: 0", "stability_s: 0, recursive: true"))
    (shop.inbox / "box").mkdir()
    for seed, (name, colour) in enumerate({"apple": "red", "pea": "green", "box/plum": "blue"}.items(), 1):
        shop.drop(f"{name}.jpg", photo(colour, seed=seed))
    sweep(shop)
    return shop


def sweep(shop: Shop) -> None:
    """Sort what lies in the inbox."""
    with opened(shop) as workshop:
        sort_all(workshop)


def ids(shop: Shop) -> dict[str, int]:
    """The newest number of each photo, by the name that it arrived under."""
    return {Path(row["path"]).stem: row["id"] for row in rows(shop)}


def put_back(workshop: Workshop, *numbers: int) -> list[Verdict]:
    """Have photos put back; what became of each."""
    asked = workshop.ledger.corrections.ask_back(numbers, by=None, now=1.0)
    workshop.sorter.corrector.take_up()
    verdicts = workshop.ledger.corrections.verdicts(asked.values())
    return [verdicts[asked[number]] for number in numbers]


def states(shop: Shop) -> dict[str, str]:
    """How the newest photo of each name stands."""
    return {Path(row["path"]).stem: row["state"] for row in rows(shop)}


def test_a_photo_lies_where_it_came_from(filed: Shop) -> None:
    """Each under its own path, byte for byte, with its line; its own line stays what it was."""
    before, lines = filed.photos(), filed.lines()
    with opened(filed) as workshop:
        verdicts = put_back(workshop, *ids(filed).values())
    assert {one.stage for one in verdicts} == {Stage.DONE}
    for seed, (name, colour) in enumerate({"apple": "red", "pea": "green", "box/plum": "blue"}.items(), 1):
        assert (filed.inbox / f"{name}.jpg").read_bytes() == photo(colour, seed=seed)
    assert filed.lines()[:3] == lines
    assert [(one["event"], one["to"], one["how"]) for one in filed.lines()[3:]] == 3 * [
        ("undone", None, "undone")
    ]
    assert take(filed, before).undone == 3


def test_a_name_that_is_taken_is_not_overwritten(filed: Shop) -> None:
    """Beside another file of its name a photo gets the next free one."""
    (filed.inbox / "apple.jpg").write_bytes(b"somebody's")
    with opened(filed) as workshop:
        (verdict,) = put_back(workshop, ids(filed)["apple"])
    assert verdict.destination == str(filed.inbox / "apple (2).jpg")
    assert (filed.inbox / "apple.jpg").read_bytes() == b"somebody's"
    assert (filed.inbox / "apple (2).jpg").read_bytes() == photo("red", seed=1)


def test_a_name_that_is_taken_at_the_last_moment_is_not_overwritten(filed: Shop) -> None:
    """A file that comes between the choice of the name and the move keeps it."""
    came: list[str] = []

    def come(operation: str, path: str) -> None:
        if operation == "rename" and path.endswith("WARM/apple.jpg") and not came:
            came.append(path)
            (filed.inbox / "apple.jpg").write_bytes(b"somebody's")

    with opened(filed, files=FileSystem(come)) as workshop:
        (verdict,) = put_back(workshop, ids(filed)["apple"])
    assert verdict.destination == str(filed.inbox / "apple (2).jpg")
    assert (filed.inbox / "apple.jpg").read_bytes() == b"somebody's"


def test_a_folder_that_is_gone_is_made_again(filed: Shop) -> None:
    """Below the inbox, durably; the inbox itself is never made: it is waited for."""
    (filed.inbox / "box").rmdir()
    with opened(filed) as workshop:
        (verdict,) = put_back(workshop, ids(filed)["plum"])
        assert verdict.destination == str(filed.inbox / "box" / "plum.jpg")
        filed.inbox.rename(filed.base / "put away")
        (held,) = put_back(workshop, ids(filed)["pea"])
        assert held.stage is Stage.ASKED
        assert "the inbox is away" in str(held.trouble)
        assert not filed.inbox.exists()
        (filed.base / "put away").rename(filed.inbox)
        workshop.sorter.corrector.take_up()
    assert (filed.inbox / "pea.jpg").exists()


def test_no_link_in_an_inbox_is_followed(filed: Shop) -> None:
    """Where a folder of the inbox has become a link, nothing is put where it leads."""
    (filed.base / "elsewhere").mkdir()
    (filed.inbox / "box").rmdir()
    (filed.inbox / "box").symlink_to(filed.base / "elsewhere")
    with opened(filed) as workshop:
        (held,) = put_back(workshop, ids(filed)["plum"])
    assert "no link in an inbox is followed" in str(held.trouble)
    assert list((filed.base / "elsewhere").iterdir()) == []
    assert (filed.sorted / "COLD" / "plum.jpg").exists()


def test_an_inbox_that_is_none_any_more_gets_nothing_back(filed: Shop) -> None:
    """A photo of an inbox that the settings do not name is left where it is, and that is told."""
    (filed.base / "other").mkdir()
    filed.config.write_text(filed.config.read_text() + "inbox: [other]\n")
    with opened(filed) as workshop:
        (verdict,) = put_back(workshop, ids(filed)["apple"])
    assert verdict.trouble == f"it came from {filed.inbox}, which is no inbox any more"
    assert (filed.sorted / "WARM" / "apple.jpg").exists()


def test_what_is_held_back_keeps_no_other_waiting(shop: Shop) -> None:
    """However many photos of an inbox that is away are asked for first, the others are put back."""
    (shop.base / "away").mkdir()
    shop.config.write_text(AT_ONCE + "inbox: [inbox, away]\n")
    for number in range(120):
        (shop.base / "away" / f"{number}.jpg").write_bytes(b"no photo %d" % number)
    sweep(shop)
    shop.drop("last.jpg", photo("red"))
    sweep(shop)
    (shop.base / "away").rename(shop.base / "put away")
    with opened(shop) as workshop:
        *held, last = put_back(workshop, *range(1, 122))
    assert {one.stage for one in held} == {Stage.ASKED}
    assert last.stage is Stage.DONE
    assert (shop.inbox / "last.jpg").exists()


def test_it_is_asked_for_once(filed: Shop) -> None:
    """Whoever asks again, after a kill perhaps, is told the same number; what is back is not asked for."""
    with opened(filed) as workshop:
        corrections = workshop.ledger.corrections
        first = corrections.ask_back([1, 2], by=None, now=1.0)
        again = corrections.ask_back([2, 1, 3], by=None, now=2.0)
        assert {number: again[number] for number in first} == first
        workshop.sorter.corrector.take_up()
        assert corrections.ask_back([1, 2, 3], by=None, now=3.0) == {}
        assert corrections.open_ones(again.values()) == 0


@pytest.mark.parametrize("by", ["sweep", "job", "watch"])
def test_it_is_not_sorted_again_by_itself(filed: Shop, by: str) -> None:
    """Neither the watch, which sees it come, nor a sweep or a job takes it; another photo they do."""
    log = Events()
    with opened(filed, log=log) as workshop:
        if by == "watch":
            with running(workshop) as intakes:
                intakes[0].watching.wait()
                workshop.ledger.corrections.ask_back([1, 2, 3], by=None, now=1.0)
                log.wait_for("photo.undone", 3)
                filed.drop("new.jpg", photo("white", seed=9))
                log.wait_for("photo.sorted")
        else:
            put_back(workshop, 1, 2, 3)
            filed.drop("new.jpg", photo("white", seed=9))
            sort_all(workshop)
    assert sorted(states(filed).items()) == [
        ("apple", "undone"), ("new", "sorted"), ("pea", "undone"), ("plum", "undone")
    ]  # fmt: skip
    assert len(rows(filed)) == 4


def test_what_is_written_to_or_renamed_is_new(filed: Shop) -> None:
    """Under another name, or with another content, a photo that was put back is a new arrival."""
    with opened(filed) as workshop:
        put_back(workshop, 1, 2, 3)
    (filed.inbox / "apple.jpg").rename(filed.inbox / "Elstar.jpg")
    (filed.inbox / "pea.jpg").write_bytes(photo("red", seed=77))
    sweep(filed)
    assert states(filed) == {"apple": "undone", "Elstar": "sorted", "pea": "sorted", "plum": "undone"}


def test_it_is_the_same_photo_on_a_device_of_another_number(filed: Shop) -> None:
    """After a restart that gives its disk another number it is left where it lies all the same."""
    with opened(filed) as workshop:
        put_back(workshop, 1, 2, 3)
        with workshop.ledger._write() as connection:
            connection.exec_driver_sql("UPDATE images SET identity = '999' || ltrim(identity, '0123456789')")
    sweep(filed)
    assert set(states(filed).values()) == {"undone"}


def test_it_is_put_back_from_a_disk_of_another_number(filed: Shop) -> None:
    """After such a restart the inbox beside the shelf is known all the same, by the photo itself."""
    with opened(filed) as workshop:
        with workshop.ledger._write() as connection:
            connection.exec_driver_sql("UPDATE images SET identity = '999' || identity")
        (verdict,) = put_back(workshop, 1)
    assert verdict.stage is Stage.DONE


def test_asked_for_it_is_sorted_again(filed: Shop) -> None:
    """It is a new photo then, and no copy of itself; a copy that comes later is a copy of that one."""
    with opened(filed) as workshop:
        put_back(workshop, 1)
    with opened(filed) as workshop:
        job = workshop.ledger.jobs.begin_sweep(now=0.0)
        for intake in workshop.intakes(watched=False, job=job, undone=True):
            intake.run_once()
        workshop.sorter.finish_when_empty()
        workshop.sorter.run()
    filed.drop("copy.jpg", (filed.sorted / "WARM" / "apple.jpg").read_bytes())
    sweep(filed)
    again, copy = rows(filed)[-2:]
    assert (again["state"], again["duplicate_of"]) == ("sorted", None)
    assert copy["duplicate_of"] == again["id"]


def test_where_everything_is_wanted_nothing_is_left_out(filed: Shop) -> None:
    """`WithReturned` enters what a sweep leaves."""
    with opened(filed) as workshop:
        put_back(workshop, 1)
        (intake,) = workshop.intakes(watched=False, undone=True)
        assert isinstance(intake._ledger, WithReturned)


def test_a_photo_that_was_put_back_is_put_right_no_more(filed: Shop) -> None:
    """A correction of it is refused; nothing of it is learned from."""
    with opened(filed) as workshop:
        workshop.ledger.corrections.ask([1], "PLAIN", by=None, now=1.0)
        workshop.sorter.corrector.take_up()
        put_back(workshop, 1)
        (number,) = workshop.ledger.corrections.ask([1], "COLD", by=None, now=1.0)
        workshop.sorter.corrector.take_up()
        (verdict,) = workshop.ledger.corrections.verdicts([number]).values()
        report = LedgerReport(workshop.ledger_path)
        assert list(report.corrected()) == []
        report.close()
    assert verdict.trouble == "it was put back into the inbox, and is sorted no more"


def test_moved_to_the_shelf_by_hand_it_is_a_stranger(filed: Shop) -> None:
    """What a person takes out of the inbox again is no correction of what was undone."""
    with opened(filed) as workshop:
        put_back(workshop, 1)
        os.rename(filed.inbox / "apple.jpg", filed.sorted / "COLD" / "apple.jpg")
        workshop.sorter.reconciler.run_once()
    assert [line["event"] for line in filed.lines()] == 3 * ["filed"] + ["undone"]
