"""Which bundle is in use, which was before it, and which is tried beside it: `active.yaml` as a value.

Every step gives a new value. A step that makes no sense is refused, with what to do instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from refundsorter.core.bundle import Bundle
from refundsorter.core.fault import BundleRefused
from refundsorter.core.text import shown

KEYS = ("active", "previous", "shadow", "share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What `active.yaml` says; bundles by their references, NAME/VERSION."""

    active: str | None = None  # decides the photos
    previous: str | None = None  # was active before; `rollback` goes back to it
    shadow: str | None = None  # answers a share of the photos as well; nothing is moved by it
    share: float = 0.0  # which share, above 0 to 1; 0 without a shadow

    @classmethod
    def from_mapping(cls, found: object) -> Self:
        """Read what the file holds.

        Raises:
            BundleRefused: It is no choice; the message names every problem, but not the file.
        """
        if not isinstance(found, Mapping) or set(found) - set(KEYS):
            raise BundleRefused(f"expected the keys {', '.join(KEYS)}; found {shown(found)}")
        problems = [
            f"{key}: found {shown(found[key])}, expected name/version"
            for key in ("active", "previous", "shadow")
            if not isinstance(found.get(key), str | None)
        ]
        if found.get("shadow") is not None and not is_share(found.get("share")):
            problems.append(f"share: found {shown(found.get('share'))}, expected a number above 0 to 1")
        if problems:
            raise BundleRefused("; ".join(problems))
        shadow = found.get("shadow")
        return cls(
            active=found.get("active"),
            previous=found.get("previous"),
            shadow=shadow,
            share=float(found["share"]) if shadow is not None else 0.0,
        )

    def to_mapping(self) -> dict[str, Any]:
        """What `from_mapping` reads; without a shadow nothing is said of one."""
        fields: dict[str, Any] = {"active": self.active, "previous": self.previous}
        return fields if self.shadow is None else {**fields, "shadow": self.shadow, "share": self.share}

    def named(self) -> frozenset[str]:
        """Every bundle that is in use in some way, and therefore stays."""
        return frozenset(filter(None, (self.active, self.previous, self.shadow)))

    def activated(self, reference: str) -> Self:
        """Another one is active, and this one the previous; a candidate that is promoted is none any more."""
        if reference == self.active:
            return self
        chosen = replace(self, active=reference, previous=self.active)
        return chosen.without_shadow() if reference == self.shadow else chosen

    def rolled_back(self) -> Self:
        """The previous one is active again, and this one the previous.

        Raises:
            BundleRefused: There is no previous one.
        """
        if self.previous is None:
            raise BundleRefused(
                "there is no previous bundle to go back to; "
                "choose one by `refundsorter models activate NAME/VERSION`"
            )
        return self.activated(self.previous)

    def with_shadow(self, reference: str, share: float) -> Self:
        """A candidate answers a share of the photos as well.

        Raises:
            BundleRefused: It is the active one, or the share is none.
        """
        if reference == self.active:
            raise BundleRefused(f"{reference} is active: it answers every photo already")
        if not is_share(share):
            raise BundleRefused(f"share: found {shown(share)}, expected a number above 0 to 1")
        return replace(self, shadow=reference, share=share)

    def without_shadow(self) -> Self:
        """No candidate is tried."""
        return replace(self, shadow=None, share=0.0)


def is_share(value: object) -> bool:
    """Whether it is a number above 0 up to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def superfluous(bundles: Sequence[Bundle], *, in_use: frozenset[str], keep: int) -> list[Bundle]:
    """The bundles that may be removed, oldest first.

    Args:
        bundles: All that are there.
        in_use: References of those that stay whatever their age.
        keep: How many of the others stay, of each name: the newest.
    """
    others = sorted((one for one in bundles if one.reference not in in_use), key=lambda one: one.created)
    of_name: dict[str, list[Bundle]] = {}
    for one in others:
        of_name.setdefault(one.name, []).append(one)
    gone = {one.reference for same in of_name.values() for one in same[: max(0, len(same) - keep)]}
    return [one for one in others if one.reference in gone]
