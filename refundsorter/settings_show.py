"""The settings as text: those in force with their origin, the example file, and the reference page.

All three are made from the models, so they cannot disagree. `python -m refundsorter.settings_show` writes the
example file and the page anew.
"""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from refundsorter.edges.plain_yaml import flow
from refundsorter.settings import DEFAULT_FILE, KEYS, Settings, allowed, is_live, value_at
from refundsorter.settings_kinds import human_size

REFERENCE_FILE = Path("docs/settings.md")

_FILE_HEAD = """\
# refundsorter's settings: every key with its default. Delete what you do not change.
# Relative paths start from the folder that holds config/; `~` is your home folder.
# REFUNDSORTER_WATCH__STABILITY_S=2 in the environment overrides `watch: stability_s`; a flag overrides both.
"""

_PAGE_HEAD = """\
# Settings

Settings live in `config/refundsorter.yaml`. Another file is named by `--config FILE` or
`REFUNDSORTER_CONFIG`. Every key has a default, and a key that does not exist is refused. All problems are
told together, each with its line.

**Order.** A flag overrides the environment, which overrides the file, which overrides the default. A variable
is named after its key, with two underscores between group and key: `REFUNDSORTER_WATCH__STABILITY_S=2`. Its
value is YAML, so a list is written `REFUNDSORTER_INBOX='[/srv/phones, /srv/scans]'`.

**Paths.** A relative path starts from the base directory: the folder that holds `config/` when the file lies
in a folder of that name, else the file's own folder. `~` is the home folder. Symlinks are kept as they are.

**Folders.** No inbox may be, hold or lie in `state_dir`; none may be `sorted` or lie in it (`sorted` may lie
in an inbox: it is not watched); and no inbox may hold another.

**Changes.** `SIGHUP` reads the settings again. What is marked *live* takes effect at once, the rest at the
next start.
"""


def to_mapping(settings: Settings) -> dict[str, object]:
    """Give the settings in force as plain values, for JSON.

    Returns:
        `base_dir`; `settings`, nested as in the file; `origins`, by dotted key.
    """
    nested: dict[str, object] = {}
    for group, keys in _groups():
        values = {key.rpartition(".")[2]: _plain(value_at(settings, key)) for key in keys}
        nested |= {group: values} if group else values
    origins = {key: settings.origins.get(key, "default") for key in KEYS}
    return {"base_dir": str(settings.base_dir), "settings": nested, "origins": origins}


def to_yaml(settings: Settings) -> str:
    """Write the settings in force as YAML that can be loaded again, each with its origin as a comment."""

    def line(key: str) -> list[str]:
        return [f"{_entry(key, value_at(settings, key))}  # {settings.origins.get(key, 'default')}"]

    return f"# relative paths start from {flow(str(settings.base_dir))}\n" + _document(line, lambda _: [])


def example() -> str:
    """Write a settings file that holds every key with its default and what it does."""

    def lines(key: str) -> list[str]:
        about = f"{KEYS[key].description} Allowed: {allowed(key)}."
        return [
            *textwrap.wrap(about, 108, initial_indent="# ", subsequent_indent="# "),
            _entry(key, default(key)),
        ]

    return _FILE_HEAD + _document(lines, lambda group: [f"# {_about(group)}"])


def reference() -> str:
    """Write the reference page: a table for each group."""
    parts = [_PAGE_HEAD]
    for group, keys in _groups():
        title = f"`{group}`\n\n{_about(group)}" if group else "Folders and the stop"
        rows = [
            f"| `{key}` | `{flow(_human(key, default(key)))}` | {_cell(KEYS[key].description or '')} "
            f"| {_cell(allowed(key))} | {'live' if is_live(key) else 'restart'} |"
            for key in keys
        ]
        table = ["| key | default | what it does | allowed | a change |", "|---|---|---|---|---|", *rows]
        parts.append(f"## {title}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


def default(key: str) -> object:
    """Give a key's default as a person writes it in the file: paths relative."""
    return _plain(KEYS[key].default)


def _groups() -> Iterator[tuple[str, list[str]]]:
    """Walk the keys by group; those without a group come first, under the empty name."""
    for group, keys in groupby(KEYS, key=lambda key: key.rpartition(".")[0]):
        yield group, list(keys)


def _about(group: str) -> str:
    model = Settings.model_fields[group].annotation
    return (model.__doc__ or "").strip() if model else ""


def _document(lines: Callable[[str], list[str]], head: Callable[[str], list[str]]) -> str:
    """Lay out every key; `lines` writes one, `head` what stands above a group."""
    parts = []
    for group, keys in _groups():
        body = "\n".join(line for key in keys for line in lines(key)) + "\n"
        if group:
            body = "\n".join([*head(group), f"{group}:"]) + "\n" + textwrap.indent(body, "  ")
        parts.append(body)
    return "\n" + "\n".join(parts)


def _entry(key: str, value: object) -> str:
    return f"{key.rpartition('.')[2]}: {flow(_human(key, _plain(value)))}"


def _human(key: str, value: object) -> object:
    return human_size(value) if key.endswith("_bytes") and isinstance(value, int) else value


def _plain(value: object) -> object:
    """Turn tuples into lists and paths into strings, which YAML and JSON have."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    DEFAULT_FILE.write_text(example(), encoding="utf-8")
    REFERENCE_FILE.write_text(reference(), encoding="utf-8")
