"""Is everything as the daemon needs it? Each check says what it found and, if need be, what to do."""

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from refundsorter import kinship, nights
from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.check import Check, Verdict
from refundsorter.core.fault import (
    BundleRefused,
    ConfigurationInvalid,
    NoAnswer,
    PassingTrouble,
    StartRefused,
    Vanished,
)
from refundsorter.core.placement import JOURNAL
from refundsorter.core.record import day_of
from refundsorter.door import keyring
from refundsorter.edges import listening, mounts
from refundsorter.edges.classifier import Classifier
from refundsorter.edges.ledger_report import LedgerUnusable, read_overview, require_whole
from refundsorter.edges.patience import Share
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.locks import sorter_pid
from refundsorter.model import load_model
from refundsorter.policies import watch_mode, worker_count
from refundsorter.settings import Settings

LOW_SPACE_BYTES = 1 << 30  # below this a shelf fills within an afternoon of phone photos
FEW_WATCHES = 1024  # fewer inotify watches than this run out with a modest tree of folders
INOTIFY_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


def examine(settings: Settings) -> Iterator[Check]:
    """Every check, in order; nothing is changed."""
    ledger, has_filed = _ledger(settings)
    answering = []
    for inbox in settings.inbox:
        try:
            yield from Share(str(inbox)).call(lambda: _inbox(inbox, settings))  # noqa: B023 - called at once
            answering.append(inbox)
        except NoAnswer as hangs:
            yield _failed(
                "inbox", str(hangs), "see to the share that it lies on; a daemon that runs waits for it"
            )
    if has_filed and not os.path.lexists(settings.sorted):
        yield _lost_shelf(settings.sorted)
    else:
        yield _folder("sorted", settings.sorted, made_by_us=True)
    yield _folder("state_dir", settings.state_dir, made_by_us=True)
    yield _space(settings, answering)
    yield ledger
    if has_filed and os.path.lexists(settings.sorted):
        yield from _journal(settings)
    yield from _model(settings)
    if ledger.verdict is Verdict.OK:
        yield nights.check(settings, str(settings.state_dir / LEDGER_FILE), now=time.time())
    yield from _http(settings)


def _inbox(inbox: Path, settings: Settings) -> list[Check]:
    checks = [_folder("inbox", inbox, made_by_us=False)]
    if os.path.isdir(inbox):
        checks += [_watching(inbox, settings), _same_file_system(inbox, settings.sorted)]
    return checks


def _folder(name: str, folder: Path, *, made_by_us: bool) -> Check:
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except FileNotFoundError:
        return _missing(name, folder, made_by_us=made_by_us)
    except OSError as error:
        return _failed(name, f"{folder} cannot be reached: {error.strerror}", _advice(error.errno))
    if not is_folder:
        return _failed(name, f"{folder} is no folder", f"move it away, or name another `{name}`")
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".refundsorter-"):
            pass
    except OSError as error:
        return _failed(name, f"{folder} cannot be written to: {error.strerror}", _advice(error.errno))
    return Check(name=name, verdict=Verdict.OK, found=str(folder))


def _missing(name: str, folder: Path, *, made_by_us: bool) -> Check:
    if not made_by_us:
        todo = "make it, or mount the share; a daemon that runs waits for it"
        return _failed(name, f"{folder} is missing", todo)
    return Check(name=name, verdict=Verdict.OK, found=f"{folder} is missing; it is made at start")


def _lost_shelf(shelf: Path) -> Check:
    return _failed(
        "sorted",
        f"{shelf} is missing, and the ledger knows of photos that were filed there",
        "mount it; if it was removed on purpose, make it again",
    )


def _failed(name: str, found: str, todo: str) -> Check:
    return Check(name=name, verdict=Verdict.FAILED, found=found, todo=todo)


def _advice(number: int | None) -> str:
    """What to do about an error of the system on a folder."""
    match number:
        case errno.EROFS:
            return "its file system is read-only: remount it read-write (mount -o remount,rw)"
        case errno.ENOSPC | errno.EDQUOT:
            return "make room on its disk"
        case errno.EACCES | errno.EPERM:
            return f"give user {os.geteuid()} the right to read, write and enter it"
        case errno.ELOOP:
            return "put the file itself in place of the link"
        case errno.ENOTDIR:
            return "a part of its path is no folder; move that away, or name another folder"
        case _:
            return "see to the disk or the share that it lies on"


def _watching(inbox: Path, settings: Settings) -> Check:
    if (mode := watch_mode(settings, inbox)) == "jobs":
        return Check(name="watching", verdict=Verdict.OK, found="not watched: only jobs take photos")
    why = mounts.why_polling(inbox) if mode == "auto" else None
    if mode == "polling" or why:
        return Check(name="watching", verdict=Verdict.OK, found=f"by polling: {why or 'the settings say so'}")
    watches = _number(INOTIFY_WATCHES)
    if watches is not None and watches < FEW_WATCHES:
        return Check(
            name="watching",
            verdict=Verdict.WARNING,
            found=f"by inotify, with only {watches} watches",
            todo="sysctl fs.inotify.max_user_watches=65536",
        )
    return Check(name="watching", verdict=Verdict.OK, found=f"by inotify, {watches} watches allowed")


def _same_file_system(inbox: Path, shelf: Path) -> Check:
    name = "moving"
    if not _is_elsewhere(inbox, shelf):
        return Check(name=name, verdict=Verdict.OK, found="inbox and sorted share a file system: by rename")
    return Check(
        name=name,
        verdict=Verdict.WARNING,
        found="inbox and sorted lie on two file systems: by verified copy, which is slower",
        todo="put both on one file system if speed matters",
    )


def _space(settings: Settings, inboxes: Sequence[Path]) -> Check:
    shelf = _existing(settings.sorted)
    try:
        free = shutil.disk_usage(shelf).free
    except OSError as error:
        return _failed("space", f"{shelf}: {error.strerror}", _advice(error.errno))
    found = (
        f"{free / 2**30:.1f} GiB free on the shelf"
        if free >= 2**30
        else f"{free >> 20} MiB free on the shelf"
    )
    todo = "make room, or put `sorted` on a larger disk"
    least = settings.move.min_free_bytes
    if free <= least and any(_is_elsewhere(inbox, shelf) for inbox in inboxes):
        return _failed("space", f"{found}; nothing is copied there below {least} bytes", todo)
    if free < LOW_SPACE_BYTES:
        return Check(name="space", verdict=Verdict.WARNING, found=found, todo=todo)
    return Check(name="space", verdict=Verdict.OK, found=found)


def _is_elsewhere(inbox: Path, shelf: Path) -> bool:
    """Whether an inbox that is there lies on another file system than the shelf."""
    return os.path.isdir(inbox) and os.stat(inbox).st_dev != os.stat(_existing(shelf)).st_dev


def _ledger(settings: Settings) -> tuple[Check, bool]:
    """The ledger's check, and whether it knows of photos that were filed."""
    try:
        path = str(settings.state_dir / LEDGER_FILE)
        if (overview := read_overview(path)) is not None:
            require_whole(path)
        knows_nothing = overview is None or overview.is_blank
        is_lost = knows_nothing and kinship.has_lines(str(settings.sorted / JOURNAL))
        pid = sorter_pid(settings)
    except LedgerUnusable as refused:
        return _failed("ledger", refused.found, refused.todo), False
    except StartRefused as refused:  # a folder that is none, or no lock where one should be
        return _failed("ledger", str(refused), "see to what lies there"), False
    except (PassingTrouble, Vanished) as error:
        number = error.__cause__.errno if isinstance(error.__cause__, OSError) else errno.EACCES
        return _failed("ledger", str(error), _advice(number)), False
    if is_lost:
        return _lost(pid), True
    if overview is None:
        return Check(name="ledger", verdict=Verdict.OK, found="none yet; it is made at start"), False
    user = f"in use by pid {pid}" if pid else "not in use"
    photos = _counted(sum(overview.by_state.values()), "photo", "photos")
    check = Check(name="ledger", verdict=Verdict.OK, found=f"{photos}, {user}")
    return check, overview.last_finished is not None


def _lost(pid: int | None) -> Check:
    """A ledger that knows nothing beside a journal with lines, and who sorts all the same."""
    found, todo = "it knows of no photo, but the journal has lines", "refundsorter ledger rebuild"
    if pid is None:
        return _failed("ledger", f"{found}: it was lost", todo)
    # Its ledger was deleted under it, or lies elsewhere.
    return _failed(
        "ledger", f"{found}, and process {pid} sorts", f"stop it first, or name its `state_dir`; then {todo}"
    )


def _journal(settings: Settings) -> Iterator[Check]:
    """The journal of a shelf that was used."""
    folder, ledger = str(settings.sorted / JOURNAL), str(settings.state_dir / LEDGER_FILE)
    if not os.path.isdir(folder):
        todo = f"mount it; if the journal is lost for good, make {folder} again"
        yield _failed("journal", "the shelf has no journal folder; is it mounted?", todo)
        return
    try:
        found = list(kinship.misfits(ledger, folder, today=day_of(time.time())))
    except PassingTrouble as trouble:
        yield _failed("journal", str(trouble), _advice(errno.EACCES))
        return
    for one in found:
        yield _failed("journal", one.found, one.todo or _advice(one.errno))
    if not found:
        yield Check(name="journal", verdict=Verdict.OK, found=folder)


def _model(settings: Settings) -> Iterator[Check]:
    try:
        model = load_model(settings)
        bundle = model.stored.manifest
        Classifier(model.stored.weights, labels=len(bundle.labels), input_size=bundle.input_size)
    except BundleRefused as refused:
        todo = "choose one of `refundsorter models verify` by `models activate`, or train one"
        yield Check(name="model", verdict=Verdict.FAILED, found=_one_line(str(refused)), todo=todo)
        return
    except ConfigurationInvalid as invalid:
        yield Check(
            name="taxonomy",
            verdict=Verdict.FAILED,
            found=_one_line(str(invalid)),
            todo=f"mend {settings.taxonomy}",
        )
        return
    found = f"{bundle.reference}: {_counted(len(bundle.labels), 'label', 'labels')}, "
    found += _counted(worker_count(settings), "worker", "workers")
    yield Check(name="model", verdict=Verdict.OK, found=found)
    remarks = read_taxonomy(settings.taxonomy).misfits(bundle.labels)
    for remark in remarks:
        yield Check(name="taxonomy", verdict=Verdict.WARNING, found=remark, todo=f"mend {settings.taxonomy}")
    if not remarks:
        found = _counted(len(model.rules.interpretation.categories), "category", "categories")
        yield Check(name="taxonomy", verdict=Verdict.OK, found=found)


def _http(settings: Settings) -> Iterator[Check]:
    """Where the daemon that runs answers; nothing while none does, for the port may be free then or not."""
    try:
        keyring(settings)
    except (StartRefused, PassingTrouble) as refused:
        yield _failed("http", _one_line(str(refused)), "mend it: the daemon does not start like this")
        return
    said = listening.read(settings.state_dir, pid=sorter_pid(settings))
    if said and said.address:
        yield Check(name="http", verdict=Verdict.OK, found=said.address)
    elif said:
        todo = "free the port, or make the socket's folder, or name another one and restart; sorting goes on"
        yield Check(name="http", verdict=Verdict.WARNING, found=str(said.refused), todo=todo)


def _one_line(message: str) -> str:
    """A message with a list of problems below its first line, as one line."""
    head, *rest = (line.strip().removeprefix("- ") for line in message.splitlines())
    return f"{head} {'; '.join(rest)}".strip()


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(one for one in (folder, *folder.parents) if os.path.exists(one))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
