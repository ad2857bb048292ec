"""A shop in a folder: real settings, real ledger, and a real model small enough for fast tests.

The model of `data/tiny.tflite` knows five colours; a photo that is all of one colour gets its label.
"""

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from refundsorter.edges.bundle import BundleStore

DATA = Path(__file__).parent / "data"
TINY = DATA / "tiny.tflite"
LABELS = ("red", "green", "blue", "white", "black")
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}
TAXONOMY = """\
categories:
  WARM:
    labels: [red]
  COLD:
    labels: [green, blue]
  PLAIN:
    labels: [white, black]
"""
CATEGORY_OF = {"red": "WARM", "green": "COLD", "blue": "COLD", "white": "PLAIN", "black": "PLAIN"}
COMMAND = [sys.executable, "-m", "refundsorter"]
PATIENCE_S = 30.0  # how long a test waits for what must happen; it is over as soon as it has


@dataclass(frozen=True, slots=True)
class Shop:
    """The folders of one shop."""

    base: Path

    @property
    def inbox(self) -> Path:
        """The watched folder."""
        return self.base / "inbox"

    @property
    def sorted(self) -> Path:
        """The shelf."""
        return self.base / "sorted"

    @property
    def state(self) -> Path:
        """The ledger's folder."""
        return self.base / "state"

    @property
    def config(self) -> Path:
        """The settings' file."""
        return self.base / "config" / "refundsorter.yaml"

    def drop(self, name: str, content: bytes) -> Path:
        """Put a file into the inbox as a downloader does: written elsewhere, renamed in."""
        partial = self.base / f"drop-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
        partial.write_bytes(content)
        partial.rename(self.inbox / name)
        return self.inbox / name

    def photos(self) -> Counter[str]:
        """The sha256 of every photo in the inbox and on the shelf, each as often as it lies there."""
        return Counter(
            hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in (self.inbox, self.sorted)
            for path in every_file(folder)
            if "_journal" not in path.parts
        )

    def lines(self) -> list[dict[str, Any]]:
        """The journal, in the order of its files and lines."""
        return [
            json.loads(line)
            for path in sorted((self.sorted / "_journal").glob("*.jsonl"))
            for line in path.read_bytes().splitlines()
        ]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of refundsorter to its end."""
        return subprocess.run(
            [*COMMAND, *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            check=check,
            timeout=PATIENCE_S * 4,
            env=environment(),
        )

    @contextmanager
    def daemon(self, **variables: str) -> Iterator["Running"]:
        """A daemon that is ready; killed at the end if it still runs."""
        process = subprocess.Popen(
            [*COMMAND, "run", "--config", str(self.config)],
            stderr=subprocess.PIPE,
            text=True,
            env=environment() | variables,
        )
        running = Running(process)
        try:
            running.wait_for("ready")
            yield running
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


class Running:
    """A daemon process and what it has logged so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []

    def wait_for(self, event: str, **fields: Any) -> dict[str, Any]:
        """Read the log up to an event with these fields; fail if the daemon ends first."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                found = json.loads(line)
            except ValueError:
                self.process.kill()  # only then has its log an end
                raise AssertionError(line + self.process.stderr.read()) from None
            self.events.append(found)
            if found["event"] == event and fields.items() <= found.items():
                return dict(found)
        raise AssertionError(f"the daemon ended before {event}: {self.events[-5:]}")

    def drain(self) -> None:
        """Read the log to its end; one that nobody reads fills its pipe and holds the daemon up."""
        assert self.process.stderr is not None
        for _ in self.process.stderr:
            pass

    def stop(self) -> int:
        """Ask it to end, and read the log to its end; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stderr is not None
        self.events += [json.loads(line) for line in self.process.stderr]
        return self.process.wait(PATIENCE_S)


def environment() -> dict[str, str]:
    """The environment without settings of the machine at hand, with the HTTP face off and without nights."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REFUNDSORTER_")}
    return kept | {"REFUNDSORTER_HTTP__ENABLED": "false", "REFUNDSORTER_SWEEP__SCHEDULE": "null"}


def make_shop(base: Path, settings: str = "", taxonomy: str = TAXONOMY) -> Shop:
    """Make a shop's folders, settings, taxonomy and bundle."""
    shop = Shop(base)
    for folder in (shop.inbox, shop.sorted, shop.config.parent):
        folder.mkdir(parents=True)
    shop.config.write_text("watch: {stability_s: 0.05}\nbatch: {workers: 2}\n" + settings)
    (shop.config.parent / "taxonomy.yaml").write_text(taxonomy)
    write_bundle(base / "models")
    return shop


def write_bundle(
    models: Path, version: str = "1.0.0", *, weights: Path = TINY, active: bool = True, **changed: Any
) -> str:
    """Write a version of the tiny bundle, with what is changed in its manifest, and make it active."""
    store = BundleStore(models)
    manifest: Mapping[str, Any] = {
        "name": "tiny",
        "version": version,
        "created": "2026-01-01T00:00:00Z",
        "input_size": 32,
        "dtype": "uint8",
        "scaling": "inside the model",
        "labels": list(LABELS),
        "temperature": 1.0,
        "thresholds": {},
        "metrics": {},
        "data": [{"name": "set by hand", "photos": 0, "licence": "MIT"}],
        "base_weights": {"name": "none", "licence": "MIT", "source": "none"},
        **changed,
    }
    reference = store.write(manifest, weights.read_bytes(), "A model for tests.\n")
    if active:
        store.activate(reference)
    return reference


def photo(colour: str, *, form: str = "JPEG", size: tuple[int, int] = (40, 30), seed: int = 0) -> bytes:
    """A photo that is all of one colour, but for seeded specks that make its bytes unique."""
    picture = Image.new("RGB", size, COLOURS[colour])
    numbers = random.Random(seed)
    for _ in range(4 if seed else 0):
        spot = (numbers.randrange(size[0]), numbers.randrange(size[1]))
        picture.putpixel(spot, tuple(numbers.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def every_file(folder: Path) -> list[Path]:
    """Every regular file below a folder, whatever bytes its name has."""
    return [
        Path(root, name)
        for root, _, names in os.walk(folder)
        for name in names
        if not Path(root, name).is_symlink()
    ]


def eventually(condition: Any, what: str) -> None:
    """Wait until a condition of another process holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {PATIENCE_S:.0f} s still not: {what}")
        time.sleep(0.01)
