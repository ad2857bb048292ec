"""Take over a model that was trained elsewhere: look, rebuild, export, hold against the original, write.

Nothing is written before the export has given the original's answers, on sample photos that went through the
decoder that serves. What is not known of the model (its data, how good it is) is said in its card.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.bundle import DTYPE, BaseWeights, Bundle, split_reference
from refundsorter.core.decision import softmax
from refundsorter.core.fault import BundleRefused
from refundsorter.edges.bundle import BundleStore
from refundsorter.training import dataset, keras_file, tflite_file
from refundsorter.training.agreement import Agreement, compare
from refundsorter.training.dataset import SUFFIXES, UNSTATED, Sample
from refundsorter.training.import_card import write_card
from refundsorter.training.labels import read_labels
from refundsorter.training.preprocessing import AUTO, KINDS, USERS
from refundsorter.training.progress import Progress, Report
from refundsorter.training.refused import ImportRefused, about
from refundsorter.training.saved_model import SavedModel
from refundsorter.training.served import served_logits
from refundsorter.training.wrapping import Network

MAX_SAMPLES = 1000  # photos that are compared, and that quantisation is fitted to
FEWEST_SAMPLES = 20  # that quantisation is fitted to: the range of every layer comes from them
MADE_PICTURES = 64  # that are compared where no photos are given
SHOWN = 5  # photos whose answers are shown where the scaling is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What to import, and as what."""

    file: Path  # .h5, .keras, a SavedModel's folder, or .tflite
    labels: Path  # as `labels.read_labels` takes it
    out: Path  # the models' folder, in which NAME/VERSION is made
    name: str  # the bundle's name
    version: str  # the bundle's version
    preprocessing: str = AUTO  # or one of preprocessing.KINDS
    samples: Path | None = None  # a folder of photos: compared, and what quantisation is fitted to
    quantise: bool = False  # to int8; the weights stay as they are otherwise
    size: int | None = None  # the side of the input, where the model takes any
    temperature: float = 1.0  # what logits are divided by
    licence: str = UNSTATED  # of the model
    source: str = UNSTATED  # where it is from
    workers: int = 2  # photos decoded at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of an import."""

    reference: str  # of the bundle written
    labels: tuple[str, ...]  # in output order
    input_size: int  # pixels
    preprocessing: str  # one of preprocessing.KINDS
    found: bool  # whether the network itself says so, else it was told
    quantised: bool  # whether the weights are int8
    photos: int  # sample photos compared; 0 where pictures were made for want of them
    agreement: Agreement  # of the export with the original
    bytes: int  # of the weights written


class Original(Protocol):
    """A model that was looked at and can be asked."""

    @property
    def size(self) -> int:
        """The side of its input in pixels."""

    @property
    def labels(self) -> int:
        """How many answers it gives."""

    @property
    def held(self) -> str | None:
        """The scaling of pixels that it says itself, one of `KINDS`."""

    def probabilities(self, pixels: NDArray[np.uint8], kind: str) -> NDArray[np.float32]:
        """Its answers to photos, uint8 [N, S, S, 3], prepared as `kind` says: float32 [N, labels]."""

    def to_float(self, kind: str) -> bytes:
        """What is served, with the weights as they are."""

    def to_int8(self, kind: str, representative: NDArray[np.uint8]) -> bytes:
        """What is served, in int8, fitted to photos uint8 [N, S, S, 3]."""


def import_model(options: ImportOptions, report: Report) -> Imported:
    """Import a model as a bundle; it is not made active.

    Args:
        options: What, and as what.
        report: Told of each stage.

    Raises:
        ImportRefused: The file, its labels, the photos or the agreement are not as they must be.
        BundleRefused: The version exists already, or its name is no name.
    """
    reference = f"{options.name}/{options.version}"
    split_reference(reference)
    if (options.out / reference).exists():
        raise BundleRefused(f"{options.out / reference}: exists already; choose another version")
    labels = read_labels(options.labels)
    if not options.file.exists():
        raise ImportRefused(f"{options.file}: no such file or folder")
    report(Progress(stage="load", done=0, total=1))
    with about(options.file):
        original = _opened(options)
    report(Progress(stage="load", done=1, total=1, note=f"{original.size} px, {original.labels} answers"))
    if len(labels) != original.labels:
        raise ImportRefused(
            f"{options.labels}: names {len(labels)} labels, but {options.file} gives {original.labels} "
            "answers"
        )
    samples, pixels = _photos(options, original.size, report)
    with about(options.file):
        kind = _kind(options, original, samples, pixels, labels)
        expected = original.probabilities(pixels, kind)
        report(Progress(stage="export", done=0, total=1))
        weights = original.to_int8(kind, pixels) if options.quantise else original.to_float(kind)
        report(Progress(stage="export", done=1, total=1, note=f"{len(weights)} bytes"))
        agreement = compare(expected, _served(weights, pixels, len(labels)))
        _agreed(agreement, options)
    imported = Imported(
        reference=reference,
        labels=labels,
        input_size=original.size,
        preprocessing=kind,
        found=options.preprocessing == AUTO,
        quantised=options.quantise,
        photos=len(samples),
        agreement=agreement,
        bytes=len(weights),
    )
    _write(imported, weights, options)
    return imported


def _opened(options: ImportOptions) -> Original:
    """Look into a file, by what it is and not by what it is called."""
    if options.file.is_dir():
        return SavedModel(options.file, options.size)
    if tflite_file.is_tflite(options.file):
        return tflite_file.TfliteFile(options.file)
    return Network(keras_file.load(options.file), options.size)


def _photos(
    options: ImportOptions, size: int, report: Report
) -> tuple[tuple[Sample, ...], NDArray[np.uint8]]:
    """Sample photos through the decoder that serves, or made pictures where there are none."""
    if options.samples is None:
        if options.quantise:
            raise ImportRefused(
                f"--quantise needs --samples: at least {FEWEST_SAMPLES} photos like those to be served, "
                "better some hundred"
            )
        return (), _made_pictures(size)
    if not options.samples.is_dir():
        raise ImportRefused(f"{options.samples}: no such folder of photos")
    paths = sorted(path for path in options.samples.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ImportRefused(f"{options.samples}: no photo lies in it")
    some = [paths[round(place)] for place in np.linspace(0, len(paths) - 1, min(len(paths), MAX_SAMPLES))]
    samples, pixels = dataset.decode([_sample(path) for path in some], size, options.workers, report)
    if options.quantise and len(samples) < FEWEST_SAMPLES:
        raise ImportRefused(
            f"{options.samples}: {len(samples)} readable photos; --quantise needs at least {FEWEST_SAMPLES}"
        )
    return samples, pixels


def _sample(path: Path) -> Sample:
    return Sample(path=path, label="", category="", source="", group="", licence="")


def _made_pictures(size: int) -> NDArray[np.uint8]:
    """Soft coloured patches, uint8 [MADE_PICTURES, size, size, 3]: nearer to photos than noise is."""
    coarse = np.random.default_rng(1).integers(0, 256, (MADE_PICTURES, 8, 8, 3), dtype=np.uint8)
    places = np.arange(size) * 8 // size
    return coarse[:, places][:, :, places]


def _kind(
    options: ImportOptions,
    original: Original,
    samples: Sequence[Sample],
    pixels: NDArray[np.uint8],
    labels: Sequence[str],
) -> str:
    """How pixels are prepared: as the network says, or as was told; it is never guessed."""
    if options.preprocessing != AUTO:
        return options.preprocessing
    if original.held is not None:
        return original.held
    choices = "\n".join(
        f"  --preprocessing={kind:<7} {KINDS[kind]}: {users}" for kind, users in USERS.items()
    )
    said = "\n".join(_answers(original, samples[:SHOWN], pixels[:SHOWN], labels))
    hint = said or "With --samples FOLDER, its first answers under each are shown here."
    raise ImportRefused(
        "it does not say how pixels are scaled before it, and a wrong choice gives wrong answers that look "
        f"sure; see what its training did, and say it:\n{choices}\n{hint}"
    )


def _answers(
    original: Original, samples: Sequence[Sample], pixels: NDArray[np.uint8], labels: Sequence[str]
) -> list[str]:
    """What it would say of some photos under each choice, a table's lines."""
    lines = [f"First answers on {samples[0].path.parent}:"] if samples else []
    under = {kind: original.probabilities(pixels, kind) for kind in KINDS} if samples else {}
    for row, sample in enumerate(samples):
        lines.append(f"  {sample.path.name}")
        for kind, odds in under.items():
            best = int(odds[row].argmax())
            lines.append(f"    {kind:<7} {odds[row, best]:>4.0%}  {labels[best]}")
    return lines


def _served(weights: bytes, pixels: NDArray[np.uint8], labels: int) -> NDArray[np.float32]:
    """What serving makes of photos: through the classifier and the softmax of the daemon."""
    with tempfile.TemporaryDirectory(prefix="refundsorter-") as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(weights)
        return softmax(served_logits(file, labels, pixels))


def _agreed(found: Agreement, options: ImportOptions) -> None:
    """Refuse an export with unchanged weights that says something else than the original."""
    if not options.quantise and not found.is_exact:
        raise ImportRefused(
            f"the export disagrees with the original: another first label on {found.turned} of "
            f"{found.same.of} photos, probabilities off by up to {found.max_difference:.2g}"
        )


def _write(imported: Imported, weights: bytes, options: ImportOptions) -> None:
    found = imported.agreement
    bundle = Bundle(
        name=options.name,
        version=options.version,
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        input_size=imported.input_size,
        dtype=DTYPE,
        scaling=f"inside the model: a byte b becomes {KINDS[imported.preprocessing]}",
        labels=imported.labels,
        sha256=hashlib.sha256(weights).hexdigest(),
        temperature=options.temperature,
        thresholds={},
        metrics={
            "import_photos": float(imported.photos),
            "import_same_first_label": round(found.same.value, 6),
            "import_max_difference": round(found.max_difference, 6),
            "import_mean_difference": round(found.mean_difference, 8),
        },
        data=(),
        base_weights=BaseWeights(
            name=f"{options.file.name}, trained elsewhere", licence=options.licence, source=options.source
        ),
    )
    card = write_card(
        bundle,
        file=options.file.name,
        kind=imported.preprocessing,
        found=imported.found,
        photos=imported.photos,
        agreement=found,
        quantised=imported.quantised,
    )
    BundleStore(options.out).write(bundle.to_mapping(), weights, card)
