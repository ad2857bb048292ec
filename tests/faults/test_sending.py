import errno
import shutil
from pathlib import Path

import pytest
from faults.calls import OneFailure
from faults.sending import ANSWERED, NAME, require_account, send
from faults.victim import UPLOAD, victims
from support import Shop, make_shop, photo
from workbench import AT_ONCE, opened, sort_all

from refundsorter.core.fault import PassingTrouble
from refundsorter.edges.filesystem import FileSystem
from refundsorter.sending import Uploads

MANY = 100  # sending two photos takes fewer calls
MANY_STEPS = 20  # and more of what is written


def shop_with_a_photo(base: Path) -> Shop:
    """One that lies there already, under the name that those have which are sent."""
    shop = make_shop(base)
    shop.config.write_text(AT_ONCE)
    shop.drop(NAME, photo("green"))
    return shop


def test_a_kill_at_any_step_leaves_what_is_sent_whole_or_out(tmp_path: Path) -> None:
    """Whichever step up to the answer a SIGKILL comes before, each is there once or not, and none in part."""
    template = shop_with_a_photo(tmp_path / "template")
    before = template.photos()
    is_answered, step = False, 0
    with victims() as program:
        while not is_answered:
            step += 1
            shop = Shop(tmp_path / f"{step}")
            shutil.copytree(template.base, shop.base)
            assert program.run(shop, UPLOAD, step)
            is_answered = (shop.base / ANSWERED).exists()
            assert not program.run(shop, UPLOAD, 0)
            require_account(shop, before, f"after a kill at step {step}")
            shutil.rmtree(shop.base)
    assert step > MANY_STEPS, "the steps were not counted"


@pytest.mark.parametrize("code", ["ENOSPC", "EIO"])
def test_a_full_disk_leaves_what_is_sent_whole_or_out(tmp_path: Path, code: str) -> None:
    """Whichever call fails, it is refused for now, and what lies there then is whole and sorted."""
    answers = []
    for call in range(1, MANY):
        shop = shop_with_a_photo(tmp_path / f"{call}")
        before, failure = shop.photos(), OneFailure(getattr(errno, code))
        with opened(shop) as workshop:
            files = FileSystem(failure.before)
            failure.arm(call)
            try:
                send(shop, Uploads(workshop.settings, workshop.ledger, lambda: None, files=files))
            except PassingTrouble:
                assert failure.has_failed
            Uploads(workshop.settings, workshop.ledger, lambda: None).clear()  # as the next start does
            sort_all(workshop)
        answers.append(require_account(shop, before, f"with call {call} failed"))
        if not failure.has_failed:
            break
    assert answers[-1]
    assert answers.count(False) > 9, "the calls were not counted"
