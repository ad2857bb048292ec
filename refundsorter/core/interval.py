"""How sure a share is that was counted."""

from math import sqrt

Z = 1.959964  # the normal distribution's quantile for 95 %


def wilson(right: int, photos: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson (1927); it is honest for small counts, too.

    Args:
        right: How many had the property.
        photos: Out of how many.

    Returns:
        Its lower and its upper end, 0..1; (0, 1) out of none.
    """
    if photos == 0:
        return 0.0, 1.0
    share = right / photos
    middle = (share + Z**2 / (2 * photos)) / (1 + Z**2 / photos)
    half = Z / (1 + Z**2 / photos) * sqrt(share * (1 - share) / photos + Z**2 / (4 * photos**2))
    return max(0.0, middle - half), min(1.0, middle + half)
