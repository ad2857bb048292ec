"""Predictions that are recorded: once in the ledger, once in the journal, whatever happens between."""

import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

from faults import account
from faults.lost import lose, rebuild
from http_face import Client, form, served
from support import LABELS, Shop, eventually, photo
from workbench import rows

from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.record import rfc3339


def recorded(client: Client, count: int, **fields: str) -> list[dict[str, Any]]:
    """Ask about so many images, each with a request of its own, and have the answers kept."""
    answers = []
    for number in range(count):
        body, headers = form([photo(LABELS[number % len(LABELS)], seed=number)], record="true", **fields)
        answers += client.ask("/v1/predict", method="POST", body=body, headers=headers).json["predictions"]
    return answers


def told(shop: Shop) -> list[dict[str, Any]]:
    """The journal's lines of predictions."""
    return [line for line in shop.lines() if line["event"] == "predicted"]


def test_a_kill_after_the_answer_loses_none(shop: Shop) -> None:
    """What was answered with a number has one line after the next start; photos are not touched by it."""
    answers = []
    for _ in range(3):
        with served(shop) as face:
            answers += recorded(face.client, 5)
            face.daemon.process.kill()
            face.daemon.process.wait()
    shop.run("sweep")
    lines = told(shop)
    assert (
        [line["prediction"] for line in lines] == [one["prediction"] for one in answers] == list(range(1, 16))
    )
    for line, answer in zip(lines, answers, strict=True):
        assert {name: line[name] for name in answer} == answer
    account.take(shop, Counter())


def test_they_come_back_with_a_rebuilt_ledger(shop: Shop) -> None:
    """Row by row, numbers go on, and written once more the lines are the same byte for byte."""
    with served(shop) as face:
        recorded(face.client, 3, top_k="2")
        eventually(lambda: len(told(shop)) == 3, "the lines are written")
        assert face.daemon.stop() == 0
    journal = max((shop.sorted / "_journal").glob("*.jsonl"))
    before, written = rows(shop, "SELECT * FROM prediction"), journal.read_bytes()
    lose(shop)
    found = rebuild(shop)
    assert (found["lines"], found["predicted"]) == (3, 3)
    after = rows(shop, "SELECT * FROM prediction")
    for row in (*before, *after):
        row["answered_at"] = rfc3339(row["answered_at"])  # to the journal's millisecond
    assert after == before
    with closing(sqlite3.connect(shop.state / LEDGER_FILE)) as connection:
        connection.execute("UPDATE prediction SET written = 0")
        connection.execute("DELETE FROM checkpoint")
        connection.commit()
    journal.unlink()
    shop.run("sweep")
    assert journal.read_bytes() == written
    with served(shop) as face:
        (again,) = recorded(face.client, 1)
    assert (again["prediction"], again["cached"]) == (4, False), "more labels are told than were kept"


def test_what_somebody_cut_off_is_written_again(shop: Shop) -> None:
    """Lines of predictions that are missing from the newest file are owed again."""
    with served(shop) as face:
        recorded(face.client, 4)
        eventually(lambda: len(told(shop)) == 4, "the lines are written")
        assert face.daemon.stop() == 0
    journal = max((shop.sorted / "_journal").glob("*.jsonl"))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:40])
    shop.run("sweep")
    assert journal.read_bytes() == b"".join(lines)
