"""Which names in an inbox are not looked at, because a program uses them for unfinished or private files.

A name that is ignored is looked at as soon as it is renamed to one that is not. All patterns become one
regular expression, once: a scan of 100,000 names asks it 100,000 times. The daemon's own hidden names are
always ignored, whatever the settings say: they are photos that a daemon is about to move.
"""

import fnmatch
import re
from dataclasses import dataclass, field

DEFAULT_PATTERNS = (".*", "~*", "*.part", "*.partial", "*.crdownload", "*.tmp", ".~lock*")

OWN = ".refundsorter-*"  # copies that grow, and photos that were taken: see `core.placement`


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Shell patterns over one name, never over a path.

    What the daemon itself hides is ignored without a pattern. A pattern that starts with `*` names a suffix
    and takes it in upper and lower case: Windows programs write `PHOTO.TMP`. Any other pattern is exact.
    """

    patterns: tuple[str, ...] = DEFAULT_PATTERNS  # as in fnmatch: *, ?, [seq], [!seq]
    _expression: re.Pattern[str] = field(init=False, repr=False, compare=False)  # all of them in one

    def __post_init__(self) -> None:
        """Compile the patterns."""
        object.__setattr__(self, "_expression", re.compile(_alternatives(self.patterns)))

    def matches(self, name: str) -> bool:
        """Whether this file or folder name is to be left alone.

        Args:
            name: One name as `os.fsdecode` gives it: it may hold newlines and surrogate escapes.
        """
        return self._expression.match(name) is not None


def _alternatives(patterns: tuple[str, ...]) -> str:
    return "|".join(_expression_of(pattern) for pattern in (OWN, *patterns))


def _expression_of(pattern: str) -> str:
    expression = fnmatch.translate(pattern)
    return f"(?i:{expression})" if pattern.startswith("*") else expression
