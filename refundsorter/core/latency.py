"""What at most a half, nine tenths and 99 of 100 photos took, of any number of photos."""

import math
from array import array
from collections.abc import Iterable, Mapping

from refundsorter.core.figures import QUANTILES

STAGES = ("total_s", "queued_s", "decode_ms", "infer_ms", "move_ms")


def latency(times: Iterable[Mapping[str, float | None]]) -> dict[str, dict[str, float]]:
    """The quantiles of each stage, by the nearest rank: 40 bytes a photo; none without photos.

    Args:
        times: Of each photo what each stage took; None where it had none.
    """
    kept = {stage: array("d") for stage in STAGES}
    for one in times:
        for stage, values in kept.items():
            if (took := one[stage]) is not None:
                values.append(max(0.0, took))
    return {stage: _quantiles(values) for stage, values in kept.items() if values}


def _quantiles(values: "array[float]") -> dict[str, float]:
    ordered = sorted(values)
    return {
        name: round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
        for name, share in QUANTILES.items()
    }
