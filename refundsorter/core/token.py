"""Tokens: who may ask, and who may also start and change something, over HTTP.

A token is 256 random bits, so one round of SHA-256 keeps it secret at rest: there is nothing to guess, as
there is with a password.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from refundsorter.core.fault import RefundsorterError

PREFIX = "rs_"  # by which a token that was published by mistake is found
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class TokenRefused(RefundsorterError):
    """A token cannot be made or revoked; the message says why."""


class Role(StrEnum):
    """What a token allows."""

    READ = "read"  # to ask
    OPERATE = "operate"  # and to start, upload and change

    def allows(self, other: "Role") -> bool:
        """Whether whoever has this one may do what needs the other."""
        return self is Role.OPERATE or other is Role.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is kept of a token; not the token itself."""

    name: str  # of whoever has it: portal
    role: Role
    sha256: str  # of the token, 64 hex digits
    created: str  # RFC 3339, UTC


class KeysPort(Protocol):
    """Who may ask; from any thread."""

    def is_needed(self) -> bool:
        """Whether a request needs a token; raises as `token`."""

    def token(self, secret: str) -> Token | None:
        """Which token this is; None: it is none of ours.

        Raises:
            StartRefused: The tokens cannot be read.
            PassingTrouble: Likewise, and it may end.
        """


def digest(secret: str) -> str:
    """What is kept of a token: 64 hex digits. What is no UTF-8 is no token of ours, and has a digest too."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def added(tokens: tuple[Token, ...], new: Token) -> tuple[Token, ...]:
    """The tokens, with another one.

    Raises:
        TokenRefused: It has no name that can be one, or another token has it.
    """
    if not NAME.fullmatch(new.name):
        raise TokenRefused(
            f"found {new.name!r}; a token's name has 1 to 64 of A-Z, a-z, 0-9, `.`, `_` and `-`, "
            "and begins with a letter or a digit"
        )
    if any(one.name == new.name for one in tokens):
        raise TokenRefused(
            f"there is a token of the name {new.name!r}; revoke it first, or take another name"
        )
    return (*tokens, new)


def without(tokens: tuple[Token, ...], name: str) -> tuple[Token, ...]:
    """The tokens, without one.

    Raises:
        TokenRefused: There is none of that name.
    """
    left = tuple(one for one in tokens if one.name != name)
    if len(left) == len(tokens):
        raise TokenRefused(f"there is no token of the name {name!r}; `refundsorter token list` names them")
    return left
