"""Fetch a public data set from Kaggle: the only user of kagglehub.

What was fetched once is not fetched again, and a download that was cut short goes on where it ended. The
token, where a set needs one, is found by kagglehub in its usual places; it is never read or shown here.
"""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from http import HTTPStatus
from pathlib import Path
from tarfile import TarError
from zipfile import BadZipFile

from refundsorter.core.fault import ExtraMissing, PassingTrouble, RefundsorterError, translate
from refundsorter.training.dataset import DatasetRefused
from refundsorter.training.progress import Progress, Report

SCHEME = "kaggle:"
REFERENCE = re.compile(r"kaggle:([\w-]+/[\w.-]+(?:/versions/\d+)?)", re.ASCII)
HOW_TO_SIGN_IN = (
    "make a token in your account's settings at Kaggle, and give it as KAGGLE_API_TOKEN, as KAGGLE_USERNAME "
    "with KAGGLE_KEY, or as the file ~/.kaggle/kaggle.json"
)


def is_reference(data: str) -> bool:
    """Whether DATA names a set to be pulled instead of a file or folder."""
    return data.startswith(SCHEME)


def pull(reference: str, to: Path | None, report: Report) -> Path:
    """Download a data set, unless it is there already; kagglehub draws a bar where there is a terminal.

    Args:
        reference: `kaggle:OWNER/NAME`, or `kaggle:OWNER/NAME/versions/N`.
        to: The folder to unpack it into: new, empty, or of an earlier pull of the same version; None: the
            cache of kagglehub, `~/.cache/kagglehub` or what KAGGLEHUB_CACHE names.
        report: Told at the beginning and at the end.

    Returns:
        The folder that holds the set, for `dataset.read`.

    Raises:
        DatasetRefused: The reference is none, the set does not exist or is not open to this token, what came
            is damaged, or the folder holds something else.
        PassingTrouble: Kaggle cannot be reached, or the disk does not allow it now.
        ExtraMissing: kagglehub is not installed.
    """
    named = REFERENCE.fullmatch(reference)
    if not named:
        raise DatasetRefused(f"{reference!r} names no data set; write kaggle:OWNER/NAME")
    # Set before kagglehub is imported, which reads it once: its remarks are not for this reader.
    os.environ.setdefault("KAGGLEHUB_VERBOSITY", "error")
    try:
        import kagglehub  # noqa: PLC0415 - slow, and wanted by this one function only
    except ModuleNotFoundError as missing:
        raise ExtraMissing("pulling needs kagglehub: pip install 'refundsorter[train]'") from missing
    report(Progress(stage="pull", done=0, total=1, note=f"{reference}: asking Kaggle for it"))
    with _told(reference, to), _quiet():
        folder = Path(kagglehub.dataset_download(named[1], output_dir=str(to) if to else None))
    report(Progress(stage="pull", done=1, total=1, note=f"{reference}: in {folder}"))
    return folder


@contextmanager
def _told(reference: str, to: Path | None) -> Iterator[None]:
    """Turn what kagglehub raises into a sentence that says what to do."""
    import requests  # noqa: PLC0415 - comes with kagglehub
    from kagglehub.exceptions import DataCorruptionError  # noqa: PLC0415 - as above

    try:
        yield
    except requests.HTTPError as error:
        raise _of_status(reference, error) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise PassingTrouble(
            f"{reference}: Kaggle cannot be reached; try again when this machine is online, or fetch the set "
            "elsewhere and name its folder instead"
        ) from error
    except DataCorruptionError as error:
        raise DatasetRefused(
            f"{reference}: what came is not what Kaggle says it sent; run the command again"
        ) from error
    except FileExistsError as error:
        raise DatasetRefused(
            f"{to}: holds something else, or a pull that was cut short; empty it or name another folder"
        ) from error
    except requests.RequestException as error:
        raise PassingTrouble(
            f"{reference}: the download broke off: {type(error).__name__}; run the command again"
        ) from error
    except OSError as error:
        told = translate(error, f"keeping {reference}")
        raise told from error
    except (ValueError, BadZipFile, TarError) as error:  # a file of credentials, or an archive, that is none
        raise DatasetRefused(f"{reference}: {error}") from error


def _of_status(reference: str, error: "OSError") -> RefundsorterError:
    """Say what an answer of Kaggle's means; `error` is a `requests.HTTPError`."""
    from kagglehub.config import get_kaggle_credentials  # noqa: PLC0415 - as above

    answer = getattr(error, "response", None)
    status = answer.status_code if answer is not None else 0
    match status:
        case HTTPStatus.NOT_FOUND:
            return DatasetRefused(f"{reference}: Kaggle has no such data set; look at its page's address")
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN if get_kaggle_credentials() is None:
            return DatasetRefused(f"{reference}: does not exist, or needs a token: {HOW_TO_SIGN_IN}")
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return DatasetRefused(
                f"{reference}: does not exist, or this token may not have it: accept its terms on its page, "
                f"or {HOW_TO_SIGN_IN}"
            )
        case _:
            return PassingTrouble(f"{reference}: Kaggle answered {status}; try again later")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep kagglehub off standard output, which is the command's own, and its bar for terminals."""
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(io.StringIO()))
        if not sys.stderr.isatty():
            stack.enter_context(redirect_stderr(io.StringIO()))
        yield
