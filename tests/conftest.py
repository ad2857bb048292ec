"""What every test may use: a shop in a folder, with a small real model whose answers can be foretold."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import Shop, make_shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A configured shop: inbox, shelf, state, taxonomy, and a bundle that knows five colours."""
    return make_shop(tmp_path)


def pytest_report_header() -> str:
    """Say whether missing servers fail or skip."""
    return f"CI: {'yes' if os.environ.get('CI') else 'no'}"
