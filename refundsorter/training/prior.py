"""The columns that the starting weights came with: ImageNet's own classifier, read by department.

Training photos are of some shops; ImageNet's are of everywhere. On photos of other shops its columns beside
ours were worth two to three points of right ones (docs/recipes.md). They are trained along with the trunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.fault import RefundsorterError
from refundsorter.training.head import NOTHING, Columns
from refundsorter.training.imagenet import CLASSES, read_departments

LABELS = "imagenet_labels_1001.txt"  # beside the classifier: what its classes are called, one a line


class PriorRefused(RefundsorterError):
    """The earlier classifier cannot be read, or is not of this network; the message says which file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """An earlier classifier of the trunk's features."""

    names: tuple[str, ...]  # of its classes, as they came
    departments: tuple[str | None, ...]  # what each belongs to; None: no product, or of no department
    kernel: NDArray[np.float32]  # [F, classes]
    bias: NDArray[np.float32]  # [classes]


def read_prior(path: Path) -> Prior:
    """Read ImageNet's classifier, less the classes that say nothing of products.

    Args:
        path: An `.npz` file of `kernel` [F, 1001] and `bias` [1001], beside `imagenet_labels_1001.txt`.

    Raises:
        PriorRefused: A file is missing, or holds something else.
        MappingRefused: Our own mapping is damaged.
    """
    names_file = path.with_name(LABELS)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            kernel, bias = (np.asarray(arrays[key], dtype=np.float32) for key in ("kernel", "bias"))
        names = names_file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError, KeyError, BadZipFile, UnicodeDecodeError) as error:
        raise PriorRefused(f"{path}, with {LABELS} beside it: cannot be read: {error}") from error
    if kernel.ndim != 2 or kernel.shape[1:] != bias.shape or {len(bias), len(names)} != {CLASSES}:  # noqa: PLR2004
        raise PriorRefused(
            f"{path}: found a kernel {list(kernel.shape)}, a bias {list(bias.shape)} and {len(names)} names; "
            f"expected {CLASSES} classes of each"
        )
    departments = read_departments()
    kept = list(departments)
    return Prior(
        names=tuple(names[number].split(",")[0].strip() for number in kept),
        departments=tuple(departments.values()),
        kernel=kernel[:, kept],
        bias=bias[kept],
    )


def prior_columns(prior: Prior, categories: Sequence[str], taken: Sequence[str]) -> Columns | None:
    """Take the classes that are of no product or of one of `categories`, under names that are not `taken`.

    Returns:
        None where not one of the categories is a department that the mapping knows.
    """
    places = {name: index for index, name in enumerate(categories)}
    kept = [number for number, name in enumerate(prior.departments) if name is None or name in places]
    if not places.keys() & set(prior.departments):
        return None
    found = [prior.departments[number] for number in kept]
    return Columns(
        labels=unique([prior.names[number] for number in kept], taken),
        categories=np.array([NOTHING if name is None else places[name] for name in found], dtype=np.int64),
        kernel=prior.kernel[:, kept],
        bias=prior.bias[kept],
    )


def unique(names: Sequence[str], taken: Sequence[str]) -> tuple[str, ...]:
    """Make names unlike each other and those taken: "crane", "crane (ImageNet)", "crane (ImageNet 2)"."""
    seen = set(taken)
    found = []
    for name in names:
        other, number = name, 1
        while other in seen:
            other = f"{name} (ImageNet)" if number == 1 else f"{name} (ImageNet {number})"
            number += 1
        seen.add(other)
        found.append(other)
    return tuple(found)
