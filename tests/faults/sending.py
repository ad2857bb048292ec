"""Photos that are sent while something goes wrong: an answer is a promise, and no answer is none."""

import hashlib
from collections import Counter
from contextlib import suppress

from faults.account import take
from support import Shop, photo

from refundsorter.assembly import Workshop
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.upload import DeliveryPort
from refundsorter.edges.filesystem import FileSystem
from refundsorter.sending import Uploads

NAME = "a photo.png"  # of all of them; one that lies there has it already
SENT = (photo("red", form="PNG", seed=1), photo("blue", form="PNG", seed=2))
BEGUN, ANSWERED = "begun", "answered"  # files that tell the account what a client knows


def send_once(shop: Shop, workshop: Workshop, files: FileSystem) -> None:
    """Send the photos, unless that was begun in an earlier life of this process."""
    uploads = Uploads(workshop.settings, workshop.ledger, lambda: None, files=files)
    uploads.clear()
    if not (shop.base / BEGUN).exists():
        (shop.base / BEGUN).touch()
        send(shop, uploads)


def send(shop: Shop, uploads: Uploads) -> None:
    """Send the photos as a request does: all of them, or what is not in the inbox by then is removed."""
    begun: list[DeliveryPort] = []
    try:
        for content in SENT:
            begun.append(uploads.begin(NAME))
            begun[-1].write(content[:100])
            begun[-1].write(content[100:])
        uploads.deliver([*begun])
        (shop.base / ANSWERED).touch()
    finally:
        for one in begun:
            with suppress(PassingTrouble):  # the next process removes it
                one.drop()


def require_account(shop: Shop, before: Counter[str], when: str) -> bool:
    """Hold what lies there against what was answered, once all is sorted; whether it was answered."""
    sent = Counter(hashlib.sha256(one).hexdigest() for one in SENT)
    there, is_answered = shop.photos() - before, (shop.base / ANSWERED).exists()
    assert there == sent or (not is_answered and there < sent), f"{when}: lost, doubled or torn"
    found = take(shop, before + there)
    assert (found.lines, found.inbox) == (1 + there.total(), 0), f"{when}: {found}"
    return is_answered
