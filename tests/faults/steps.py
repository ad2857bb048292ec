"""A SIGKILL at one step after another, each in a shop of its own, until a run needs fewer steps than that."""

import math
import shutil
from pathlib import Path
from time import monotonic

from faults.account import take
from faults.victim import Victims
from support import Shop, make_shop, photo
from workbench import AT_ONCE, shelve_elsewhere


def kill_at_each(base: Path, way: str, program: Victims, *, seed: int = 0, until: float = math.inf) -> int:
    """Kill at one step after another, until so late; how many were killed."""
    template = make_shop(base / "template")
    template.config.write_text(AT_ONCE)
    template.drop("a photo.jpg", photo("red", seed=seed))
    template.drop("its copy.jpg", photo("red", seed=seed))
    template.drop("a text.jpg", f"no photo {seed}".encode())
    before = template.photos()
    files = "link" if way == "link" else "rename"
    killed, step = True, 0
    while killed and monotonic() < until:
        step += 1
        shop = Shop(base / f"{step}")
        shutil.copytree(template.base, shop.base)
        with shelve_elsewhere(shop, if_so=way == "copy"):
            killed = program.run(shop, files, step)
            assert not (killed and program.run(shop, files, 0))
            found = take(shop, before)
        assert found.lines == 3, f"after a kill at step {step}, {found.inbox} photos are left"
    return step - (not killed)
