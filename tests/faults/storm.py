"""Everything at once, seeded: photos are dropped, renamed and deleted, daemons killed, clocks jump.

Run as a program with a number it is the daemon with a clock of its own: `storm.py CLOCK-SEED run --config …`;
else it makes one storm after another: `storm.py --seeds 20 --seconds 30`.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults import clients
from faults.account import take
from support import COLOURS, Shop, environment, eventually, every_file, make_shop, photo
from workbench import journaled, rows

from refundsorter import __main__ as refundsorter
from refundsorter.core.fault import NameTaken, Vanished
from refundsorter.edges.filesystem import FileSystem
from refundsorter.exits import ExitCode

STABILITY_S = 1.0
SETTINGS = f"""\
watch: {{stability_s: {STABILITY_S}, scan_interval_s: 2, recursive: true}}
batch: {{workers: 2}}
retry: {{base_s: 0.05, max_s: 1}}
move: {{min_free_bytes: 0}}
http: {{unix_socket: {clients.SOCKET}}}
"""
SERVED = {"REFUNDSORTER_HTTP__ENABLED": "true"}
WRITE_S = 0.05  # the longest rest of a slow writer: far below the stability
NAMES = 40  # so few that they collide on the shelf, and in the inbox
FOLDERS = ("", "from the scanner", "from the scanner/today")
BROKEN_SHARE = 0.1
SERVING = 0.7  # share of the daemons that live long enough to answer a client
RECORDED = 0.5  # share of the predictions that are to be recorded
OPEN_JOBS = "SELECT count(*) AS count FROM jobs WHERE state IN ('queued', 'running', 'cancelling')"
JUMP_H = 48  # the clock of a daemon jumps this far at most, back or ahead, once a second
LONGEST_LIFE_S = 4.0
ENDS_OF_A_SWEEP = {ExitCode.OK, ExitCode.LEFT, ExitCode.TEMPORARY, -9}


@dataclass(frozen=True, slots=True, kw_only=True)
class StormCounts:
    """What happened in a storm whose account was right."""

    photos: int  # that were put into the inbox
    lines: int  # in the journal: one for each photo that was not deleted
    kills: int  # daemons killed
    renames: int  # of photos that lay in the inbox
    deletions: int  # of photos by their owners, before they were moved
    sweeps: int  # beside the daemon, refused or not
    uploads: int  # photos that were sent and answered with 202; not counted: those that were not answered
    unanswered: int  # photos that were sent and not answered so, whether or not they are there
    predictions: int  # that were answered
    recorded: int  # of these, with a number
    jobs: int  # that were asked for over HTTP


@dataclass(slots=True)
class Storm:
    """One storm: its folders, and what its threads have done."""

    shop: Shop
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    files: FileSystem = field(default_factory=FileSystem)
    put: Counter[str] = field(default_factory=Counter)  # the sha256 of every photo put into the inbox
    done: Counter[str] = field(default_factory=Counter)
    promises: clients.Promises = field(default_factory=clients.Promises)  # what clients were answered

    @property
    def outside(self) -> Path:
        """Where photos are made, on the file system of the inbox."""
        return self.shop.base / "outside"

    @property
    def grave(self) -> Path:
        """Where owners put what they delete, so that it can be counted."""
        return self.shop.base / "grave"

    def count(self, deed: str) -> None:
        """Note that something was done."""
        with self.lock:
            self.done[deed] += 1

    def has_put(self, content: bytes) -> None:
        """Note that a photo lies in the inbox."""
        with self.lock:
            self.put[hashlib.sha256(content).hexdigest()] += 1

    def rest(self, numbers: random.Random, longest_s: float) -> None:
        """Wait a moment, or less if the storm is over."""
        self.over.wait(numbers.uniform(0, longest_s))


def storm(base: Path, seed: int, seconds: float) -> StormCounts:
    """Let a storm blow, let the daemon come to rest, and take the account; fails if it is wrong."""
    one = Storm(make_shop(base))
    one.shop.config.write_text(SETTINGS)
    for folder in (one.outside, one.grave, *(one.shop.inbox / name for name in FOLDERS)):
        folder.mkdir(exist_ok=True)
    deeds: list[Callable[[Storm, random.Random], None]] = [
        copy_slowly,
        copy_slowly,
        _rename_in,
        link_in,
        rename,
        delete,
        _run_and_kill,
        _sweep,
        _send,
        _send_slowly,
        _predict,
        _start_job,
    ]
    with ThreadPoolExecutor(len(deeds)) as threads:
        blowing = [
            threads.submit(again_and_again, one, deed, random.Random(f"{seed} {number}"))
            for number, deed in enumerate(deeds)
        ]
        one.over.wait(seconds)
        try:  # on a machine with much else to do no daemon may have lived long enough until then
            eventually(lambda: one.over.is_set() or one.promises.has_each_kind(), "answers to clients")
        finally:
            one.over.set()
    for deed in blowing:
        deed.result()
    return _account(one)


def again_and_again(one: Storm, deed: Callable[[Storm, random.Random], None], numbers: random.Random) -> None:
    """Do a deed until the storm is over."""
    try:
        while not one.over.is_set():
            deed(one, numbers)
    finally:
        one.over.set()  # who fails ends the storm


def buried(one: Storm) -> Counter[str]:
    """The sha256 of every photo that its owner deleted."""
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in every_file(one.grave))


def _account(one: Storm) -> StormCounts:
    """Let a daemon work until it is quiet, and count."""
    dead = buried(one)
    one.put += one.promises.sent + _arrived_unanswered(one)
    left = one.put - dead
    with one.shop.daemon(**SERVED) as daemon:
        daemon.wait_for("http.listening")  # by then what was half-sent is removed
        # One look at the ledger is not enough: a file may be on its way from the inbox into it.
        eventually(lambda: not every_file(one.shop.inbox), "an empty inbox")
        eventually(journaled(one.shop, left.total()), "every photo with its line")
        eventually(lambda: rows(one.shop, OPEN_JOBS)[0]["count"] == 0, "an end of each job")
        assert daemon.stop() == ExitCode.OK
    found = take(one.shop, left)
    assert found.lines == found.photos == left.total()
    clients.require_kept(one.shop, one.promises)
    status = json.loads(one.shop.run("status", "--json").stdout)
    assert {state: count for state, count in status["photos"].items() if count} == found.states
    return StormCounts(
        photos=one.put.total(),
        lines=found.lines,
        kills=one.done["kill"],
        renames=one.done["rename"],
        deletions=dead.total(),
        sweeps=one.done["sweep"],
        uploads=one.promises.sent.total(),
        unanswered=len(one.promises.perhaps),
        predictions=one.promises.asked,
        recorded=len(one.promises.predictions),
        jobs=len(one.promises.jobs),
    )


def _arrived_unanswered(one: Storm) -> Counter[str]:
    """The photos of requests without a good answer that are there all the same: whole, or not at all."""
    there = clients.lying([one.shop.inbox, one.shop.sorted, one.grave])
    return Counter({sha256: 1 for sha256 in one.promises.perhaps if there[sha256]})


def _content(numbers: random.Random) -> bytes:
    if numbers.random() < BROKEN_SHARE:
        return numbers.randbytes(numbers.randrange(200))
    form = numbers.choice(("JPEG", "PNG"))
    return photo(numbers.choice(list(COLOURS)), form=form, seed=numbers.randrange(1, 1 << 32))


def _place(one: Storm, numbers: random.Random) -> Path:
    return one.shop.inbox / numbers.choice(FOLDERS) / f"photo {numbers.randrange(NAMES)}.jpg"


def _made_outside(one: Storm, numbers: random.Random, content: bytes) -> Path:
    path = one.outside / f"{numbers.randrange(1 << 62)}"
    path.write_bytes(content)
    return path


def copy_slowly(one: Storm, numbers: random.Random) -> None:
    """Write a photo into the inbox piece by piece."""
    content = _content(numbers)
    pieces = numbers.randrange(1, 30)
    step = max(1, len(content) // pieces)
    try:
        file = _place(one, numbers).open("xb", buffering=0)
    except FileExistsError:
        return
    with file:
        for at in range(0, len(content), step):
            file.write(content[at : at + step])
            one.rest(numbers, WRITE_S)
    one.has_put(content)


def _rename_in(one: Storm, numbers: random.Random) -> None:
    content = _content(numbers)
    made = _made_outside(one, numbers, content)
    try:
        one.files.rename(str(made), str(_place(one, numbers)))
    except NameTaken:
        made.unlink()
    else:
        one.has_put(content)
    one.rest(numbers, 0.1)


def link_in(one: Storm, numbers: random.Random) -> None:
    """Give a photo that lies elsewhere a name in the inbox, too."""
    content = _content(numbers)
    made = _made_outside(one, numbers, content)
    try:
        _place(one, numbers).hardlink_to(made)
    except FileExistsError:
        pass
    else:
        one.has_put(content)
    one.rest(numbers, 0.2)
    made.unlink()


def _any_photo(one: Storm, numbers: random.Random) -> str | None:
    lying = [path for path in every_file(one.shop.inbox) if not path.name.startswith(".")]
    return str(numbers.choice(lying)) if lying else None


def rename(one: Storm, numbers: random.Random) -> None:
    """Rename a photo that lies in the inbox."""
    photo_there = _any_photo(one, numbers)
    if photo_there is not None:
        try:
            one.files.rename(photo_there, str(_place(one, numbers)))
        except (NameTaken, Vanished):
            pass  # somebody was quicker
        else:
            one.count("rename")
    one.rest(numbers, 0.1)


def delete(one: Storm, numbers: random.Random) -> None:
    """Delete a photo: what could be renamed out of the inbox is its owner's, and is counted at the end."""
    photo_there = _any_photo(one, numbers)
    if photo_there is not None:
        with suppress(Vanished):  # somebody was quicker
            one.files.rename(photo_there, str(one.grave / f"{numbers.randrange(1 << 62)}"))
    one.rest(numbers, 0.6)


def _run_and_kill(one: Storm, numbers: random.Random) -> None:
    """Run a daemon and kill it; it may be refused while a sweep runs, and ends in no other way by itself."""
    command = [sys.executable, __file__, str(numbers.randrange(1 << 32)), "run"]
    with (one.shop.base / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--config", str(one.shop.config)], stderr=log, env=environment() | SERVED
        )
    try:
        if numbers.random() < SERVING:
            while process.poll() is None and not (one.over.is_set() or clients.is_open(one.shop)):
                one.over.wait(0.1)
        one.rest(numbers, LONGEST_LIFE_S)
        status = process.poll()
        assert status in (None, ExitCode.TEMPORARY), f"the daemon ended with {status}: {_end_of_log(one)}"
        if status is None:
            one.count("kill")
    finally:
        process.kill()
        process.wait()


def _sweep(one: Storm, numbers: random.Random) -> None:
    one.rest(numbers, 3.0)
    ended = subprocess.run(
        [sys.executable, __file__, "0", "sweep", "--config", str(one.shop.config)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert ended.returncode in ENDS_OF_A_SWEEP, f"a sweep ended with {ended.returncode}: {ended.stderr}"
    one.count("sweep")


def _send(one: Storm, numbers: random.Random) -> None:
    if not _is_open(one):
        return
    clients.send(one.shop, one.promises, clients.many(numbers, _new_photo))
    one.rest(numbers, 0.2)


def _send_slowly(one: Storm, numbers: random.Random) -> None:
    """So slowly that many a daemon dies amid it."""
    if not _is_open(one):
        return
    photos = clients.many(numbers, _new_photo)
    clients.send(one.shop, one.promises, photos, pause=lambda: one.rest(numbers, 0.2))
    one.rest(numbers, 0.2)


def _predict(one: Storm, numbers: random.Random) -> None:
    if not _is_open(one):
        return
    photos = clients.many(numbers, _new_photo)
    clients.predict(one.shop, one.promises, photos, record=numbers.random() < RECORDED)
    one.rest(numbers, 0.2)


def _start_job(one: Storm, numbers: random.Random) -> None:
    if not _is_open(one):
        return
    clients.start_job(one.shop, one.promises, f"{numbers.randrange(1 << 62)}")
    one.rest(numbers, 2.0)


def _is_open(one: Storm) -> bool:
    """Whether a client can send now; if not, it waits a moment."""
    found = clients.is_open(one.shop)
    if not found:
        one.over.wait(0.1)
    return found


def _new_photo(numbers: random.Random) -> bytes:
    """One that nobody else has."""
    return photo(numbers.choice(list(COLOURS)), form="PNG", seed=numbers.randrange(1, 1 << 62))


def _end_of_log(one: Storm) -> str:
    return (one.shop.base / "log").read_text()[-3000:]


def _run_with_a_clock(seed: str) -> None:
    """The command line, in a process whose wall clock jumps every second."""
    right = time.time

    def jumping() -> float:
        numbers = random.Random(f"{seed} {int(time.monotonic())}")
        return right() + 3600 * numbers.uniform(-JUMP_H, JUMP_H)

    if seed != "0":
        time.time = jumping
    refundsorter.main()


def one_after_another(blow: Callable[[Path, int, float], object], described: str | None) -> None:
    """Run storms as the command line says."""
    parser = argparse.ArgumentParser(description=described)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args()
    for seed in range(asked.first, asked.first + asked.seeds):
        with tempfile.TemporaryDirectory(prefix="refundsorter-storm-") as folder:
            found = blow(Path(folder) / "shop", seed, asked.seconds)
        sys.stdout.write(f"seed {seed}: {found}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].isdigit():
        _run_with_a_clock(sys.argv.pop(1))
    else:
        one_after_another(storm, __doc__)
