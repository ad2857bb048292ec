"""What a look at one thing that the daemon needs comes to."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check."""

    name: str  # what was looked at
    verdict: Verdict  # how it is
    found: str  # what was found
    todo: str = ""  # what to do; empty when all is well
