"""Hold what is pinned against the known weaknesses of packages; run by `make audit`.

pip-audit ends with 0 also for packages that its index does not know, and with 1 both for a weakness and for a
network that is away. So its answer is read: a weakness fails, what could not be looked up is told.
"""

import importlib.util
import json
import subprocess
import sys
from typing import Any

LOCK = "requirements.lock"
LONGEST_S = 300  # for all packages; a network that swallows packets must not hold up a check


def ask(lock: str) -> list[dict[str, Any]] | str:
    """What pip-audit says of each pinned package, or why it says nothing."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--disable-pip", "--require-hashes"]
    try:
        done = subprocess.run(
            [*command, "--format", "json", "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )
        return list(json.loads(done.stdout)["dependencies"])
    except subprocess.TimeoutExpired:
        return f"no answer within {LONGEST_S} s"
    except ValueError:
        return (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def report(answer: list[dict[str, Any]] | str) -> tuple[int, list[str]]:
    """The exit status, and the lines to print."""
    if isinstance(answer, str):
        return 0, [f"audit: NOT AUDITED: the advisories cannot be reached: {answer}"]
    lines = [
        f"audit: {one['name']} {one['version']}: {weakness['id']}, mended in {fixed}"
        for one in answer
        for weakness in one.get("vulns", [])
        for fixed in [", ".join(weakness["fix_versions"]) or "no version yet"]
    ]
    status = 1 if lines else 0
    skipped = [one["name"] for one in answer if "skip_reason" in one]
    if skipped:
        lines.append(f"audit: NOT AUDITED: {len(skipped)} of {len(answer)} packages could not be looked up")
    return status, [*lines, f"audit: {len(answer) - len(skipped)} of {len(answer)} packages looked up"]


if __name__ == "__main__":
    if importlib.util.find_spec("pip_audit") is None:
        sys.exit("audit: pip-audit is not installed: pip install -r requirements.lock")
    exit_status, said = report(ask(LOCK))
    sys.stdout.write("".join(f"{line}\n" for line in said))
    sys.exit(exit_status)
