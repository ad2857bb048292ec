"""What a process keeps to itself while it sorts or makes the ledger anew, and who does so now."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from refundsorter.core.fault import PassingTrouble, StartRefused, Vanished
from refundsorter.core.placement import JOURNAL
from refundsorter.core.port import Log
from refundsorter.edges import mounts
from refundsorter.edges.lock import FolderLock, InboxLock, holder
from refundsorter.edges.patience import Share
from refundsorter.settings import Settings

Lock = FolderLock | InboxLock


def hold_shelf(settings: Settings) -> FolderLock:
    """Keep every process off the shelf that has another ledger.

    Raises:
        AlreadyRunning: One is there.
        StartRefused: What lies in the lock's place is no lock.
        PassingTrouble: The shelf gives no lock now.
        Vanished: The journal's folder is not there.
    """
    return FolderLock(str(settings.sorted / JOURNAL), setting="sorted", held_open=os.O_RDONLY)


def hold_folders(settings: Settings, log: Log) -> list[Lock]:
    """Keep every other process off shelf and inboxes; one that cannot be locked now is used all the same.

    An inbox on a share is not locked: an open folder on it could not be unmounted, and other machines would
    not see the lock. There a photo is moved by whoever renames or takes it first.

    Raises:
        StartRefused: Another process uses one of them, or what lies in the lock's place is no lock.
    """
    wanted: list[Callable[[], Lock]] = [partial(hold_shelf, settings)]
    wanted += [partial(InboxLock, str(root)) for root in settings.inbox if mounts.why_polling(root) is None]
    held: list[Lock] = []
    for lock in wanted:
        try:
            held.append(lock())
        except StartRefused:
            for one in held:
                one.release()
            raise
        except (PassingTrouble, Vanished) as trouble:
            log.warning("folder.unlocked", trouble=str(trouble))
    return held


def sorter_pid(settings: Settings) -> int | None:
    """The pid of the process that holds the state directory, or else of the one that holds the shelf.

    They are two when `state_dir` was deleted under a daemon, or names another folder than the daemon's.

    Returns:
        None when nobody does, -1 when it has not said its pid. A shelf that cannot be looked at is not asked.

    Raises:
        PassingTrouble: The state directory's lock cannot be looked at now, or not by this user.
        StartRefused: `state_dir` or the journal is no folder, or what lies in a lock's place is no lock.
    """
    pid = holder(str(settings.state_dir))
    if pid is None:
        ask = partial(holder, str(settings.sorted / JOURNAL), setting="sorted")
        with suppress(PassingTrouble, Vanished):
            pid = Share(str(settings.sorted)).call(ask) if mounts.why_polling(settings.sorted) else ask()
    return pid
