"""Names that meet on the shelf."""

from pathlib import Path

from faults.account import take
from support import Shop, eventually, make_shop, photo
from workbench import AT_ONCE, journaled, opened, running

LONGEST = "x" * 251 + ".png"
PHOTOS = 20


def _two_inboxes(base: Path) -> tuple[Shop, Path]:
    shop, other = make_shop(base / "shop"), base / "other"
    other.mkdir()
    shop.config.write_text(AT_ONCE.replace("workers: 1", "workers: 2") + f"inbox: [inbox, {other}]\n")
    return shop, other


def test_one_name_in_two_inboxes_at_once(tmp_path: Path) -> None:
    """Photos of the same names that come into two inboxes at the same moment all get a place and a line."""
    shop, other = _two_inboxes(tmp_path)
    with opened(shop) as workshop, running(workshop):
        for number in range(PHOTOS):
            for inbox in (shop.inbox, other):
                content = photo("red", form="PNG", seed=1 + 2 * number + (inbox == other))
                (tmp_path / "made").write_bytes(content)
                (tmp_path / "made").rename(inbox / f"{number}.png")
        eventually(journaled(shop, 2 * PHOTOS), "all filed")
    names = sorted(path.name for path in (shop.sorted / "WARM").iterdir())
    assert names == sorted(f"{number}{more}.png" for number in range(PHOTOS) for more in ("", " (2)"))
    assert take(shop, shop.photos()).states == {"sorted": 2 * PHOTOS}


def test_the_longest_name_gets_a_number(tmp_path: Path) -> None:
    """A name of 255 bytes that is taken is cut to make room for its number, and keeps its ending."""
    shop, other = _two_inboxes(tmp_path)
    (shop.inbox / LONGEST).write_bytes(photo("red", form="PNG", seed=1))
    (other / LONGEST).write_bytes(photo("red", form="PNG", seed=2))
    with opened(shop) as workshop, running(workshop):
        eventually(journaled(shop, 2), "both filed")
    names = {path.name for path in (shop.sorted / "WARM").iterdir()}
    assert names == {LONGEST, "x" * 247 + " (2).png"}
    assert take(shop, shop.photos()).states == {"sorted": 2}
