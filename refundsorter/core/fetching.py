"""Photos that are fetched by their address: the port, and why one is not."""

from dataclasses import dataclass
from enum import StrEnum

from refundsorter.core.fault import RefundsorterError


class Why(StrEnum):
    """Why a photo is not fetched."""

    REFUSED = "refused"  # nothing is asked for at such an address
    FAILED = "failed"  # the other side does not give it
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"


class NotFetched(RefundsorterError):
    """A photo was not fetched; the message says why, and names no address that a name stands for."""

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What fetching one photo may cost."""

    max_bytes: int
    timeout_s: float  # in all: finding the addresses, connecting, redirects, reading
