"""The model card: what a bundle's own facts say, in words, and nothing that was not measured.

The headline is accuracy on photos of shops that training never saw. Figures from held-out photos of known
kinds of sources are named as such: they chose the thresholds, so they flatter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from refundsorter.core.bundle import Bundle
from refundsorter.training.calibrate import LEAST, NEVER
from refundsorter.training.evaluate import Measure
from refundsorter.training.recipe import Recipe

OTHER_SHOPS = "other_shops"
UNQUANTISED = "other_shops_float"
HELD_OUT = "held_out"
RECHECK = "python -m refundsorter.training.recheck models {reference} config/taxonomy.yaml PHOTOS"

# Below this share of right ones on the photos measured, a category is named as weak.
WEAK = 0.6


def write_card(
    bundle: Bundle,
    measures: Mapping[str, Measure],
    *,
    recipe: Recipe,
    seed: int,
    precision: float,
    notes: Sequence[str],
    size: int,
) -> str:
    """Write MODEL_CARD.md.

    Args:
        bundle: The manifest.
        measures: What was measured: under `HELD_OUT` with the float model, its head not yet taught those
            photos; under `OTHER_SHOPS` with the quantised file, and under `UNQUANTISED` with the float model
            it was made from. The last two may be missing, and the card then says so.
        recipe: How it was trained.
        seed: Of the run.
        precision: The promise that the thresholds keep on held-out photos.
        notes: What is known to be weak about the data, sentences.
        size: Of the weights, in bytes.
    """
    return "\n".join(
        [
            *_head(bundle, recipe, size),
            *_headline(bundle, measures),
            *_held_out(measures[HELD_OUT], precision),
            *_thresholds(bundle, precision),
            *_weaknesses(measures, notes),
            *_data(bundle),
            *_recipe(bundle, recipe, seed, precision),
        ]
    )


def _head(bundle: Bundle, recipe: Recipe, size: int) -> Iterator[str]:
    yield f"# {bundle.reference}"
    yield ""
    yield "Says which department a photo of a returned product belongs to, so that a refund department"
    yield "can file what is clear and look at the rest. It is meant for product photos only, and never"
    yield "for people: it knows products only, and names one whatever it is shown."
    yield ""
    yield f"MobileNetV2 of width {recipe.alpha:g}, {bundle.input_size} px, {len(bundle.labels)} labels,"
    yield f"int8 weights, {size / 1e6:.1f} MB, made {bundle.created}."
    yield f"SHA-256 of the weights: `{bundle.sha256}`."
    yield ""


def _headline(bundle: Bundle, measures: Mapping[str, Measure]) -> Iterator[str]:
    yield "## Accuracy on photos of other shops"
    yield ""
    if OTHER_SHOPS not in measures:
        yield "Not measured: no photos of other sources were given."
    else:
        yield (
            "Photos from shops that training has nothing of, measured with the "
            "quantised file that is served, by"
        )
        yield f"`{RECHECK.format(reference=bundle.reference)}`,"
        yield "which prints these lines:"
        yield ""
        yield from measures[OTHER_SHOPS].lines()
        yield ""
        yield "Before quantisation, measured by the training command below at its end:"
        yield f"right category, of all photos: {measures[UNQUANTISED].right}."
    yield ""


def _held_out(found: Measure, precision: float) -> Iterator[str]:
    yield "## Accuracy on held-out photos"
    yield ""
    yield "Photos of repositories kept out of training, but of the same kinds as those trained on."
    yield f"They chose temperature and thresholds ({precision:.0%} right of those filed was meant), so these"
    yield (
        "figures flatter. Measured before quantisation, and before the head was taught these photos as well,"
    )
    yield "by the training command below, which prints them:"
    yield ""
    yield from found.lines()
    yield ""


def _thresholds(bundle: Bundle, precision: float) -> Iterator[str]:
    yield "## Thresholds"
    yield ""
    yield "A photo is filed when its category's probability (the sum over its labels, at temperature"
    yield f"{bundle.temperature:.2f}) reaches the category's threshold; otherwise a person sees it. Each is"
    yield f"the lowest value at which {precision:.0%} of the held-out photos filed there were right, with"
    yield (
        f"every category weighing the same, but at least {LEAST}; {NEVER} means that it could not be reached."
    )
    yield ""
    yield "| category | threshold |"
    yield "|---|---:|"
    for name, value in sorted(bundle.thresholds.items()):
        yield f"| {name} | {value:.3f} |"
    yield ""


def _weaknesses(measures: Mapping[str, Measure], notes: Sequence[str]) -> Iterator[str]:
    yield "## Known weaknesses"
    yield ""
    known = set(measures[HELD_OUT].per_category)
    for measured, words in ((OTHER_SHOPS, "photos of other shops"), (HELD_OUT, "held-out photos")):
        if measured not in measures:
            continue
        shares = measures[measured].per_category
        weak = [f"{name} ({s.hits} of {s.of})" for name, s in sorted(shares.items()) if s.value < WEAK]
        if weak:
            yield f"- Right in less than {WEAK:.0%} of the {words}: {', '.join(weak)}."
        if rest := sorted(known - set(shares)):
            yield f"- Not measured on {words}, for want of them: {', '.join(rest)}."
    yield from (f"- {note}" for note in notes)
    yield "- Things that are no product were not trained on: it may be sure of nonsense."
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
        yield f"| {source.name} | {source.photos} | {source.licence.replace('|', '/')} |"
    yield ""


def _recipe(bundle: Bundle, recipe: Recipe, seed: int, precision: float) -> Iterator[str]:
    base = bundle.base_weights
    yield "## How it was trained"
    yield ""
    yield f"From {base.name} ({base.source}; {base.licence})."
    yield f"Every layer was trained, {recipe.mix:.0%} of the way kept. The command, with what it was given"
    yield "as DATA, WEIGHTS and PHOTOS:"
    yield ""
    yield "```"
    yield f"refundsorter train DATA --name {bundle.name} --version {bundle.version} --base WEIGHTS \\"
    yield f"  --seed {seed} --precision {precision:g} --measure-on PHOTOS"
    yield "```"
    yield ""
    yield "The recipe:"
    yield ""
    yield "```"
    yield from (f"{key}: {value:g}" for key, value in asdict(recipe).items())
    yield "```"
    yield ""
