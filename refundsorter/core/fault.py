"""Every way in which things go wrong, split by whose matter it is.

A fault of one photo rejects that photo. Passing trouble is the world's: it is waited out and nothing is
rejected for it. A photo that has vanished or was replaced is not ours to move. The rest is refused at start
with a sentence that says what to do. errno is translated here, once; an `OSError` that no edge translated
stays loud and stops the daemon.
"""

import errno
from collections.abc import Sequence
from enum import StrEnum


class RefundsorterError(Exception):
    """The root of every error that refundsorter raises on purpose."""


class Reason(StrEnum):
    """Why a photo is rejected: a closed list, each also the name of a folder under `_rejected/`."""

    EMPTY = "empty"  # zero bytes
    TOO_LARGE = "too_large"  # more bytes than image.max_bytes
    NOT_AN_IMAGE = "not_an_image"  # its content is no picture that Pillow knows
    UNSUPPORTED_FORMAT = "unsupported_format"  # a picture, but not of an allowed format
    TRUNCATED = "truncated"  # the picture ends before its data is complete
    CORRUPT = "corrupt"  # its data contradicts its format
    TOO_MANY_PIXELS = "too_many_pixels"  # more pixels than image.max_pixels: a bomb, or a poster
    TOO_SMALL = "too_small"  # its shorter side is below image.min_side
    TOO_MUCH_MEMORY = "too_much_memory"  # decoding it needs more than image.memory_bytes
    TIMED_OUT = "timed_out"  # decoding it takes longer than image.timeout_s
    CRASHED = "crashed"  # the decoder dies of it


class ItemFault(RefundsorterError):
    """One photo cannot be used; only that photo is rejected."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class PassingTrouble(RefundsorterError):
    """The world does not allow it now; it is tried again later and nothing is rejected for it."""


class InDoubt(PassingTrouble):
    """A photo lies under its own name or elsewhere; only recovery can tell."""


class NoAnswer(InDoubt):
    """A share has not answered yet: what was asked of it may still be done."""


class Vanished(RefundsorterError):
    """The file is gone, or another one lies under its name; the photo that was seen is not ours to move."""


class NameTaken(RefundsorterError):
    """The destination's name is taken; nothing was moved."""


class StartRefused(RefundsorterError):
    """The daemon cannot start as things are; the message says what to do."""


class ConfigurationInvalid(StartRefused):
    """The configuration is wrong.

    Args:
        problems: Every one, a sentence each, with its place.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n  - ".join([f"the configuration has {count}:", *problems]))


class BundleRefused(StartRefused):
    """The model bundle is missing, damaged, or not what it says."""


class LedgerRefused(StartRefused):
    """The ledger was written by a newer version, or is damaged."""


class ExtraMissing(StartRefused):
    """A part of the program that is installed apart is not there."""


class AlreadyRunning(StartRefused):
    """Another process holds the state directory, the shelf or an inbox; the message says which."""


# What a full, slow, absent or forbidding file system answers with: these end by themselves or by an operator.
PASSING_ERRNOS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EIO,
        errno.EACCES,
        errno.EPERM,
        errno.ESTALE,
        errno.EINTR,
        errno.EAGAIN,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EBUSY,
        errno.ENOLCK,
        errno.ETIMEDOUT,
        errno.ENODEV,
        errno.ENOTCONN,
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EREMOTEIO,
        errno.EUCLEAN,
        errno.ENAMETOOLONG,  # this shelf cannot hold the name, as eCryptfs, vfat and CIFS say it;
        errno.EILSEQ,  # the photo is held back and the trouble is told, while others go on
        errno.EINVAL,
        errno.EFBIG,  # or cannot hold so large a file, or so many names for one
        errno.EOVERFLOW,
        errno.EMLINK,
        errno.EOPNOTSUPP,
    }
)

# What says that the file is no longer the one that was seen.
VANISHED_ERRNOS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO})


def translate(error: OSError, doing: str) -> RefundsorterError | OSError:
    """Say whose matter an `OSError` is.

    Args:
        error: What the system call answered.
        doing: What was attempted, for the message: "reading /inbox/a.jpg".

    Returns:
        `PassingTrouble`, `Vanished` or `NameTaken`, to be raised from `error`; or `error` itself, which
        nobody expected and which therefore stays loud.
    """
    message = f"{doing}: {error.strerror or error}"
    if error.errno in PASSING_ERRNOS:
        return PassingTrouble(message)
    if error.errno in VANISHED_ERRNOS:
        return Vanished(message)
    if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
        return NameTaken(message)
    return error
