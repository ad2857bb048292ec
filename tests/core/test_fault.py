"""Whose matter an error of the system is."""

import errno
import os

import pytest

from refundsorter.core.fault import (
    PASSING_ERRNOS,
    VANISHED_ERRNOS,
    ItemFault,
    NameTaken,
    PassingTrouble,
    Reason,
    RefundsorterError,
    StartRefused,
    Vanished,
    translate,
)
from refundsorter.core.taxonomy import folder_problem

TAKEN_ERRNOS = {errno.EEXIST, errno.ENOTEMPTY}
KNOWN_ERRNOS = PASSING_ERRNOS | VANISHED_ERRNOS | TAKEN_ERRNOS
MUST_PASS = {
    "the disk is full": errno.ENOSPC, "the quota is used up": errno.EDQUOT, "read-only": errno.EROFS,
    "not permitted": errno.EACCES, "nor this": errno.EPERM, "reading failed": errno.EIO,
    "the share is stale": errno.ESTALE, "it is off": errno.ENOTCONN, "its server sleeps": errno.EHOSTDOWN,
    "it takes too long": errno.ETIMEDOUT, "too many files": errno.EMFILE, "no memory": errno.ENOMEM,
}  # fmt: skip


def error_of(code: int) -> OSError:
    """What a system call raises."""
    return OSError(code, os.strerror(code))


@pytest.mark.parametrize("code", sorted(PASSING_ERRNOS))
def test_passing_trouble_is_waited_out(code: int) -> None:
    """What ends by itself or by an operator rejects nothing."""
    assert isinstance(translate(error_of(code), "reading"), PassingTrouble)


@pytest.mark.parametrize("trouble", MUST_PASS)
def test_the_everyday_troubles_pass(trouble: str) -> None:
    """What a full, slow, absent or forbidding file system says is among the passing ones."""
    assert MUST_PASS[trouble] in PASSING_ERRNOS


@pytest.mark.parametrize("code", sorted(VANISHED_ERRNOS))
def test_a_vanished_file_is_told_as_such(code: int) -> None:
    """What says that the file is no longer the one that was seen is no trouble of the world."""
    assert isinstance(translate(error_of(code), "reading"), Vanished)


@pytest.mark.parametrize("code", sorted(TAKEN_ERRNOS))
def test_a_taken_name_is_told_as_such(code: int) -> None:
    """What says that something lies there already asks for another name."""
    assert isinstance(translate(error_of(code), "renaming"), NameTaken)


@pytest.mark.parametrize("code", sorted(set(errno.errorcode) - KNOWN_ERRNOS))
def test_an_unknown_error_stays_itself(code: int) -> None:
    """An error that nobody expected is handed back unchanged, so that it stays loud."""
    error = error_of(code)
    assert translate(error, "reading") is error


def test_an_error_without_a_number_stays_itself() -> None:
    """An `OSError` that carries no errno is nobody's."""
    error = OSError("no number")
    assert translate(error, "reading") is error


def test_the_sets_do_not_overlap() -> None:
    """No errno is two things."""
    assert not PASSING_ERRNOS & VANISHED_ERRNOS
    assert not TAKEN_ERRNOS & (PASSING_ERRNOS | VANISHED_ERRNOS)


def test_the_message_says_what_was_attempted() -> None:
    """A translated error names the deed and the system's words."""
    assert str(translate(error_of(errno.ENOSPC), "write '/s/a'")) == "write '/s/a': No space left on device"


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_can_be_a_folder(reason: Reason) -> None:
    """Every reason of the closed list names a folder under `_rejected/`."""
    assert folder_problem(reason.value) is None


def test_an_item_fault_carries_reason_and_detail() -> None:
    """What is wrong with a photo is told as a reason from the list and a detail for people."""
    fault = ItemFault(Reason.EMPTY, "0 bytes")
    assert (fault.reason, fault.detail, str(fault)) == (Reason.EMPTY, "0 bytes", "empty: 0 bytes")


def test_passing_trouble_is_no_refusal() -> None:
    """Only what is refused at start is a `StartRefused`; both have one root."""
    assert not issubclass(PassingTrouble, StartRefused)
    assert issubclass(PassingTrouble, RefundsorterError)
    assert issubclass(StartRefused, RefundsorterError)
