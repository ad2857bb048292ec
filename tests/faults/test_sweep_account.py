import os
from pathlib import Path

from faults.account import TERMINAL, take
from faults.kill import corpus_shop, finish, kill_often
from support import every_file

FILES = int(os.environ.get("REFUNDSORTER_TEST_FILES", "400"))


def test_a_sweep_accounts_for_every_file(tmp_path: Path) -> None:
    """After a sweep each file, whatever it is and is called, lies on the shelf once, with its line."""
    shop, before = corpus_shop(tmp_path, FILES, seed=2)
    said = finish(shop)
    found = take(shop, before)
    assert (found.photos, found.lines, found.inbox) == (FILES, FILES, 0)
    assert said["found"] == FILES
    assert {state: said[state] for state in TERMINAL} == {state: found.states[state] for state in TERMINAL}
    assert said["left"] == 0


def test_a_sweep_accounts_for_what_an_earlier_one_began(tmp_path: Path) -> None:
    """After a kill the next sweep finds what lies in the inbox, whoever entered it in the ledger first."""
    shop, before = corpus_shop(tmp_path, 200, seed=4)
    assert kill_often(shop, 200, kills=1, seed=4) == 1
    lay_there = len(every_file(shop.inbox))
    assert lay_there > 0
    said = finish(shop)
    assert said["found"] == lay_there == sum(said[state] for state in (*TERMINAL, "left"))
    take(shop, before)


def test_a_corpus_has_something_of_everything(tmp_path: Path) -> None:
    """The corpus that stands for what people drop is sorted into every kind of folder, copies among it."""
    shop, _ = corpus_shop(tmp_path, 250, seed=3)
    finish(shop)
    lines = shop.lines()
    assert {line["state"] for line in lines} == set(TERMINAL)
    assert {line["reason"] for line in lines} >= {None, "truncated", "empty", "not_an_image"}
    assert any(line["duplicate_of"] for line in lines)
    assert any(" (2)" in line["destination"] for line in lines)
    assert max(len(os.fsencode(line["file"])) for line in lines) == os.pathconf(tmp_path, "PC_NAME_MAX")
