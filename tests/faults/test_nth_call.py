from pathlib import Path

import pytest
from faults.calls import CODES, fail_each, fail_each_anew
from support import Shop


@pytest.mark.parametrize(("way", "code"), [*(("rename", code) for code in CODES), ("short", "ENOSPC")])
def test_one_failed_call_after_another_is_made_good(way: str, code: str, shop: Shop) -> None:
    """Whichever call fails, the running loops file every photo as if none had, and reject none for it."""
    assert fail_each(shop, way, code) > 29, "the calls were not counted"


@pytest.mark.parametrize("way", ["rename", "link", "copy"])
def test_one_failed_call_in_a_new_shop_is_made_good(way: str, tmp_path: Path) -> None:
    """The same where the folders are still to be made, whichever way the file systems let photos be moved."""
    assert fail_each_anew(tmp_path, way, "EIO") > 35, "the calls were not counted"
