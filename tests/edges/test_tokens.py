"""The file of tokens: closed to others, read anew when it changes, and never opening by accident."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from refundsorter.core.fault import StartRefused
from refundsorter.core.token import Role, Token, TokenRefused, added, digest, without
from refundsorter.edges import tokens
from refundsorter.edges.tokens import Keyring


def token(name: str, role: Role = Role.READ) -> Token:
    """A token whose secret is its name."""
    return Token(name=name, role=role, sha256=digest(name), created="2026-01-31T09:30:00.000Z")


def add(path: Path, name: str, role: Role = Role.READ) -> None:
    """Put it into the file."""
    tokens.change(path, lambda known: added(known, token(name, role)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file's place; its folder is made with it."""
    return tmp_path / "state" / "tokens.json"


def test_only_a_digest_is_kept_and_only_the_owner_may_read(path: Path) -> None:
    """The file has mode 0600 under any umask, and holds no secret."""
    before = os.umask(0)
    try:
        add(path, "a-secret-of-256-bits")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_bytes())["tokens"][0]
    assert kept.pop("name") == "a-secret-of-256-bits"
    assert "a-secret" not in str(kept)
    assert tokens.read(path) == (token("a-secret-of-256-bits"),)


def test_a_token_opens_until_it_is_revoked(path: Path) -> None:
    """What is added counts at once, and what is revoked no longer; another secret never does."""
    keyring = Keyring(path, is_always_needed=False)
    assert not keyring.is_needed()
    add(path, "portal")
    add(path, "ops", Role.OPERATE)
    assert keyring.is_needed()
    known = [keyring.token(name) for name in ("portal", "ops", "other", "")]
    assert [one and (one.name, one.role) for one in known] == [
        ("portal", "read"), ("ops", "operate"), None, None
    ]  # fmt: skip
    tokens.change(path, lambda known: without(known, "portal"))
    assert [keyring.token(name) is None for name in ("portal", "ops")] == [True, False]


def test_a_locked_door_stays_locked_when_the_tokens_are_gone(path: Path) -> None:
    """Neither revoking the last token nor losing the file opens what asked for one."""
    keyring = Keyring(path, is_always_needed=False)
    add(path, "portal")
    assert keyring.is_needed()
    tokens.change(path, lambda known: without(known, "portal"))
    assert keyring.is_needed()
    path.unlink()
    assert keyring.is_needed()
    assert keyring.token("portal") is None
    assert Keyring(path, is_always_needed=True).is_needed()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_file_that_others_may_use_is_refused(path: Path, mode: int) -> None:
    """At once, with what to do about it."""
    add(path, "portal")
    keyring = Keyring(path, is_always_needed=False)
    assert keyring.token("portal") is not None
    path.chmod(mode)
    with pytest.raises(StartRefused, match="chmod 600"):
        tokens.read(path)
    with pytest.raises(StartRefused, match="chmod 600"):
        keyring.token("portal")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[]", b"null", b'{"tokens": 1}', b'{"tokens": [{}]}', b'{"tokens": [null]}', b"\xff",
        b'{"tokens": [{"name": "a", "role": "root", "sha256": "", "created": ""}]}',
        b'{"tokens": [{"name": "a", "role": "read", "sha256": "00", "created": ""}]}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_file_of_tokens_lets_nobody_in(path: Path, content: bytes) -> None:
    """It is refused, and not taken for one without tokens."""
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(StartRefused, match="no file of tokens"):
        Keyring(path, is_always_needed=False).is_needed()


def test_a_link_or_a_folder_is_no_file_of_tokens(path: Path) -> None:
    """A link is not followed, and a FIFO is not waited for."""
    path.mkdir(parents=True)
    with pytest.raises(StartRefused, match="it is no file"):
        tokens.read(path)
    link, fifo = path / "link", path / "fifo"
    link.symlink_to("/etc/passwd")
    os.mkfifo(fifo, 0o600)
    with pytest.raises(StartRefused, match="cannot be read"):
        tokens.read(link)
    with pytest.raises(StartRefused, match="it is no file"):
        tokens.read(fifo)


def test_several_who_make_tokens_at_once_lose_none(path: Path) -> None:
    """Each change is made to what the one before left."""
    makers = [threading.Thread(target=add, args=(path, f"t{number}")) for number in range(8)]
    for one in makers:
        one.start()
    for one in makers:
        one.join()
    assert {one.name for one in tokens.read(path)} == {f"t{number}" for number in range(8)}


@pytest.mark.parametrize("name", ["", "-a", "a b", "a\n", "ä", "x" * 65, "../a"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    """With what a name may be."""
    with pytest.raises(TokenRefused, match="1 to 64"):
        added((), token(name))


def test_a_name_is_given_once_and_only_a_known_one_is_revoked() -> None:
    """Both are told."""
    with pytest.raises(TokenRefused, match="there is a token"):
        added((token("a"),), token("a"))
    with pytest.raises(TokenRefused, match="there is no token"):
        without((token("a"),), "b")
