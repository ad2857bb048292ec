"""`make audit`: a weakness fails, silence is told."""

import audit
import pytest

WELL = {"name": "numpy", "version": "2.0", "vulns": []}
WEAK = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "six", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ([WELL], 0, "audit: 1 of 1 packages looked up"),
        ([WELL, WEAK], 1, "audit: pillow 1.0: PYSEC-1, mended in 1.1"),
        ([WELL, UNKNOWN], 0, "audit: NOT AUDITED: 1 of 2 packages could not be looked up"),
        ("no name", 0, "audit: NOT AUDITED: the advisories cannot be reached: no name"),
    ],
)
def test_what_is_found_is_told(answer: list[dict[str, object]] | str, status: int, told: str) -> None:
    """Each answer gives its status and a line that nobody overlooks."""
    found, lines = audit.report(answer)
    assert found == status
    assert lines[0] == told
