import shutil
from pathlib import Path

import pytest
from faults.account import take
from faults.victim import victims
from support import Shop, make_shop, photo
from workbench import AT_ONCE, shelve_elsewhere


@pytest.mark.parametrize("way", ["rename", "link", "copy"])
def test_a_kill_at_any_step_leaves_every_photo_once(way: str, tmp_path: Path) -> None:
    """Whichever step a SIGKILL comes before or after, the next start leaves each photo and line once."""
    template = make_shop(tmp_path / "template")
    template.config.write_text(AT_ONCE)
    template.drop("a photo.jpg", photo("red"))
    template.drop("its copy.jpg", photo("red"))
    template.drop("a text.jpg", b"no photo")
    before = template.photos()
    files = "link" if way == "link" else "rename"
    killed, step = True, 0
    with victims() as program:
        while killed:
            step += 1
            shop = Shop(tmp_path / f"{step}")
            shutil.copytree(template.base, shop.base)
            with shelve_elsewhere(shop, if_so=way == "copy"):
                killed = program.run(shop, files, step)
                assert not (killed and program.run(shop, files, 0))
                found = take(shop, before)
            assert found.states == {"sorted": 2, "rejected": 1}, f"after a kill at step {step}"
    assert step > 40, "the steps were not counted"
