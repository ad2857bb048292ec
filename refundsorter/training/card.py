"""The model card: what a bundle's own facts say, in words, and nothing that was not measured.

The headline is accuracy on photos of shops that training never saw. Figures from held-out photos of known
kinds of sources are named as such: they chose the thresholds, so they flatter.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from refundsorter.core.bundle import Bundle
from refundsorter.core.share import Share
from refundsorter.core.text import printable
from refundsorter.training import charts
from refundsorter.training.calibrate import LEAST, NEVER
from refundsorter.training.evaluate import Measure
from refundsorter.training.recipe import Recipe
from refundsorter.training.speed import Speed

OTHER_SHOPS = "other_shops"
UNQUANTISED = "other_shops_float"
HELD_OUT = "held_out"
CHECK = "check"
CORRECTIONS = "corrections"

# What each set of photos is, and how it was measured; every other set stands under its own name.
SETS = {
    OTHER_SHOPS: (
        "Accuracy across sources: photos of other shops",
        "Photos from shops that training has nothing of, measured with the quantised file that is served.",
    ),
    HELD_OUT: (
        "Accuracy across the training's own sources",
        (
            "Each photo judged by a head that had seen nothing of its source, though tuning had. These "
            "photos chose scales, biases and thresholds, so the figures flatter. At most 40 photos of a "
            "category and source count. Measured before quantisation."
        ),
    ),
    CHECK: (
        "Accuracy in-source: photos that the data set keeps for measuring",
        "Of the same sources as those trained on, measured with the quantised file that is served.",
    ),
    CORRECTIONS: (
        "Accuracy in-source: corrected photos",
        "Each photo that people corrected, judged by a head that had not seen it. Before quantisation.",
    ),
}

WEAK = 0.6  # a category of whose photos a smaller share is found is named as weak
CONFUSIONS = 5  # that are named


def write_card(
    bundle: Bundle,
    measures: Mapping[str, Measure],
    *,
    recipe: Recipe | None,
    seed: int,
    precision: float,
    notes: Sequence[str],
    size: int,
    command: str = "",
    speed: Speed | None = None,
    held_back: Share | None = None,
) -> str:
    """Write MODEL_CARD.md; the pictures that it links are `charts.files(shown(measures))`.

    Args:
        bundle: The manifest.
        measures: What was measured: under `HELD_OUT` with the float model, its head not yet taught those
            photos; under `OTHER_SHOPS` with the quantised file, and under `UNQUANTISED` with the float model
            it was made from; others under names of their own. Any may be missing, and what is not measured
            on other shops the card says so.
        recipe: How it was trained; None where it was not trained here.
        seed: Of the run.
        precision: The promise that the thresholds keep on held-out photos.
        notes: What is known to be weak about the data, sentences.
        size: Of the weights, in bytes.
        command: How the training was asked for.
        speed: Of inference, where it was measured.
        held_back: Of drawn pictures of what is no product, those not filed; where that was measured.
    """
    lines = [
        *_head(bundle, size, speed),
        *_accuracy(bundle, measures),
        *_calibration(bundle, measures),
        *_thresholds(bundle, precision),
        *_weaknesses(measures, notes, held_back),
        *_data(bundle),
        *_recipe(recipe, command, seed, precision),
        *_provenance(bundle),
    ]
    return "\n".join(lines) + "\n"


def shown(measures: Mapping[str, Measure]) -> dict[str, Measure]:
    """Those of the measures that get a section and pictures, other shops first."""
    order = [OTHER_SHOPS, HELD_OUT, *sorted(set(measures) - {OTHER_SHOPS, HELD_OUT, UNQUANTISED})]
    return {name: measures[name] for name in order if name in measures}


def _head(bundle: Bundle, size: int, speed: Speed | None) -> Iterator[str]:
    yield f"# {bundle.reference}"
    yield ""
    yield "Says which department a photo of a returned product belongs to, so that a refund department can"
    yield "file what is clear and look at the rest. It is meant for photos of products only, and for no"
    yield "decision about people: whatever it is shown, it answers with one of its labels."
    yield ""
    yield f"- network: {bundle.base_weights.name}; weights of {size / 1e6:.2f} MB"
    yield f"- input: {bundle.input_size} × {bundle.input_size} pixels; labels: {len(bundle.labels)}"
    if speed is not None:
        took = f"{speed.inference_ms:.1f} ms a photo on one core of {speed.processor}"
        yield f"- speed: {took}, decoding not counted"
    yield f"- made: {bundle.created}"
    yield ""


def _accuracy(bundle: Bundle, measures: Mapping[str, Measure]) -> Iterator[str]:
    if OTHER_SHOPS not in measures:
        yield f"## {SETS[OTHER_SHOPS][0]}"
        yield ""
        yield "Not measured: no photos of other sources were given."
        yield ""
    for name, found in shown(measures).items():
        title, what = SETS.get(name, (f"Accuracy: {name.replace('_', ' ')}", ""))
        yield f"## {title}"
        yield ""
        if what:
            yield what
            yield ""
        yield from found.lines()
        yield ""
        yield from _categories(found)
        if name == OTHER_SHOPS and UNQUANTISED in measures:
            yield f"Before quantisation, the right category of all photos: {measures[UNQUANTISED].right}."
            yield ""
        if name == OTHER_SHOPS:
            yield f"`refundsorter evaluate PHOTOS --model {bundle.reference}` prints these figures."
            yield ""
        for picture in charts.names(name):
            yield f"![{picture.removesuffix('.svg').replace('-', ' ')}]({picture})"
        yield ""


def _categories(found: Measure) -> Iterator[str]:
    yield "| category | recall | of | 95 % interval | precision | of | 95 % interval | F1 |"
    yield "|---|---:|---:|---|---:|---:|---|---:|"
    for name, score in found.categories.items():
        cells = [
            cell
            for share in (score.recall, score.precision)
            for cell in (
                f"{share.value:.0%}" if share.of else "–",
                str(share.of),
                f"{share.interval[0]:.0%} to {share.interval[1]:.0%}" if share.of else "",
            )
        ]
        f1 = f"{score.f1.value:.2f}" if score.recall.of else "–"
        yield f"| {' | '.join([_cell(name), *cells, f1])} |"
    yield ""


def _calibration(bundle: Bundle, measures: Mapping[str, Measure]) -> Iterator[str]:
    yield "## Calibration"
    yield ""
    yield f"Logits are divided by a temperature of {bundle.temperature:g}."
    yield ""
    if not measures:
        return
    yield "The expected calibration error of the category's probability, beside what chance alone would show"
    yield "of a perfectly calibrated model on as few photos (its mean, and the most in 95 of 100 cases):"
    yield ""
    yield "| measured on | photos | error | chance | chance, at most |"
    yield "|---|---:|---:|---:|---:|"
    for name, found in shown(measures).items():
        told = found.reliability
        figures = f"{told.error:.3f} | {told.ideal:.3f} | {told.ideal_high:.3f}"
        yield f"| {_cell(name.replace('_', ' '))} | {found.right.of} | {figures} |"
    yield ""


def _thresholds(bundle: Bundle, precision: float) -> Iterator[str]:
    yield "## Thresholds"
    yield ""
    yield "A photo is filed when its category's probability (the sum over its labels) reaches the"
    yield "category's threshold; otherwise a person sees it."
    if not bundle.thresholds:
        yield "None was chosen for this bundle: the settings' default holds for every category."
        yield ""
        return
    yield f"Each was chosen so that {precision:.0%} of the held-out photos filed there were right, but is at"
    yield f"least {LEAST:g}; {NEVER} means that this could not be reached."
    yield ""
    yield "| category | threshold |"
    yield "|---|---:|"
    for name, value in sorted(bundle.thresholds.items()):
        yield f"| {_cell(name)} | {value:.3f} |"
    yield ""


def _weaknesses(
    measures: Mapping[str, Measure], notes: Sequence[str], held_back: Share | None
) -> Iterator[str]:
    yield "## Known weaknesses"
    yield ""
    photographed = {
        name: {one for one, score in found.categories.items() if score.recall.of}
        for name, found in measures.items()
    }
    every = set().union(*photographed.values())
    for name, found in shown(measures).items():
        words = name.replace("_", " ")
        recalls = {one: score.recall for one, score in found.categories.items() if score.recall.of}
        weak = [f"{one} ({s.hits} of {s.of})" for one, s in sorted(recalls.items()) if s.value < WEAK]
        if weak:
            yield f"- {words}: fewer than {WEAK:.0%} of the photos were found of {', '.join(weak)}."
        if mixups := list(found.confusion.mixups())[:CONFUSIONS]:
            told = "; ".join(f"{one.truth} for {one.predicted} ({one.photos})" for one in mixups)
            yield f"- {words}: most often one was taken for another: {told}."
        if rest := sorted(every - photographed[name]):
            yield f"- {words}: not measured, for want of photos: {', '.join(rest)}."
    if held_back is None:
        yield "- what is no product (documents, faces, rooms): how much of it is held back was not measured."
    else:
        yield f"- what is no product: of drawn pictures of it, held back for a person {held_back}."
        yield "  They are drawn anew, of the kinds that were taught (documents, codes, noise, plain colours);"
        yield "  photos of faces and rooms were not measured."
    yield from (f"- {note}" for note in notes)
    yield ""


def _data(bundle: Bundle) -> Iterator[str]:
    total = sum(source.photos for source in bundle.data)
    yield "## Data"
    yield ""
    yield f"{total} photos, held-out ones included. Licences as each source states them:"
    yield ""
    yield "| source | photos | licence |"
    yield "|---|---:|---|"
    for source in bundle.data:
        yield f"| {_cell(source.name)} | {source.photos} | {_cell(source.licence)} |"
    yield ""
    licences: Counter[str] = Counter()
    for source in bundle.data:
        licences[source.licence] += source.photos
    yield "| licence | photos |"
    yield "|---|---:|"
    for licence, photos in licences.most_common():
        yield f"| {_cell(licence)} | {photos} |"
    yield ""


def _recipe(recipe: Recipe | None, command: str, seed: int, precision: float) -> Iterator[str]:
    if recipe is None and not command:
        return
    yield "## How it was trained"
    yield ""
    if command:
        yield "The command; words in capitals stand for the files that it was given:"
        yield ""
        yield "```"
        yield command
        yield "```"
        yield ""
    if recipe is None:
        return
    yield f"Numbers were drawn from the seed {seed}; thresholds promise {precision:g}. The recipe:"
    yield ""
    yield "```"
    yield from (f"{key}: {_figure(value)}" for key, value in asdict(recipe).items())
    yield "```"
    yield ""


def _provenance(bundle: Bundle) -> Iterator[str]:
    base = bundle.base_weights
    yield "## Provenance"
    yield ""
    yield f"- base weights: {base.name}; {base.source}; licence {base.licence}"
    yield f"- SHA-256 of `model.tflite`: `{bundle.sha256}`"
    yield "- `bundle.yaml` holds the labels in output order, and every figure that serving goes by; this card"
    yield "  was written by the program, from it and from what was measured."


def _figure(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(words: str) -> str:
    """A name in a table of Markdown, on one line and without a tag."""
    return printable(words).replace("|", "/").replace("<", "&lt;")
