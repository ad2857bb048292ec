"""The settings: what is given comes out, what is wrong is told, and no document does anything else."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from refundsorter import settings_show
from refundsorter.core.fault import ConfigurationInvalid
from refundsorter.core.text import shown
from refundsorter.settings import KEYS, Settings, allowed, changes, is_live, load, value_at

ROOT = Path(__file__).parent.parent
RENEW = "run `python -m refundsorter.settings_show` in the project's folder"


def loaded(
    folder: Path,
    text: str = "",
    *,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """Load `text` as the settings file of `folder`."""
    file = folder / "config" / "refundsorter.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return load(file, environment=environment or {}, overrides=overrides or {})


def refused(folder: Path, text: str = "", **layers: Mapping[str, str]) -> list[str]:
    """Load what must be refused; the problems, one a line."""
    with pytest.raises(ConfigurationInvalid) as caught:
        loaded(folder, text, **layers)
    return str(caught.value).split("\n  - ")[1:]


def test_an_empty_file_gives_every_default(tmp_path: Path) -> None:
    """A file that says nothing is enough."""
    found = loaded(tmp_path)
    assert (found.watch.stability_s, found.batch.max_size, found.image.max_bytes) == (1.0, 16, 100 << 20)
    assert found.inbox == (tmp_path / "inbox",)
    assert found.origins == {}


def test_the_committed_file_holds_every_key_with_its_default(tmp_path: Path) -> None:
    """config/refundsorter.yaml says exactly what happens without it."""
    text = (ROOT / "config/refundsorter.yaml").read_text(encoding="utf-8")
    assert text == settings_show.example(), RENEW
    found = loaded(tmp_path, text)
    assert set(found.origins) == set(KEYS)
    assert changes(loaded(tmp_path), found) == ([], [])


def test_the_committed_reference_is_current() -> None:
    """docs/settings.md says what the models say."""
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == settings_show.reference(), RENEW


def test_the_reference_table_names_every_default() -> None:
    """Read back from the page, each key has its default."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| `(.*?)` \|", settings_show.reference(), flags=re.MULTILINE)
    file = yaml.safe_load(settings_show.example())
    defaults = {
        key: file[key] if "." not in key else file[key.split(".")[0]][key.split(".")[1]] for key in KEYS
    }
    assert {key: yaml.safe_load(text) for key, text in rows} == defaults


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """Each layer overrides the one below it, and the origin says which one won."""
    found = loaded(
        tmp_path,
        "batch: {max_size: 2}\nretry: {base_s: 2, max_s: 20}\n",
        environment={"REFUNDSORTER_RETRY__BASE_S": "3", "REFUNDSORTER_RETRY__MAX_S": "30", "HOME": "/h"},
        overrides={"retry.max_s": 40, "log.level": None},
    )
    assert (found.batch.max_size, found.retry.base_s, found.retry.max_s) == (2, 3, 40)
    assert found.origins == {"batch.max_size": "file", "retry.base_s": "environment", "retry.max_s": "flag"}


def test_a_variable_may_hold_a_list(tmp_path: Path) -> None:
    """The value of a variable is YAML."""
    found = loaded(tmp_path, environment={"REFUNDSORTER_INBOX": "[/srv/a, b]"})
    assert found.inbox == (Path("/srv/a"), tmp_path / "b")


def test_a_variable_may_hold_a_path_that_is_no_utf8(tmp_path: Path) -> None:
    """Bytes that a file system allows survive."""
    name = os.fsdecode(b"/srv/caf\xe9")
    found = loaded(tmp_path, environment={"REFUNDSORTER_INBOX": name})
    assert os.fsencode(found.inbox[0]) == b"/srv/caf\xe9"
    assert "caf" in settings_show.to_yaml(found)
    assert json.loads(json.dumps(settings_show.to_mapping(found)))["settings"]["inbox"] == [name]


def test_config_variable_names_the_file(tmp_path: Path) -> None:
    """Without a path REFUNDSORTER_CONFIG says which file is read."""
    file = tmp_path / "mine.yaml"
    file.write_text("log: {level: debug}")
    found = load(None, environment={"REFUNDSORTER_CONFIG": str(file)})
    assert found.log.level == "debug"
    assert found.base_dir == tmp_path


def test_paths_start_beside_a_config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path starts from the folder that holds config/, `~` from home; both come out absolute."""
    monkeypatch.setenv("HOME", "/home/clerk")
    found = loaded(tmp_path, "inbox: ~/photos\nsorted: ../shelf\n")
    assert found.base_dir == tmp_path
    assert found.inbox == (Path("/home/clerk/photos"),)
    assert found.sorted == tmp_path.parent / "shelf"


def test_symlinks_in_paths_are_kept(tmp_path: Path) -> None:
    """An operator sees the name that was given."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert loaded(tmp_path, "inbox: link").inbox == (tmp_path / "link",)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Problems of values, keys, variables and relations come in one message, each with its place."""
    problems = refused(
        tmp_path,
        "watch:\n  stability_s: soon\n  stabilty_s: 2\nbatch: {max_size: 0}\ninbox: sorted\nwacth: {}\n"
        "watch.mode: auto\nimage: 7\n",
        environment={"REFUNDSORTER_WATCH__RECURSVE": "true", "REFUNDSORTER_LOG__LEVEL": "loud"},
    )
    file = tmp_path / "config" / "refundsorter.yaml"
    assert problems == [
        f"watch.stabilty_s: unknown key; did you mean watch.stability_s? ({file}, line 3)",
        f"wacth: unknown key; did you mean watch? ({file}, line 6)",
        f"watch.mode: unknown key; write it as `mode:` below `watch:` ({file}, line 7)",
        f"image: found 7; allowed are keys below it, indented ({file}, line 8)",
        "REFUNDSORTER_WATCH__RECURSVE: unknown variable; did you mean REFUNDSORTER_WATCH__RECURSIVE?",
        f"watch.stability_s: found 'soon'; allowed: seconds, from 0 to 3600 ({file}, line 2)",
        f"batch.max_size: found 0; allowed: a whole number from 1 to 1024 ({file}, line 4)",
        f"log.level: found 'loud'; allowed: {allowed('log.level')} (environment, REFUNDSORTER_LOG__LEVEL)",
        f"inbox: {shown(str(tmp_path / 'sorted'))} is or lies in `sorted` ({tmp_path / 'sorted'})",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("inbox: a\ninbox: b", "inbox: said twice, first in line 1"),
        ("watch:\n  roots: {a: auto, a: polling}", "a: said twice, first in line 2"),
        ("inbox: !!python/name:os.system ''", "found the tag 'tag:yaml.org,2002:python/name:os.system'"),
        ("batch: {max_size: !!int ten}", "found 'ten' with a tag by hand"),
        ("batch: {max_size: 0x_}", "found '0x_', which is no number"),
        ("batch: {max_size: 1_6.5}", "batch.max_size: found 16.5"),
        ("batch: {max_size: true}", "batch.max_size: found true"),
        ("stop_timeout_s: .nan", "stop_timeout_s: found nan"),
        ("image: {max_bytes: 100 furlongs}", "image.max_bytes: found '100 furlongs'"),
        ("image: {max_bytes: 5 GiB}", "image.max_bytes: found '5 GiB'"),
        ("http: {enabled: 8080}", "http.enabled: found 8080; allowed: true or false"),
        (
            "http: {host: 0.0.0.0}",
            "http.host: found '0.0.0.0', an address beyond this machine, where tokens and",
        ),
        ("http: {host: localhost}", "http.host: found 'localhost'"),
        ("http: {port: 65536}", "http.port: found 65536; allowed: a whole number from 0 to 65535"),
        ("inbox: []", "inbox: found []"),
        ("inbox: &a [*a]", "found an alias; allowed are values written out"),
        ("inbox:", "inbox: found nothing"),
        ("inbox: ''", "inbox: found ''"),
        ("inbox: ~nobody-of-that-name/x", "inbox: found '~nobody-of-that-name/x'"),
        ("watch: {ignore: [a/b]}", "watch.ignore: found ['a/b']"),
        ("watch: {roots: {elsewhere: polling}}", "allowed: folders that `inbox` names"),
        ("retry: {base_s: 5, max_s: 4}", "retry.max_s: found 4; allowed: at least retry.base_s, which is 5"),
        ("sweep: {schedule: 0 25 * * *}", "sweep.schedule: found '0 25 * * *'; allowed: a cron expression"),
        ("sweep: {schedule: 0 3 * *}", "sweep.schedule: found '0 3 * *'"),
        ("sweep: {schedule: 0 3 30 2 *}", "sweep.schedule: found '0 3 30 2 *'"),
        ("sweep: {schedule: 3}", "sweep.schedule: found 3"),
        ("sweep: {timezone: Mars/Phobos}", "sweep.timezone: found 'Mars/Phobos'; allowed: a name of the"),
        ("sweep: {timezone: ../../etc/hostname}", "sweep.timezone: found '../../etc/hostname'"),
        ("sweep: {timezone: Europe}", "sweep.timezone: found 'Europe'"),
        ("- a", "found no settings; allowed are lines of `key: value`"),
        ("inbox: [", "this is no YAML: did not find expected node content"),
        ("a: 1\n---\nb: 2", "this is no YAML"),
        ("a: \x01", "this is no YAML"),
        ("inbox: " + "[" * 100_000, "nested deeper than 32 levels"),
        ("? [a]\n: 1", "found a list or a mapping as a key"),
        ("1: 2", "1: unknown key"),
        ("#" * (1 << 20) + "#", "larger than 1048576 bytes"),
    ],
    ids=range(37),
)
def test_one_wrong_thing_is_told_once(tmp_path: Path, text: str, told: str) -> None:
    """Each kind of mistake has its one sentence."""
    problems = refused(tmp_path, text)
    assert len(problems) == 1
    assert told in problems[0]


@pytest.mark.parametrize(
    "text",
    [
        "inbox: state",
        "inbox: state/in",
        "inbox: .",
        "inbox: sorted",
        "inbox: sorted/OTHER",
        "inbox: [a, a]",
        "inbox: [a, a/b]",
        "inbox: [a/b, a]",
        "inbox: link",
    ],
)
def test_folders_that_would_feed_each_other_are_refused(tmp_path: Path, text: str) -> None:
    """No inbox overlaps the shelf, the state or another inbox, not even through a symlink."""
    (tmp_path / "sorted").mkdir()
    (tmp_path / "link").symlink_to("sorted")
    assert all(problem.startswith("inbox: ") for problem in refused(tmp_path, text))


def test_the_shelf_may_lie_in_an_inbox(tmp_path: Path) -> None:
    """`sorted` below an inbox is allowed: the watch leaves it out."""
    assert loaded(tmp_path, "inbox: a\nsorted: a/sorted").sorted == tmp_path / "a" / "sorted"


def test_names_that_only_begin_alike_do_not_overlap(tmp_path: Path) -> None:
    """`state2` is not below `state`."""
    assert len(loaded(tmp_path, "inbox: [state2, sorted2, a, ab]").inbox) == 4


def test_a_date_is_the_name_that_was_written(tmp_path: Path) -> None:
    """A folder may be called 2024-01-01, and even 2024-99-99."""
    found = loaded(tmp_path, "inbox: [2024-01-01, 2024-99-99]")
    assert [path.name for path in found.inbox] == ["2024-01-01", "2024-99-99"]


def test_a_group_without_keys_is_empty(tmp_path: Path) -> None:
    """A group whose keys are all commented out keeps its defaults."""
    assert loaded(tmp_path, "watch:\n  # stability_s: 2\n").watch.stability_s == 1


@pytest.mark.parametrize(
    ("size", "count"), [("2 KiB", 2048), ("2kb", 2000), ("4096", 4096), ("1 GiB", 1 << 30)]
)
def test_a_size_may_have_a_unit(tmp_path: Path, size: str, count: int) -> None:
    """Binary and decimal units are told apart."""
    assert loaded(tmp_path, f"image: {{max_bytes: {size}}}").image.max_bytes == count


def test_a_missing_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    """The message names the path and how to name another."""
    file = tmp_path / "none.yaml"
    with pytest.raises(ConfigurationInvalid, match="no such file") as caught:
        load(file, environment={})
    assert "Name yours with --config or REFUNDSORTER_CONFIG" in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A folder in the file's place is a problem of the configuration."""
    with pytest.raises(ConfigurationInvalid, match="cannot be read: Is a directory"):
        load(tmp_path, environment={})


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    """A photo named by mistake is no settings file."""
    file = tmp_path / "a.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ConfigurationInvalid, match="no UTF-8 text: byte 0 is 0xff"):
        load(file, environment={})


def test_an_unknown_flag_is_told(tmp_path: Path) -> None:
    """A flag whose key does not exist is refused like any other."""
    with pytest.raises(ConfigurationInvalid, match=r"did you mean batch\.workers\? \(command line\)"):
        loaded(tmp_path, overrides={"batch.worker": 1})


def test_settings_are_frozen(tmp_path: Path) -> None:
    """Nobody changes settings that others hold."""
    with pytest.raises(ValidationError):
        loaded(tmp_path).watch.stability_s = 2


def test_changes_say_what_needs_a_restart(tmp_path: Path) -> None:
    """What changed is split into what takes effect and what waits for a restart."""
    old = loaded(tmp_path)
    new = loaded(tmp_path, "inbox: other\nwatch: {stability_s: 2, mode: polling}\nlog: {level: debug}")
    assert changes(old, new) == (["watch.stability_s", "log.level"], ["inbox", "watch.mode"])


def test_the_live_keys_are_these() -> None:
    """A key becomes live only together with the code that applies it."""
    assert [key for key in KEYS if is_live(key)] == [
        "taxonomy",
        "watch.stability_s",
        "watch.scan_interval_s",
        "batch.max_delay_ms",
        "decision.top_k",
        "decision.default_threshold",
        "decision.duplicates",
        "retry.base_s",
        "retry.max_s",
        "corrections.scan_s",
        "sweep.schedule",
        "sweep.timezone",
        "log.level",
    ]


def test_what_is_shown_can_be_loaded_again(tmp_path: Path) -> None:
    """`to_yaml` writes a file with the same values, each with its origin."""
    old = loaded(
        tmp_path,
        "inbox: ['a # b', c]\nwatch: {roots: {c: polling}}\nimage: {max_bytes: 100001}",
        environment={"REFUNDSORTER_BATCH__WORKERS": "3"},
    )
    text = settings_show.to_yaml(old)
    assert changes(old, loaded(tmp_path, text)) == ([], [])
    assert "  workers: 3  # environment\n" in text
    assert "  max_size: 16  # default\n" in text


def test_the_mapping_is_plain(tmp_path: Path) -> None:
    """`to_mapping` goes through JSON unchanged and names every origin."""
    mapping = settings_show.to_mapping(loaded(tmp_path, "models: m"))
    assert json.loads(json.dumps(mapping)) == mapping
    assert mapping["base_dir"] == str(tmp_path)
    origins = mapping["origins"]
    assert isinstance(origins, dict)
    assert {key for key, origin in origins.items() if origin == "file"} == {"models"}


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
_names = st.sampled_from([*(key.rpartition(".")[2] for key in KEYS), *Settings.model_fields]) | st.text()
_documents = st.dictionaries(_names, _values | st.dictionaries(_names, _values, max_size=4), max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(document=_documents)
def test_any_document_loads_or_is_refused(tmp_path: Path, document: dict[str, object]) -> None:
    """A document of any values under any keys never does anything but load or be refused."""
    try:
        found = loaded(tmp_path, yaml.safe_dump(document))
    except ConfigurationInvalid:
        return
    assert all(value_at(found, key) is not None for key in KEYS if KEYS[key].default is not None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=st.binary() | st.text(alphabet="aw:-?[]{}#&*!|>%@'\"\n ~<=.01_x").map(str.encode))
@example(raw=b"inbox: !!timestamp x")
@example(raw=b"inbox: !!bool x")
@example(raw=b'inbox: !!float ""')
@example(raw=b"<<: &a [*a]")
@example(raw=b"inbox: {<<: {a: 1}}")
@example(raw=b"inbox: !!set {a}")
def test_any_bytes_load_or_are_refused(tmp_path: Path, raw: bytes) -> None:
    """A file of any bytes never does anything but load or be refused."""
    file = tmp_path / "settings.yaml"
    file.write_bytes(raw)
    try:
        load(file, environment={})
    except ConfigurationInvalid as told:
        assert str(told)  # noqa: PT017 - both outcomes are right


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(key=st.sampled_from(list(KEYS)), value=st.text(st.characters(exclude_characters="\0")))
def test_any_variable_loads_or_is_refused(tmp_path: Path, key: str, value: str) -> None:
    """A variable of any text never does anything but load or be refused."""
    name = "REFUNDSORTER_" + key.upper().replace(".", "__")
    try:
        assert loaded(tmp_path, environment={name: value}).origins == {key: "environment"}
    except ConfigurationInvalid as told:
        assert key in str(told) or name in str(told)  # noqa: PT017 - both outcomes are right
