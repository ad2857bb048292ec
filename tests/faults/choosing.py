"""Processes that are killed while they choose a bundle or remove one: before every system call in turn.

Run as a program, with a folder of bundles: it forks one after another, each dying one call later than the one
before, until one is done in fewer calls; after each it prints, as JSON, what a reader finds then.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.filesystem import FileSystem

WORKS: dict[str, Callable[[BundleStore], object]] = {
    "activate": lambda store: store.activate("tiny/1.1.0"),
    "prune": lambda store: store.prune(keep=0, in_use=frozenset(), dry_run=False),
}


def killed_before(step: int) -> FileSystem:
    """System calls of which the process does not live to see the one of that number, counted from 1."""
    count = 0

    def before(_operation: str, _path: str) -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return FileSystem(before)


def seen(root: Path) -> dict[str, object]:
    """What a reader finds: the choice, and of each bundle that is listed whether it loads."""
    store = BundleStore(root)
    return {
        "choice": store.choices.read().to_mapping(),
        "bundles": {one: store.load(one).manifest.reference for one in store.references()},
    }


def main(template: Path, work: Callable[[BundleStore], object]) -> None:
    """Kill one process after another, each in a copy of the folder; then finish where each was killed."""
    step, killed = 0, True
    while killed:
        step += 1
        root = template.with_name(f"{template.name}-{step}")
        shutil.copytree(template, root)
        if (pid := os.fork()) == 0:
            store = BundleStore(root)
            store._files = store.choices._files = killed_before(step)
            work(store)
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        after = seen(root)
        work(BundleStore(root))
        hidden = [path.name for path in root.rglob(".*")]
        found = {"killed": killed, "after": after, "again": seen(root), "hidden": hidden}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()  # or the next process would write it again


if __name__ == "__main__":
    main(Path(sys.argv[2]), WORKS[sys.argv[1]])
