"""The budgets, each measured beside its reference in one run: `make bench`.

Machines are noisy, so what counts are ratios and medians: every round measures the reference and the daemon's
own way one after the other. Photos are made, seeded, so that a run needs nothing but this repository.
Run one part by name: `python -m tests.benchmarks sorting`.
"""

import hashlib
import io
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.clients import latencies, rate, request
from http_face import SERVED, Client
from processes import cpu_seconds, family, memory_mib
from support import Running, environment, eventually, every_file

from refundsorter.core.pixels import ImageLimits
from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.classifier import Classifier
from refundsorter.edges.decoder import Decoder
from refundsorter.edges.fence import DecodeLimits, Fence, FencedDecoder

ROOT = Path(__file__).parents[2]
ROUNDS = 5
PHOTOS = 2000  # sorted in a round
BIG_PHOTOS = 64  # of 12 megapixels, in a round
SCRIPT_PHOTOS = 60  # shown to the per-image script
CLIENTS = 32  # that ask for predictions at once
ASKED_S = 5.0  # for so long, in a round
DROPS = 200  # photos dropped one by one
DROPPED = 200  # photos sorted beside predictions, in a round, and as many without
CHUNK = 300  # photos that are asked about
DECODES = 50  # batches of 16, by each thread, in a round
ASKED = 1000  # requests of each kind
FILTERS = (
    "state=sorted",
    "state=rejected",
    "category=GROCERY&min_confidence=0.95",
    "label=milk&state=review",
    "model=retail/1.0.0",
    "name=500000.jpg",
    "since=1970-01-02T00:00:00Z&until=1970-01-08T00:00:00Z",
)  # those that many photos fit, few, or none
CORES = len(os.sched_getaffinity(0))
OUT = Console(highlight=False)


def main() -> None:
    """Run the parts that are named, or all of them."""
    parts: dict[str, Callable[[Path], None]] = {
        "sorting": sorting,
        "big": big_photos,
        "apart": apart,
        "latency": latency,
        "resources": resources,
        "history": history,
        "asking": asking,
        "predict": predict,
    }
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory(prefix="refundsorter-bench-", dir=ROOT) as folder:
            parts[name](Path(folder))


def sorting(base: Path) -> None:
    """224-pixel photos from the inbox to the journal, beside bare LiteRT and a per-image Keras script."""
    originals = make_photos(base / "originals", PHOTOS, side=224)
    bare, own = [], []
    for number in range(ROUNDS):
        bare.append(bare_litert())
        own.append(swept(base / f"round-{number}", originals))
    script = keras_script(originals[:SCRIPT_PHOTOS])
    speed, reference = statistics.median(own), statistics.median(bare)
    ratios = [one / other for one, other in zip(own, bare, strict=True)]
    table = Table(title=f"sorting 224 px photos, {CORES} cores, median of {ROUNDS} rounds", box=None)
    for heading in ("", "images/s", "ratio", "budget"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("keras.predict, one image a call", f"{script:.1f}", "1", "")
    table.add_row(
        f"bare LiteRT, {CORES} threads, pixels ready",
        f"{reference:.0f}",
        f"{reference / script:.0f} × script",
        "",
    )
    table.add_row(
        "refundsorter sweep, scan to journal",
        f"{speed:.0f}",
        f"{speed / script:.0f} × script",
        "≥ 35 × script",
    )
    table.add_row("", "", f"{statistics.median(ratios):.0%} of bare", "≥ 75 % of bare")
    OUT.print(table)


def big_photos(base: Path) -> None:
    """12-megapixel JPEGs, beside Pillow's scaled decode alone, and with what sorting must add to it.

    What it must add is a SHA-256 and an inference a photo; how much they cost is the processor's matter.
    """
    originals = make_photos(base / "originals", BIG_PHOTOS, side=4000, height=3000)
    alone, hashed, needed, own = [], [], [], []
    for number in range(ROUNDS):
        alone.append(scaled_decode(originals))
        hashed.append(scaled_decode(originals, hashing=True))
        needed.append(scaled_decode(originals, hashing=True, inferring=True))
        own.append(swept(base / f"round-{number}", originals))

    def share(of: list[float]) -> float:
        return statistics.median(one / other for one, other in zip(own, of, strict=True))

    OUT.print(
        f"12-megapixel JPEGs: scaled decode alone {statistics.median(alone):.1f}/s, with SHA-256 "
        f"{statistics.median(hashed):.1f}/s, with SHA-256 and inference {statistics.median(needed):.1f}/s\n"
        f"sorted end to end {statistics.median(own):.1f}/s: {share(alone):.0%} of scaled decode "
        f"(budget ≥ 85 %), {share(needed):.0%} of what no sorter can do without"
    )


def apart(_: Path) -> None:
    """Decoding alone, in the daemon's threads and in processes apart."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)).save(file, "JPEG")
    photos = [file.getvalue()] * 16
    image = ImageLimits(max_bytes=100 << 20, max_pixels=200_000_000, min_side=16)
    limits, fence = DecodeLimits(image=image, cpu_s=10.0, memory_bytes=1 << 30), Fence()
    plain = Decoder(limits=image, input_size=224)
    fenced = [FencedDecoder(fence, limits=limits, input_size=224) for _ in range(CORES)]

    def decode_within() -> None:
        out = np.empty((224, 224, 3), np.uint8)
        for photo in photos * DECODES:
            plain.decode(photo, out)

    def decode_beyond(decoder: FencedDecoder, times: int) -> None:
        out = np.empty((len(photos), 224, 224, 3), np.uint8)
        for _ in range(times):
            decoder.decode(photos, out)

    in_threads([partial(decode_beyond, one, 1) for one in fenced], 1)  # workers are hired
    within: list[float] = []
    beyond: list[float] = []
    for _round in range(ROUNDS):
        count = len(photos) * DECODES * CORES
        within.append(in_threads([decode_within] * CORES, count))
        beyond.append(in_threads([partial(decode_beyond, one, DECODES) for one in fenced], count))
    OUT.print(
        f"decoding 224 px photos, {CORES} threads: {statistics.median(within):.0f}/s in the daemon, "
        f"{statistics.median(beyond):.0f}/s in processes apart"
    )
    fence.close()


def latency(base: Path) -> None:
    """From the rename into the inbox to the photo in its folder, one at a time, an idle daemon."""
    originals = make_photos(base / "originals", DROPS, side=224)
    shop = make_shop(base / "shop")
    waits = []
    process, running = start(shop)
    try:
        running.wait_for("ready")
        for number, original in enumerate(originals):
            staged = base / "staged.jpg"
            shutil.copyfile(original, staged)
            began = time.perf_counter()
            staged.rename(shop / "inbox" / f"{number}.jpg")
            while os.path.exists(shop / "inbox" / f"{number}.jpg"):
                time.sleep(0.0005)
            waits.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02)
    finally:
        process.terminate()
        process.communicate()
    p50, p99 = np.percentile(waits, [50, 99])
    OUT.print(f"drop to sorted: p50 {p50:.0f} ms (budget 60), p99 {p99:.0f} ms (budget 200)")


def resources(base: Path) -> None:
    """Start to ready; memory and processor of the daemon and its decoding processes while idle."""
    shop = make_shop(base / "shop")
    (original,) = make_photos(base / "originals", 1, side=224)
    starts, imports = [], []
    for _ in range(ROUNDS):
        imports.append(timed_import("tensorflow"))
        began = time.perf_counter()
        process, running = start(shop)
        running.wait_for("ready")
        starts.append(time.perf_counter() - began)
        if len(starts) == ROUNDS:
            (shop / "inbox" / "a.jpg").hardlink_to(original)
            eventually(lambda: not every_file(shop / "inbox"), "the photo sorted, by all that it needs")
            time.sleep(2)
            everyone = list(family(process.pid))
            before = sum(map(cpu_seconds, everyone))
            time.sleep(20)
            used = (sum(map(cpu_seconds, everyone)) - before) / 20
            memory = sum(map(memory_mib, everyone))
        process.terminate()
        process.communicate()
    OUT.print(
        f"start to ready: {statistics.median(starts):.2f} s (budget 1.0; importing TensorFlow alone "
        f"{statistics.median(imports):.1f} s in the same minutes)\n"
        f"idle: {memory:.0f} MiB (budget 150), {used:.2%} of a core (budget 0.5 %)"
    )


def history(base: Path) -> None:
    """Sorting with a million photos in the ledger, beside sorting with none."""
    originals = make_photos(base / "originals", PHOTOS, side=224)
    full = base / "full"
    make_ledger(full, 1_000_000)
    fresh, old = [], []
    for number in range(ROUNDS):
        fresh.append(swept(base / f"fresh-{number}", originals))
        old.append(swept(base / f"old-{number}", originals, ledger=full / "ledger.sqlite3"))
    ratio = statistics.median(one / other for one, other in zip(old, fresh, strict=True))
    OUT.print(
        f"empty ledger {statistics.median(fresh):.0f}/s, a million rows {statistics.median(old):.0f}/s: "
        f"{ratio:.0%} (budget ≥ 90 %)"
    )


def asking(base: Path) -> None:
    """Answers over HTTP with a million photos in the ledger, one after the other on one connection."""
    make_ledger(base / "full", 1_000_000)
    shop = make_shop(base / "shop")
    shutil.move(base / "full", shop / "state")
    process, running = start(shop)
    client = Client(running.wait_for("http.listening")["address"])
    numbers = random.Random(1)
    routes: dict[str, Callable[[], str]] = {
        "/v1/images": lambda: "/v1/images",
        "/v1/images, deep": lambda: f"/v1/images?cursor={numbers.randrange(1_000_000)}",
        "/v1/images, filtered": lambda: f"/v1/images?{numbers.choice(FILTERS)}",
        "/v1/images/{id}": lambda: f"/v1/images/{numbers.randrange(1, 1_000_000)}",
    }
    for name, route in routes.items():
        times = []
        for _ in range(ASKED):
            path = route()
            began = time.perf_counter()
            answer = client.ask(path)
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, answer
        p50, p99 = np.percentile(times, [50, 99])
        OUT.print(f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms (budget p99 10)")
    client.close()
    process.terminate()
    process.communicate()


def predict(base: Path) -> None:
    """Predictions of 224 px JPEGs: one client, many beside bare LiteRT, and many beside sorting."""
    originals = make_photos(base / "originals", PHOTOS + CHUNK, side=224)
    requests = [request([one]) for one in originals[PHOTOS:]]  # of none that is sorted: none is known
    shop = make_shop(base / "shop")
    process, running = start(shop)
    bare, asked, alone, beside, meanwhile = [], [], [], [], []
    try:
        address = running.wait_for("http.listening")["address"]
        threading.Thread(target=running.drain, daemon=True).start()
        latencies(address, requests[:20])
        p50, p99 = np.percentile(latencies(address, requests), [50, 99])
        for number in range(ROUNDS):
            bare.append(bare_litert())
            asked.append(rate(address, requests, clients=CLIENTS, seconds=ASKED_S))
            chunks = originals[2 * number * DROPPED :]
            alone.append(dropped(shop, chunks[:DROPPED]))
            clients = threading.Thread(
                target=lambda: meanwhile.append(rate(address, requests, clients=CLIENTS, seconds=ASKED_S))
            )
            clients.start()
            beside.append(dropped(shop, chunks[DROPPED : 2 * DROPPED]))
            clients.join()
    finally:
        process.terminate()
        process.wait()
    share = statistics.median(one / other for one, other in zip(asked, bare, strict=True))
    kept = statistics.median(one / other for one, other in zip(beside, alone, strict=True))
    OUT.print(
        f"predictions, one client: p50 {p50:.1f} ms (budget 12), p99 {p99:.1f} ms (budget 40)\n"
        f"{CLIENTS} clients: {statistics.median(asked):.0f}/s, {share:.0%} of bare LiteRT's "
        f"{statistics.median(bare):.0f}/s (budget ≥ 70 %)\n"
        f"sorting meanwhile: {statistics.median(beside):.0f}/s; alone {statistics.median(alone):.0f}/s, "
        f"{kept:.0%} (budget ≥ 50 %), with {statistics.median(meanwhile):.0f} predictions/s"
    )


def dropped(shop: Path, originals: Sequence[Path]) -> float:
    """Photos a second from the first that is put into the inbox of a daemon until the inbox is empty."""
    began = time.perf_counter()
    for one in originals:
        os.link(one, shop / "inbox" / one.name)
    while every_file(shop / "inbox"):
        time.sleep(0.005)
    return len(originals) / (time.perf_counter() - began)


def make_ledger(folder: Path, rows: int) -> None:
    """A ledger with finished photos, each of another content."""
    from refundsorter.edges.ledger import Ledger  # noqa: PLC0415

    folder.mkdir()
    Ledger(str(folder / "ledger.sqlite3"), longest_wait_s=300).close()
    connection = sqlite3.connect(folder / "ledger.sqlite3")
    connection.execute(
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO images (
            state, path, root, identity, noticed_by, seen_at, not_before, attempts, claimed_at, sha256,
            category, label, confidence, top_predictions, width, height, decode_ms, infer_ms, model, taxonomy,
            intended, destination, finished_at, move_ms, journaled
        )
        SELECT
            'sorted', CAST('/inbox/' || i || '.jpg' AS BLOB), CAST('/inbox' AS BLOB), '1:' || i || ':9:9',
            'scan', i, 0, 0, i, printf('%064x', i * 2654435761), 'GROCERY', 'milk', 0.9, '[]', 224, 224, 1, 4,
            'retail/2.0.0', 'x', 'sorted', CAST('/sorted/GROCERY/' || i || '.jpg' AS BLOB), i, 1, 1
        FROM n
        """,
        (rows,),
    )
    connection.commit()
    connection.close()


def make_photos(folder: Path, count: int, *, side: int, height: int = 0) -> list[Path]:
    """Seeded JPEGs with as much detail as a phone's: smooth shapes and some grain."""
    folder.mkdir()
    numbers = np.random.default_rng(0)
    paths = []
    for number in range(count):
        coarse = numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((side, height or side), Image.Resampling.BICUBIC)
        grain = numbers.normal(0, 8, (height or side, side, 1))
        pixels = np.clip(np.asarray(picture, np.float32) + grain, 0, 255).astype(np.uint8)
        paths.append(folder / f"photo-{number:05}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=85)
    return paths


def make_shop(base: Path) -> Path:
    """A shop with the project's own settings, taxonomy and default bundle."""
    (base / "inbox").mkdir(parents=True)
    shutil.copytree(ROOT / "config", base / "config")
    (base / "models").symlink_to(ROOT / "models")
    return base


def swept(base: Path, originals: list[Path], ledger: Path | None = None) -> float:
    """Images a second of one `refundsorter sweep`, from the scan to the last journal line."""
    shop = make_shop(base)
    if ledger is not None:
        (shop / "state").mkdir()
        shutil.copyfile(ledger, shop / "state" / ledger.name)
    for path in originals:
        os.link(path, shop / "inbox" / path.name)
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "refundsorter",
            "sweep",
            "--json",
            "--config",
            str(shop / "config/refundsorter.yaml"),
        ],
        check=True,
        capture_output=True,
        # Waiting for files to hold still is no work; everything else is as shipped.
        env=environment() | {"REFUNDSORTER_WATCH__STABILITY_S": "0"},
    )
    account = json.loads(answer.stdout)
    assert (account["found"], account["left"]) == (len(originals), 0), account
    shutil.rmtree(base)
    return float(account["found"] / account["seconds"])


def classifiers() -> tuple[list[Classifier], int]:
    """The default bundle's interpreter once a core, and the side of its input."""
    stored = BundleStore(ROOT / "models").active()
    size, labels = stored.manifest.input_size, len(stored.manifest.labels)
    return [Classifier(stored.weights, labels=labels, input_size=size) for _ in range(CORES)], size


def bare_litert() -> float:
    """Images a second of the default bundle on ready pixels, one single-threaded interpreter a core."""
    owned, size = classifiers()
    pixels = np.random.default_rng(0).integers(0, 256, (16, size, size, 3), dtype=np.uint8)
    runs = PHOTOS // 16 // CORES

    def work(classifier: Classifier) -> None:
        for _ in range(runs):
            classifier.logits(pixels)

    return in_threads([partial(work, one) for one in owned], 16 * runs * CORES)


def scaled_decode(paths: list[Path], *, hashing: bool = False, inferring: bool = False) -> float:
    """Images a second of Pillow's scaled decode to the model's size on every core, and what else is asked."""
    owned, size = classifiers()

    def work(mine: list[Path], classifier: Classifier) -> None:
        for path in mine:
            content = path.read_bytes()
            if hashing:
                hashlib.sha256(content).hexdigest()
            with Image.open(io.BytesIO(content)) as picture:
                picture.draft("RGB", (size, size))
                pixels = np.asarray(picture.resize((size, size)))[np.newaxis]
            if inferring:
                classifier.logits(pixels)

    jobs = [partial(work, paths[n::CORES], classifier) for n, classifier in enumerate(owned)]
    return in_threads(jobs, len(paths))


def in_threads(jobs: Sequence[Callable[[], None]], images: int) -> float:
    """Images a second of jobs that run side by side."""
    threads = [threading.Thread(target=job) for job in jobs]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return images / (time.perf_counter() - began)


def keras_script(paths: list[Path]) -> float:
    """Images a second of the script that is replaced: one `predict` an image, with Keras's own loader."""
    program = """
import json, sys, time
import numpy as np
import keras
model = keras.applications.MobileNetV2(weights=None)
def one(path):
    picture = keras.utils.load_img(path, target_size=(224, 224))
    batch = keras.applications.mobilenet_v2.preprocess_input(keras.utils.img_to_array(picture)[None])
    return model.predict(batch, verbose=0)
paths = json.load(sys.stdin)
for path in paths[:5]:
    one(path)
began = time.perf_counter()
for path in paths:
    one(path)
print(len(paths) / (time.perf_counter() - began))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps([str(path) for path in paths]),
        capture_output=True,
        check=True,
        text=True,
        env=environment() | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
    )
    return float(answer.stdout.split()[-1])


def start(shop: Path) -> tuple["subprocess.Popen[str]", Running]:
    """A daemon with the settings as shipped, but for the port, which may be taken here."""
    process = subprocess.Popen(
        [sys.executable, "-m", "refundsorter", "run", "--config", str(shop / "config/refundsorter.yaml")],
        stderr=subprocess.PIPE,
        text=True,
        env=environment() | SERVED,
    )
    return process, Running(process)


def timed_import(module: str) -> float:
    """Seconds that a fresh Python takes to import a module."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
