"""The settings of the HTTP face."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated

from pydantic import BeforeValidator, Field

from refundsorter.settings_kinds import (
    GIB,
    KIB,
    MIB,
    Bytes,
    Folders,
    Group,
    Location,
    listed,
    seconds,
    setting,
    size,
    whole,
)

_ORIGIN = r"^https?://([A-Za-z0-9.-]{1,253}|\[[0-9a-f:]+\])(:[0-9]{1,5})?$"


def _address(value: object) -> object:
    """Let only an IP address pass: what a name stands for may change."""
    if not isinstance(value, str) or "%" in value:
        raise ValueError("not an address")
    return str(ip_address(value))


Address = Annotated[str, BeforeValidator(_address)]
Origin = Annotated[str, Field(pattern=re.compile(_ORIGIN, re.ASCII))]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(listed)]


class HttpSettings(Group):
    """The HTTP face: what the daemon knows and does, for other programs."""

    enabled: bool = setting(True, "Whether HTTP is served.", "true or false")  # noqa: FBT003
    host: Address = setting(
        "127.0.0.1",
        "The address that HTTP is served at; beyond this machine only with tokens, and TLS or a proxy.",
        "an IP address",
    )
    port: int = whole(
        8080, "The port that HTTP is served at; 0: any free one, which the log tells.", 0, 65_535
    )
    read_roots: Folders = setting(
        (),
        "Folders below which files may be named for a prediction; nothing is written there.",
        "a list of paths",
    )
    predict_queue: int = whole(
        256, "How many images may wait for a prediction; when there are more, the answer is 503.", 64, 10_000
    )
    unix_socket: Location | None = setting(
        None,
        "A socket in the file system that HTTP is served at, in place of host and port.",
        "a path, or null",
    )
    tokens_file: Location | None = setting(
        None, "The file of the tokens; null: `tokens.json` in `state_dir`.", "a path, or null"
    )
    tls_certificate: Location | None = setting(
        None,
        "The certificate, with those that sign it, in PEM; HTTP is then served over TLS.",
        "a path, or null",
    )
    tls_key: Location | None = setting(None, "The certificate's key, in PEM.", "a path, or null")
    behind_proxy: bool = setting(
        False,  # noqa: FBT003
        "Whether a proxy that speaks TLS stands before it; then nobody is let in without a token.",
        "true or false",
    )
    cors_origins: Origins = setting(
        (), "Web pages that a browser lets read answers.", "a list of origins such as https://portal.example"
    )
    max_requests: int = whole(
        64, "How many requests are answered at once; more are told to come later.", 1, 1024
    )
    max_body_bytes: Bytes = size(
        100 * MIB, "The largest body of a request; two such may be held in memory at once.", KIB, 4 * GIB
    )
    timeout_s: float = seconds(
        10.0, "How long a client may keep a request, or the reading of an answer, waiting.", 0.1, 300
    )
    fetch: bool = setting(
        False,  # noqa: FBT003
        "Whether predictions may fetch photos from public addresses by URL.",
        "true or false",
    )
    fetch_timeout_s: float = seconds(
        10.0, "How long fetching the photos of one request may take in all.", 0.1, 300
    )


def contradictions(http: HttpSettings) -> Iterator[tuple[str, set[str]]]:
    """Judge the values together; each problem with the keys that it is about."""
    has_certificate, has_key = http.tls_certificate is not None, http.tls_key is not None
    if has_certificate != has_key:
        there, missing = ("tls_certificate", "tls_key") if has_certificate else ("tls_key", "tls_certificate")
        told = f"http.{missing}: found null; allowed: a path, where http.{there} is given"
        yield told, {"http.tls_certificate", "http.tls_key"}
    is_beyond = http.unix_socket is None and not ip_address(http.host).is_loopback
    if http.enabled and is_beyond and not (has_certificate or http.behind_proxy):
        told = (
            f"http.host: found '{http.host}', an address beyond this machine, where tokens and photos would "
            "be seen; allowed with http.tls_certificate and http.tls_key, or http.behind_proxy: true"
        )
        yield told, {"http.host", "http.behind_proxy", "http.tls_certificate", "http.tls_key"}
