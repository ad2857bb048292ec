"""The house: which module may import what, and how large anything may grow.

Every import of the package is read from its source, also those inside functions, and held against the tables
below. A module that is not in a table, or an arrow that is not, fails: whoever adds one says so here.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "refundsorter"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / PACKAGE).rglob("*.py"))
}
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 60

# What the core may use beside itself: values and arithmetic; nothing that waits, or touches a disk.
PURE = {
    "array", "collections", "cronsim", "csv", "dataclasses", "datetime", "enum", "errno", "fnmatch",
    "functools", "hashlib", "heapq", "html", "itertools", "json", "math", "numpy", "pathlib", "re", "reprlib",
    "struct", "typing", "unicodedata",
}  # fmt: skip
CLOCKS = {"now", "today", "utcnow"}  # methods of pure modules that are not pure
DISKS = {"Path", "PosixPath", "open", "print", "input"}  # likewise names
OS_WITHOUT_IO = {"fsencode", "fsdecode", "path.splitext"}

# The one thing outside the standard library that an edge is the edge of; numpy is what pictures are made of.
OUTSIDE = {
    "bundle": set(),
    "choice": set(),
    "classifier": {"ai_edge_litert", "numpy"},
    "client": set(),
    "copying": set(),
    "decoder": {"PIL", "pillow_heif", "numpy"},
    "decoding": {"numpy"},
    "durable": set(),
    "anchors": set(),
    "fence": {"numpy"},
    "growing": set(),
    "parquet": {"pyarrow"},
    "fetch": set(),
    "filesystem": set(),
    "folders": set(),
    "inbox": set(),
    "inotify": {"watchdog"},
    "journal": set(),
    "journal_history": set(),
    "journal_packing": set(),
    "journal_files": set(),
    "ledger": {"sqlalchemy"},
    "ledger_job_rows": set(),
    "ledger_jobs": {"sqlalchemy"},
    "ledger_jobs_report": set(),
    "ledger_nights": {"sqlalchemy"},
    "ledger_counts": set(),
    "ledger_answers": set(),
    "ledger_signs": set(),
    "channels": {"apprise"},
    "alert_book": set(),
    "ledger_day": set(),
    "ledger_drift": set(),
    "ledger_events": set(),
    "ledger_export": set(),
    "ledger_images": set(),
    "ledger_reading": set(),
    "ledger_rebuild": set(),
    "ledger_report": set(),
    "ledger_rows": {"sqlalchemy"},
    "ledger_schema": {"sqlalchemy"},
    "ledger_schema_jobs": set(),
    "ledger_schema_reading": set(),
    "ledger_statements": {"sqlalchemy"},
    "ledger_trouble": {"sqlalchemy"},
    "ledger_corrections": {"sqlalchemy"},
    "ledger_choosing": set(),
    "ledger_requests": {"sqlalchemy"},
    "ledger_returned": {"sqlalchemy"},
    "ledger_places": {"sqlalchemy"},
    "ledger_predictions": {"sqlalchemy"},
    "ledger_pruning": set(),
    "ledger_quality": set(),
    "ledger_tables": {"sqlalchemy"},
    "listener": set(),
    "listening": set(),
    "lock": set(),
    "log": {"structlog"},
    "memory": set(),
    "metrics": set(),
    "night_book": set(),
    "mounts": set(),
    "patience": set(),
    "photos": set(),
    "plain_yaml": {"yaml"},
    "polling": {"watchdog"},
    "priority": set(),
    "readable": set(),
    "reports": {"pydantic"},
    "scan": set(),
    "serving": set(),
    "shelf": set(),
    "shelf_listing": set(),
    "strangers": set(),
    "systemd": set(),
    "taking": set(),
    "taxonomy": set(),
    "thumbnail": {"PIL", "numpy"},
    "tokens": set(),
    "uploads": set(),
    "zone": set(),
}
# The edges that an edge stands on.
SIBLINGS = {
    "bundle": {"choice", "durable", "filesystem", "plain_yaml"},
    "choice": {"durable", "filesystem", "plain_yaml"},
    "client": {"listener"},
    "copying": {"filesystem", "photos"},
    "decoding": {"decoder", "fence"},
    "anchors": {"durable", "filesystem"},
    "durable": {"filesystem"},
    "filesystem": {"patience"},
    "alert_book": {"durable", "filesystem"},
    "folders": {"filesystem"},
    "growing": {"filesystem"},
    "inbox": {"inotify", "mounts", "polling", "scan"},
    "inotify": {"scan"},
    "journal": {"filesystem", "journal_files"},
    "journal_files": {"filesystem"},
    "journal_history": {"filesystem", "journal_files"},
    "journal_packing": {"anchors", "filesystem", "journal_files", "journal_history"},
    "ledger_jobs": {
        "ledger_job_rows",
        "ledger_places",
        "ledger_returned",
        "ledger_rows",
        "ledger_statements",
        "ledger_tables",
    },
    "ledger_jobs_report": {"ledger_job_rows", "ledger_report"},
    "ledger_rebuild": {"ledger_predictions", "ledger_rows", "ledger_schema", "ledger_schema_jobs"},
    "ledger_nights": {"ledger_jobs", "ledger_places"},
    "ledger": {
        "ledger_corrections",
        "ledger_jobs",
        "ledger_nights",
        "ledger_places",
        "ledger_predictions",
        "ledger_returned",
        "ledger_rows",
        "ledger_schema",
        "ledger_statements",
        "ledger_tables",
        "ledger_trouble",
    },
    "ledger_choosing": {"ledger_report", "ledger_returned"},
    "ledger_corrections": {"ledger_places", "ledger_requests", "ledger_rows", "ledger_tables"},
    "ledger_requests": {"ledger_places", "ledger_tables"},
    "ledger_returned": {"ledger_rows", "ledger_tables"},
    "ledger_places": {"ledger_rows", "ledger_tables"},
    "ledger_pruning": {
        "ledger_rows",
        "ledger_schema",
        "ledger_statements",
        "ledger_tables",
        "ledger_trouble",
    },
    "ledger_predictions": {"ledger_places", "ledger_rows", "ledger_tables"},
    "ledger_counts": {"ledger_schema_reading"},
    "ledger_report": {
        "ledger_counts",
        "ledger_rows",
        "ledger_schema",
        "ledger_statements",
        "ledger_trouble",
    },
    "ledger_rows": {"ledger_tables"},
    "ledger_schema": {"ledger_schema_jobs", "ledger_schema_reading", "ledger_tables", "ledger_trouble"},
    "ledger_answers": {"ledger_reading", "ledger_rows"},
    "ledger_drift": {"ledger_reading", "ledger_schema_reading"},
    "ledger_day": {"ledger_counts", "ledger_drift", "ledger_reading", "ledger_schema_reading"},
    "ledger_events": {"ledger_reading", "ledger_rows", "ledger_schema_reading"},
    "ledger_export": {"ledger_reading", "ledger_rows", "ledger_schema_reading"},
    "ledger_images": {"ledger_reading", "ledger_rows", "ledger_schema_reading"},
    "ledger_quality": {"ledger_reading", "ledger_rows", "ledger_schema_reading"},
    "ledger_reading": {"ledger_trouble"},
    "ledger_signs": {"ledger_counts", "ledger_reading", "ledger_schema_reading"},
    "ledger_statements": {"ledger_rows", "ledger_tables"},
    "night_book": {"durable", "filesystem"},
    "photos": {"filesystem"},
    "polling": {"scan"},
    "readable": {"patience"},
    "reports": {"durable", "filesystem", "folders", "lock"},
    "scan": {"filesystem"},
    "strangers": {"copying", "filesystem"},
    "listening": {"durable", "filesystem"},
    "serving": {"durable", "filesystem"},
    "shelf": {"copying", "filesystem", "folders", "taking"},
    "taking": {"filesystem"},
    "taxonomy": {"plain_yaml"},
    "thumbnail": {"decoder"},
    "tokens": {"durable", "filesystem"},
    "uploads": {"filesystem"},
}
SQLITE = {
    "ledger",
    "ledger_pruning",
    "ledger_reading",
    "ledger_rebuild",
    "ledger_report",
    "ledger_schema",
    "ledger_trouble",
}  # the only modules that open a database

# The upper floors: what each stands on. `core.*` stands for any module of the core, and so on.
FLOORS = {
    "__init__": set(),
    "__main__": {"cli"},
    "exits": {"core.*"},
    "signals": set(),
    "streams": {"core.*"},
    "settings": {
        "core.*", "edges.mounts", "settings_http", "settings_kinds", "settings_model", "settings_source",
    },
    "settings_http": {"settings_kinds"},
    "settings_kinds": set(),
    "settings_model": {
        "settings_alerts", "settings_http", "settings_kinds", "settings_retention", "settings_source",
        "settings_sweep",
    },
    "settings_show": {"edges.plain_yaml", "settings", "settings_kinds"},
    "settings_source": {"core.*", "edges.plain_yaml"},
    "settings_sweep": {"core.*", "settings_kinds"},
    "settings_retention": {"settings_kinds"},
    "policies": {
        "core.*", "edges.fence", "edges.taxonomy", "edges.zone", "loops.root", "settings", "settings_model",
    },
    "locks": {"core.*", "edges.lock", "edges.mounts", "edges.patience", "settings"},
    "kinship": {"core.*", "edges.filesystem", "edges.journal_history", "edges.ledger_report"},
    "filing": {"core.*", "edges.*", "kinship", "locks", "loops.*", "policies", "settings"},
    "model": {"core.*", "edges.bundle", "edges.classifier", "policies", "settings"},
    "verifying": {"core.*", "edges.classifier", "edges.taxonomy", "model", "settings"},
    "assembly": {"core.*", "edges.*", "filing", "loops.*", "model", "policies", "settings"},
    "releasing": {
        "assembly", "core.*", "edges.choice", "edges.classifier", "edges.memory", "edges.serving",
        "model", "policies", "settings", "verifying",
    },
    "activation": {
        "core.*", "edges.bundle", "edges.choice", "edges.serving", "edges.taxonomy", "locks", "settings",
        "verifying",
    },
    "inventory": {"core.*", "edges.bundle", "edges.serving", "locks", "settings"},
    "shadowing": {"assembly", "core.*", "edges.choice", "edges.ledger_report", "settings"},
    "answers": {
        "__init__", "api.ports", "assembly", "core.*", "edges.ledger_answers", "edges.ledger_events",
        "edges.ledger_images", "edges.ledger_reading", "edges.night_book", "inventory", "jobs", "loops.*",
        "pictures", "places", "policies", "sending", "state",
    },
    "sending": {
        "core.*", "correct", "edges.fetch", "edges.filesystem", "edges.ledger", "edges.mounts",
        "edges.patience", "edges.readable", "edges.uploads", "policies", "settings",
    },
    "pictures": {
        "core.*", "edges.fence", "edges.filesystem", "edges.patience", "edges.thumbnail", "policies",
        "settings",
    },
    "face": {
        "answers", "api.app", "api.ports", "api.serve", "assembly", "core.*", "edges.listening", "loops.*",
        "settings_http",
    },
    "door": {"core.*", "edges.tokens", "settings"},
    "places": {"core.*", "edges.mounts", "edges.patience", "edges.scan", "settings"},
    "alarming": {
        "assembly", "core.*", "drift", "edges.alert_book", "edges.channels",
        "edges.ledger_reading", "edges.ledger_signs", "edges.serving", "filing", "loops.*", "nights",
        "places", "policies", "settings",
    },
    "cli_alerts": {"alarming", "cli_options", "core.*", "edges.alert_book", "exits", "show", "show_alerts"},
    "show_alerts": {"core.*", "show"},
    "settings_alerts": {"settings_kinds"},
    "daemon": {
        "alarming", "assembly", "core.*", "door", "edges.log", "edges.night_book", "edges.systemd", "exits",
        "face", "filing", "loops.*", "night_work", "policies", "releasing", "settings", "signals",
    },
    "sweep": {"assembly", "core.*", "daemon", "edges.ledger_report", "exits", "loops.*", "signals"},
    "handover": {
        "core.*", "edges.ledger_report", "edges.serving", "jobs", "locks", "settings", "sweep",
    },
    "preview": {
        "assembly", "core.*", "edges.fence", "edges.filesystem", "edges.ledger_choosing",
        "edges.ledger_returned", "edges.scan", "loops.*", "model", "settings",
    },
    "doctor": {
        "assembly", "core.*", "door", "edges.classifier", "edges.ledger_report", "edges.listening",
        "edges.mounts", "edges.patience", "edges.taxonomy", "kinship", "locks", "model", "nights", "policies",
        "settings",
    },
    "nights": {"core.*", "edges.ledger_jobs_report", "edges.night_book", "policies", "settings"},
    "night_work": {
        "core.*", "doctor", "drift", "edges.bundle", "edges.filesystem", "edges.ledger_jobs_report",
        "edges.ledger_schema", "edges.night_book", "loops.night_steps", "nights", "pruning", "quality",
        "reclassify", "report", "settings",
    },
    "quality": {
        "core.*", "edges.bundle", "edges.fence", "edges.filesystem", "edges.ledger_quality",
        "edges.ledger_reading", "edges.ledger_schema", "edges.priority", "policies", "settings",
    },
    "cli_nights": {"cli_options", "exits", "nights", "show_nights"},
    "show_nights": {"core.*", "show"},
    "state": {
        "assembly", "core.*", "edges.bundle", "edges.ledger_report", "edges.listening", "edges.serving",
        "locks", "nights", "settings",
    },
    "rebuild": {
        "assembly", "core.*", "edges.anchors", "edges.copying", "edges.filesystem", "edges.folders",
        "edges.journal_files", "edges.journal_history", "edges.ledger_rebuild", "edges.ledger_report",
        "edges.lock", "edges.scan", "locks", "settings",
    },
    "tracing": {
        "core.*", "edges.anchors", "edges.filesystem", "edges.journal_history", "edges.ledger_report",
        "edges.ledger_schema", "settings",
    },
    "drift": {
        "core.*", "edges.bundle", "edges.ledger_drift", "edges.ledger_reading", "edges.ledger_schema",
        "settings",
    },
    "pruning": {
        "core.*", "edges.filesystem", "edges.journal_packing", "edges.ledger_pruning", "edges.ledger_schema",
        "edges.lock", "settings",
    },
    "cli_prune": {"cli_options", "edges.log", "exits", "pruning", "show", "show_prune"},
    "show_prune": {"core.*", "pruning", "show"},
    "recording": {
        "core.*", "drift", "edges.bundle", "edges.fence", "edges.filesystem", "edges.ledger_images",
        "edges.ledger_reading", "edges.mounts", "edges.patience", "pictures", "settings",
    },
    "report": {
        "core.*", "drift", "edges.fence", "edges.filesystem", "edges.ledger_day", "edges.ledger_reading",
        "edges.ledger_schema", "edges.reports", "edges.zone", "recording", "settings",
    },
    "cli_report": {"cli_options", "core.*", "exits", "report", "show", "show_report"},
    "show_report": {"core.*", "report", "show"},
    "export": {
        "core.*", "drift", "edges.ledger_export", "edges.ledger_reading", "edges.ledger_schema",
        "edges.parquet", "settings",
    },
    "cli_export": {
        "cli_options", "core.*", "edges.filesystem", "edges.growing", "edges.ledger_export", "export", "show",
    },
    "cli_drift": {"cli_options", "drift", "exits", "show_drift"},
    "show_drift": {"core.*", "drift", "show"},
    "cli_journal": {"cli_options", "exits", "show", "show_journal", "tracing"},
    "show_journal": {"core.*", "show", "tracing"},
    "service_steps": {"core.*"},
    "service_timer": {"service_steps", "service_unit"},
    "service_unit": {"core.*"},
    "service": {
        "core.*", "edges.bundle", "edges.choice", "edges.plain_yaml", "edges.taxonomy", "service_steps",
        "service_timer", "service_unit", "settings", "settings_show",
    },
    "cli_gate": {
        "cli_options", "edges.bundle", "exits", "policies", "settings", "show_gate", "show_training",
        "training.*",
    },
    "show_gate": {"core.*", "show", "training.gate"},
    "asking": {
        "core.*", "edges.filesystem", "edges.ledger", "edges.ledger_report", "edges.ledger_requests",
        "edges.ledger_schema", "edges.lock", "edges.mounts", "edges.patience", "filing", "settings",
    },
    "correct": {
        "asking", "core.*", "edges.ledger_report", "edges.ledger_requests", "edges.scan", "edges.taxonomy",
        "settings",
    },
    "undo": {"asking", "core.*", "edges.ledger_choosing", "edges.scan", "settings"},
    "cli_undo": {
        "cli_correct", "cli_options", "core.*", "edges.log", "exits", "show", "show_undo", "undo",
    },
    "show_undo": {"core.*", "show", "undo"},
    "reclassify": {
        "asking", "core.*", "edges.ledger_choosing", "edges.ledger_requests", "model", "preview", "settings",
    },
    "cli_reclassify": {
        "cli_correct", "cli_options", "cli_undo", "core.*", "edges.log", "exits", "reclassify", "show",
        "show_reclassify",
    },
    "show_reclassify": {"core.*", "reclassify", "show"},
    "cli_correct": {"cli_options", "core.*", "correct", "edges.log", "exits", "show", "show_correct"},
    "jobs": {
        "core.*", "edges.ledger", "edges.ledger_jobs", "edges.ledger_jobs_report", "edges.ledger_schema",
        "edges.taxonomy", "locks", "policies", "settings",
    },
    "inquiry": {"core.*", "edges.client", "inquiry_daemon", "inquiry_ledger", "settings"},
    "inquiry_daemon": {
        "core.*", "edges.client", "edges.listening", "locks", "settings", "settings_source",
    },
    "inquiry_ledger": {
        "core.*", "edges.ledger_images", "edges.ledger_jobs_report", "edges.ledger_reading", "jobs", "locks",
        "policies", "settings", "state",
    },
    "cli_images": {"cli_correct", "cli_options", "core.*", "show", "show_images"},
    "show_images": {"core.*", "show"},
    "cli_jobs": {"cli_correct", "cli_options", "core.*", "exits", "inquiry", "show", "show_jobs"},
    "show_jobs": {"core.*", "show"},
    "show_token": {"core.*", "show"},
    "cli_token": {"cli_options", "core.*", "door", "edges.tokens", "show_token"},
    "cli_service": {"service", "service_steps"},
    "show": {"core.*", "preview", "sweep"},
    "show_correct": {"core.*", "correct", "show"},
    "recent": {"assembly", "core.*", "edges.ledger_report", "settings"},
    "show_diff": {"core.*", "show", "show_evaluation", "training.*"},
    "show_evaluation": {"core.*", "show", "training.*"},
    "show_ledger": {"core.*", "rebuild", "show"},
    "show_models": {"activation", "core.*", "inventory", "shadowing", "show", "verifying"},
    "cli_options": {"core.*", "inquiry", "settings", "settings_source"},
    "cli_evaluate": {
        "cli_options", "edges.bundle", "edges.taxonomy", "exits", "policies", "settings",
        "show", "show_evaluation", "training.*",
    },
    "cli_diff": {
        "cli_options", "edges.bundle", "exits", "policies", "recent", "settings", "show", "show_diff",
        "show_evaluation", "training.*",
    },
    "cli_ledger": {"cli_options", "exits", "rebuild", "show", "show_ledger"},
    "show_taxonomy": {"core.*", "show"},
    "show_training": {"core.*", "show", "show_taxonomy", "training.progress"},
    "cli_train": {
        "cli_options", "core.*", "edges.bundle", "edges.taxonomy", "recent", "settings", "show_training",
        "streams", "training.*",
    },
    "show_import": {"core.*", "show", "show_taxonomy", "training.importing"},
    "show_dataset": {"core.*", "show", "training.inspect", "training.partition"},
    "cli_dataset": {
        "cli_options", "edges.taxonomy", "exits", "show_dataset", "show_training", "training.*",
    },
    "cli_import": {
        "cli_options", "core.*", "edges.taxonomy", "show_import", "show_training", "streams",
        "training.importing",
    },
    "cli_models": {
        "activation", "cli_diff", "cli_gate", "cli_import", "cli_options", "edges.bundle", "exits",
        "inventory", "settings", "shadowing", "show_models", "verifying",
    },
    "cli": {
        "__init__", "alarming", "assembly", "cli_*", "core.*", "daemon", "doctor", "door", "edges.bundle",
        "edges.log", "edges.taxonomy", "exits", "handover", "model", "preview", "settings", "settings_show",
        "show", "signals", "streams", "sweep",
    },
}  # fmt: skip
FLOORS_OUTSIDE = {
    "pictures": {"numpy"},
    "cli": {"typer"},
    "cli_diff": {"typer"},
    "cli_evaluate": {"typer"},
    "cli_dataset": {"typer"},
    "cli_import": {"typer"},
    "cli_correct": {"typer"},
    "cli_reclassify": {"typer"},
    "cli_undo": {"typer"},
    "cli_gate": {"typer"},
    "cli_images": {"typer"},
    "cli_jobs": {"typer"},
    "cli_token": {"typer"},
    "cli_alerts": {"typer"},
    "show_alerts": {"rich"},
    "cli_drift": {"typer"},
    "cli_prune": {"typer"},
    "cli_nights": {"typer"},
    "show_nights": {"rich"},
    "quality": {"numpy"},
    "cli_export": {"typer"},
    "cli_report": {"typer"},
    "cli_journal": {"typer"},
    "cli_ledger": {"typer"},
    "cli_models": {"typer"},
    "cli_train": {"typer"},
    "cli_options": {"typer"},
    "cli_service": {"typer"},
    "settings": {"pydantic"},
    "settings_http": {"pydantic"},
    "settings_kinds": {"pydantic"},
    "settings_model": {"pydantic"},
    "settings_sweep": {"pydantic"},
    "show": {"rich"},
    "show_diff": {"rich"},
    "show_drift": {"rich"},
    "show_report": {"rich"},
    "show_evaluation": {"rich"},
    "show_models": {"rich"},
    "show_training": {"rich"},
    "show_dataset": {"rich"},
    "show_correct": {"rich"},
    "show_images": {"rich"},
    "show_reclassify": {"rich"},
    "show_undo": {"rich"},
    "show_jobs": {"rich"},
    "show_token": {"rich"},
    "show_gate": {"rich"},
}
TRAINING_OUTSIDE = {
    "PIL", "ai_edge_litert", "google", "h5py", "kagglehub", "keras", "numpy", "requests", "tensorflow",
}  # fmt: skip
TRAINING_FLOORS = {
    "core.*", "edges.bundle", "edges.classifier", "edges.copying", "edges.decoder", "edges.filesystem",
    "edges.ledger_report", "edges.ledger_schema", "edges.lock", "edges.plain_yaml", "edges.taxonomy",
    "edges.thumbnail", "settings",
}  # fmt: skip
# What the HTTP face stands on beside the core and itself; `api.ports` is known to the daemon and stays light.
API_OUTSIDE = {
    "anyio",
    "fastapi",
    "prometheus_client",
    "pydantic",
    "python_multipart",
    "starlette",
    "uvicorn",
}
HEAVY = {"tensorflow", "keras"}  # three seconds and half a gigabyte


def imports(module: str) -> Iterator[str]:
    """Every module that a module imports, with what it takes from a package of ours as `package.module`."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def ours(module: str) -> set[str]:
    """What a module imports of this package, without the package's name; the package itself is `__init__`."""
    found = {name for name in imports(module) if name.split(".")[0] == PACKAGE}
    return {name.removeprefix(f"{PACKAGE}.") if name != PACKAGE else "__init__" for name in found}


def outside(module: str) -> set[str]:
    """What a module imports that is neither of this package nor of the standard library."""
    tops = {name.split(".")[0] for name in imports(module)}
    return tops - {PACKAGE} - sys.stdlib_module_names


def reached(module: str) -> set[str]:
    """Every module of training that a module outside of it stands on, also through others of training."""
    found: set[str] = set()
    ahead = [module]
    while ahead:
        next_ones = {
            f"{PACKAGE}.{name}" for name in ours(ahead.pop()) if name.startswith("training.")
        } - found
        found |= next_ones
        ahead += next_ones
    return found


def matches(name: str, allowed: set[str]) -> bool:
    """Whether a table allows a module, by name, by its floor, or as one of the command line."""
    return bool({name, f"{name.partition('.')[0]}.*", f"{name.partition('_')[0]}_*"} & allowed)


def on(floor: str) -> list[str]:
    """The modules of a floor, without its `__init__`."""
    return [name for name in MODULES if name.startswith(f"{PACKAGE}.{floor}.")]


def short(module: str) -> str:
    """The last part of a module's name."""
    return module.rsplit(".", 1)[-1]


@pytest.mark.parametrize("module", on("core"))
def test_the_core_is_pure(module: str) -> None:
    """The core stands on itself, on numpy, and on what neither waits nor reads nor writes."""
    assert [name for name in ours(module) if not name.startswith("core.")] == []
    tops = {name.split(".")[0] for name in imports(module)} - {PACKAGE}
    assert tops - PURE - {"os"} == set()


@pytest.mark.parametrize("module", on("core"))
def test_the_core_reads_no_clock_and_no_disk(module: str) -> None:
    """Time is an argument of the core and a path only a name; of `os` it takes what computes."""
    tree = ast.parse(MODULES[module].read_text())
    assert {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & CLOCKS == set()
    assert {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & DISKS == set()
    used = re.findall(r"\bos\.((?:path\.)?\w+)", ast.unparse(tree))
    assert set(used) - OS_WITHOUT_IO == set()


@pytest.mark.parametrize("module", on("edges"))
def test_an_edge_touches_one_thing(module: str) -> None:
    """An edge stands on the core and on the edges it is made of, and on one thing outside."""
    name = short(module)
    assert name in OUTSIDE, "say in the table what it is the edge of"
    siblings = {f"edges.{sibling}" for sibling in SIBLINGS.get(name, set())}
    assert [found for found in ours(module) if not found.startswith("core.") and found not in siblings] == []
    assert outside(module) - OUTSIDE[name] == set()
    assert name in SQLITE or "sqlite3" not in set(imports(module))


@pytest.mark.parametrize("module", on("loops"))
def test_loops_know_ports_only(module: str) -> None:
    """A loop stands on the core and on other loops; edges reach it through ports."""
    assert [name for name in ours(module) if name.split(".")[0] not in ("core", "loops")] == []
    assert outside(module) <= {"numpy"}


@pytest.mark.parametrize("module", on("training"))
def test_training_stands_apart(module: str) -> None:
    """Training stands on the core, itself, and the edges through which photos and bundles pass in service."""
    allowed = TRAINING_FLOORS | {"training.*", "training"}
    assert [name for name in ours(module) if not matches(name, allowed)] == []
    assert outside(module) - TRAINING_OUTSIDE == set()


@pytest.mark.parametrize("module", on("api"))
def test_the_http_face_knows_ports_only(module: str) -> None:
    """A route stands on the core and on ports; edges reach it through these."""
    found = [name for name in ours(module) if name.split(".")[0] not in ("api", "core", "__init__")]
    assert found == []
    assert outside(module) - (set() if short(module) == "ports" else API_OUTSIDE) == set()


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith(f"{PACKAGE}.training")])
def test_only_training_imports_tensorflow(module: str) -> None:
    """Nothing that the daemon could load brings TensorFlow in: only a command, once called, runs training."""
    assert outside(module) & HEAVY == set()
    if not short(module).startswith(("cli", "show_")):
        assert {name for name in reached(module) if outside(name) & HEAVY} == set()


@pytest.mark.parametrize("name", ["card", "compare", "page", "trial"])
def test_measuring_needs_no_tensorflow(name: str) -> None:
    """What measures, compares and tells of it works where training is not installed."""
    module = f"{PACKAGE}.training.{name}"
    assert {one for one in {module, *reached(module)} if outside(one) & HEAVY} == set()


def test_the_words_of_progress_are_light() -> None:
    """What is shown of a training can be known without it."""
    assert ours(f"{PACKAGE}.training.progress") | outside(f"{PACKAGE}.training.progress") == set()


@pytest.mark.parametrize(
    "module",
    [
        name
        for name in MODULES
        if name.count(".") <= 1 and name.split(".")[-1] not in ("api", "core", "edges", "loops", "training")
    ],
)
def test_the_upper_floors_stand_on_what_the_table_says(module: str) -> None:
    """Each module above the edges stands on those that the table names."""
    name = "__init__" if module == PACKAGE else short(module)
    assert name in FLOORS, "say in the table what it stands on"
    assert [found for found in sorted(ours(module)) if not matches(found, FLOORS[name])] == []
    assert outside(module) - FLOORS_OUTSIDE.get(name, set()) == set()


def test_the_tables_tell_of_modules_that_exist() -> None:
    """What is gone from the house is gone from the tables."""
    edges = {short(name) for name in on("edges")}
    assert set(OUTSIDE) == edges
    assert set(SIBLINGS) | SQLITE | {one for some in SIBLINGS.values() for one in some} <= edges
    top = {"__init__" if name == PACKAGE else short(name) for name in MODULES if name.count(".") <= 1}
    assert set(FLOORS) == top - {"api", "core", "edges", "loops", "training"}


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_the_tables_allow_no_more_than_is_used(name: str) -> None:
    """An arrow that no import needs any longer is struck from the table."""
    module = PACKAGE if name == "__init__" else f"{PACKAGE}.{name}"
    used = ours(module)
    unused = {one for one in FLOORS[name] if not any(matches(found, {one}) for found in used)}
    assert unused == set()
    assert FLOORS_OUTSIDE.get(name, set()) <= outside(module)


def test_nothing_stands_on_itself_in_a_circle() -> None:
    """Following the imports upwards never leads back."""
    standing = {name.removeprefix(f"{PACKAGE}."): ours(name) for name in MODULES if name != PACKAGE}
    while free := {name for name, below in standing.items() if not below & standing.keys()}:
        standing = {name: below for name, below in standing.items() if name not in free}
    assert standing == {}


def test_a_module_can_be_read_at_a_sitting() -> None:
    """No module is longer than 300 lines."""
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > MAX_MODULE_LINES} == {}


def test_a_function_can_be_seen_at_a_glance() -> None:
    """No function's body is longer than 60 lines."""
    lengths = {
        f"{name}.{node.name}": (node.end_lineno or 0) - node.body[0].lineno + 1
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


def test_nothing_is_put_off() -> None:
    """What is to be done is done, not noted in the code."""
    noted = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X)\b")
    assert [str(path) for path in [*MODULES.values(), *TESTS] if noted.search(path.read_text())] == []


def test_no_test_sleeps() -> None:
    """Tests wait for what happens; only `support.eventually` sleeps between two looks at another process."""
    sleeping = [
        f"{path}:{node.lineno}"
        for path in TESTS
        if path.name != "support.py" and "benchmarks" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]
    assert sleeping == []
