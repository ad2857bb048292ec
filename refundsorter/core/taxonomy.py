"""From labels to categories: many labels to one folder, changed without retraining.

A category's name becomes a folder's, so a name that could escape the shelf, collide with another on a file
system that ignores case, or collide with a reserved folder is refused when the taxonomy is made.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refundsorter.core.fault import ConfigurationInvalid
from refundsorter.core.text import shown

FEW_LABELS = 5  # that a remark names
MAX_NAME_BYTES = 255  # NAME_MAX of Linux file systems


def folder_problem(name: str) -> str | None:
    """Say why `name` cannot be a category's folder; None when it can."""
    if not name or not name.strip():
        return "is empty"
    if name[0] in "_.~":
        return f"starts with {name[0]!r}, which is reserved"
    if any(character in '/\\:*?"<>|' or unicodedata.category(character)[0] == "C" for character in name):
        return (
            "has a character that a folder's name cannot have everywhere (/ \\ : * ? \" < > | or a control)"
        )
    if name != name.strip() or name.endswith("."):
        return "starts or ends with a space, or ends with a dot"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """Which folder each label belongs to."""

    category_of: Mapping[str, str]  # label -> category
    thresholds: Mapping[
        str, float
    ]  # category -> the least probability at which it is filed; overrides the bundle
    no_category: frozenset[str] = frozenset()  # labels that no folder is meant for: a person sees such photos

    @property
    def categories(self) -> tuple[str, ...]:
        """Every category, sorted."""
        return tuple(sorted(set(self.category_of.values())))

    @property
    def digest(self) -> str:
        """16 hex digits that change when a label's category does; thresholds do not count."""
        text = json.dumps(sorted(self.category_of.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def named(self) -> frozenset[str]:
        """Every label that it says something of."""
        return self.no_category | self.category_of.keys()

    def misfits(self, labels: Sequence[str]) -> list[str]:
        """Say where taxonomy and model do not meet; nothing of it keeps the daemon from starting.

        Args:
            labels: What the model knows.
        """
        homeless = [label for label in labels if label not in self.named]
        unknown = sorted(self.named - set(labels))
        remarks = []
        if homeless:
            remarks.append(f"no category has the model's {_few(homeless)}; such photos go to _review/")
        if unknown:
            remarks.append(f"the model knows no {_few(unknown)}: misspelt, or of another model")
        return remarks

    @classmethod
    def from_mapping(cls, document: object, *, where: str) -> "Taxonomy":
        """Read the taxonomy from its parsed YAML document.

        Args:
            document: `{"categories": {NAME: {"labels": [...], "threshold": 0.8}}, "no_category": [...]}`.
            where: The file's name, for messages.

        Raises:
            ConfigurationInvalid: With every problem of the document.
        """
        problems: list[str] = []
        category_of: dict[str, str] = {}
        thresholds: dict[str, float] = {}
        entries = document.get("categories") if isinstance(document, Mapping) else None
        if not isinstance(entries, Mapping) or not entries:
            raise ConfigurationInvalid([f"{where}: found no `categories:` with a category below it"])
        if isinstance(document, Mapping):
            problems += [
                f"{key}: unknown key; allowed are `categories` and `no_category`"
                for key in document
                if key not in ("categories", "no_category")
            ]
        problems += _colliding(entries)
        for name, entry in entries.items():
            at = f"categories.{name}"
            if not isinstance(name, str):
                problems.append(f"{at}: the name is no text; quote it")
                continue
            if trouble := folder_problem(name):
                problems.append(f"{at}: the name {trouble}")
            labels, threshold, found = _entry(entry, at)
            problems += found
            for label in labels:
                if label in category_of:
                    first = category_of[label]
                    problems.append(f"{at}.labels: {shown(label)} is listed under {first} already")
                category_of[label] = name
            if threshold is not None:
                thresholds[name] = threshold
        none = document.get("no_category", []) if isinstance(document, Mapping) else []
        problems += _no_category(none, category_of)
        if problems:
            raise ConfigurationInvalid([f"{where}: {problem}" for problem in problems])
        return cls(category_of=category_of, thresholds=thresholds, no_category=frozenset(none))


def _no_category(labels: object, category_of: Mapping[str, str]) -> list[str]:
    """Say what is wrong with the list of labels that no folder is meant for."""
    if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
        return [f"no_category: found {shown(labels)}; allowed is a list of labels"]
    return [
        f"no_category: {shown(label)} is listed under {category_of[label]} already"
        for label in labels
        if label in category_of
    ]


def _few(labels: Sequence[str]) -> str:
    """Name the first of some labels, and count the others."""
    named = ", ".join(map(shown, labels[:FEW_LABELS]))
    more = len(labels) - FEW_LABELS
    return named + (f" and {more} more" if more > 0 else "")


def _colliding(entries: Mapping[object, object]) -> list[str]:
    """Names that one folder would serve on a file system that ignores case or normalises."""
    seen: dict[str, object] = {}
    problems = []
    for name in entries:
        folded = unicodedata.normalize("NFC", str(name)).casefold()
        if folded in seen:
            problems.append(
                f"categories.{name}: differs from {seen[folded]} only by case or accents' encoding"
            )
        seen[folded] = name
    return problems


def _entry(entry: object, at: str) -> tuple[list[str], float | None, list[str]]:
    """Labels, threshold and problems of one category's entry."""
    if not isinstance(entry, Mapping):
        return (
            [],
            None,
            [f"{at}: found {shown(entry)}; allowed is a mapping with `labels` and, if wanted, `threshold`"],
        )
    problems = [
        f"{at}.{key}: unknown key; allowed are `labels` and `threshold`"
        for key in entry
        if key not in ("labels", "threshold")
    ]
    labels = entry.get("labels")
    if (
        not isinstance(labels, list)
        or not labels
        or not all(isinstance(label, str) and label for label in labels)
    ):
        problems.append(f"{at}.labels: found {shown(labels)}; allowed is a list of one or more labels")
        labels = []
    threshold = entry.get("threshold")
    if threshold is not None and (
        isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1
    ):
        problems.append(f"{at}.threshold: found {shown(threshold)}; allowed is a number from 0 to 1")
        threshold = None
    return labels, threshold, problems
