"""The settings of the HTTP face."""

from ipaddress import ip_address
from typing import Annotated

from pydantic import BeforeValidator

from refundsorter.settings_kinds import Folders, Group, setting, whole


def _loopback(value: object) -> object:
    """Let only an address of this machine alone pass: nobody else is asked who he is."""
    if not isinstance(value, str) or not ip_address(value).is_loopback:
        raise ValueError("not an address of this machine alone")
    return value


Loopback = Annotated[str, BeforeValidator(_loopback)]


class HttpSettings(Group):
    """The HTTP face: what the daemon knows and does, for other programs on this machine."""

    enabled: bool = setting(True, "Whether HTTP is served.", "true or false")  # noqa: FBT003
    host: Loopback = setting(
        "127.0.0.1",
        "The address that HTTP is served at.",
        "an address of this machine alone: 127.0.0.1 or ::1",
    )
    port: int = whole(
        8080, "The port that HTTP is served at; 0: any free one, which the log tells.", 0, 65_535
    )
    read_roots: Folders = setting(
        (),
        "Folders below which files may be named for a prediction; nothing is written there.",
        "a list of paths",
    )
    max_upload_mb: int = whole(100, "The longest body of a request, in MiB.", 1, 4096)
    predict_queue: int = whole(
        256, "How many images may wait for a prediction; when there are more, the answer is 503.", 64, 10_000
    )
