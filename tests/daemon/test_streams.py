"""What a command does when nobody can read its answer."""

import subprocess
import sys

import pytest
from support import Shop, photo

COMMANDS = ["status", "status --json", "doctor", "config show", "sweep --dry-run", "sweep --json", "--help"]


def ended(shop: Shop, command: str, redirection: str) -> "subprocess.CompletedProcess[str]":
    """Run a command through a shell that redirects its streams."""
    settings = "" if command == "--help" else f"--config {shop.config}"
    line = f"'{sys.executable}' -m refundsorter {command} {settings} {redirection}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("redirection", "why"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_an_answer_that_is_lost_is_told(shop: Shop, command: str, redirection: str, why: str) -> None:
    """One sentence, and exit 1."""
    end = ended(shop, command, redirection)
    assert (end.returncode, end.stderr) == (1, f"refundsorter: standard output cannot be written: {why}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_goes_away_is_no_trouble(shop: Shop, command: str) -> None:
    """Exit 1 without a word."""
    end = ended(shop, command, "| true")
    assert (end.returncode, end.stderr) == (1, "")


def test_the_ledger_is_nobodys_standard_error(shop: Shop) -> None:
    """With every stream closed, photos are sorted and no file takes the place of a stream."""
    shop.drop("a.jpg", photo("red"))
    assert ended(shop, "sweep --json", ">/dev/null 2>&- <&-").returncode == 0
    assert len(shop.lines()) == 1
