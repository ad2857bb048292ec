"""Every command as a person and as a program meets it: what it prints, where, and its exit status."""

import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support import COMMAND, PATIENCE_S, Shop, environment, eventually, make_shop, photo
from terminal import run_on_terminal

from refundsorter import __version__

HOSTILE = "\x1b]0;owned\x07\x1b[2J"
COMMANDS = (
    "run", "sweep", "classify", "status", "images", "doctor", "evaluate", "train", "config",
    "install-service", "uninstall-service",
)  # fmt: skip


def plain(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run without a configuration."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env=environment() | {"COLUMNS": "100"},
    )


def rows(text: str) -> dict[str, str]:
    """The first and the last word of each line."""
    return {words[0]: words[-1] for line in text.splitlines() if (words := line.split())}


def test_the_version_is_printed() -> None:
    """`--version`: one line, exit 0."""
    printed = plain("--version")
    assert (printed.returncode, printed.stdout) == (0, f"refundsorter {__version__}\n")


def test_help_names_every_command() -> None:
    """`--help` on standard output, exit 0; without a command the same help, exit 2."""
    asked = plain("--help")
    assert asked.returncode == 0
    assert all(f"  {command} " in asked.stdout for command in COMMANDS)
    assert "...\n" not in asked.stdout.partition("Commands:")[2], "a summary is cut short"
    assert plain().returncode == 2


@pytest.mark.parametrize("command", [*COMMANDS, "config check", "config show"])
def test_every_command_has_help(command: str) -> None:
    """It says what it is for, exit 0, and needs no configuration."""
    asked = plain(*command.split(), "--help")
    assert asked.returncode == 0
    assert f"refundsorter {command}" in asked.stdout
    assert asked.stderr == ""


def test_a_wrong_option_is_a_usage_error() -> None:
    """Exit 2, told on standard error with how to get help."""
    refused = plain("status", "--loud")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "No such option: --loud" in refused.stderr
    assert "--help" in refused.stderr


def test_completion_is_offered_for_the_shell() -> None:
    """`--show-completion` prints a script that bash takes."""
    ask = shlex.join([*COMMAND, "--show-completion"])
    # The shell is looked for above the process; for its last command bash would make room.
    script = subprocess.run(
        ["bash", "-c", f"{ask}; true"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
        env=environment(),
    )
    assert "_REFUNDSORTER_COMPLETE" in script.stdout.upper() or "complete" in script.stdout
    subprocess.run(["bash", "-n"], input=script.stdout, text=True, check=True, timeout=PATIENCE_S)


@pytest.mark.parametrize("command", ["run", "sweep", "status", "doctor", "config check", "config show"])
def test_a_missing_configuration_is_told(command: str, tmp_path: Path) -> None:
    """Exit 78; the sentence names the file and how to name another."""
    refused = plain(*command.split(), "--config", str(tmp_path / "none.yaml"))
    assert (refused.returncode, refused.stdout) == (78, "")
    assert refused.stderr.startswith("refundsorter: the configuration has 1 problem:")
    assert "none.yaml: there is no such file" in refused.stderr
    assert "--config" in refused.stderr


def test_a_sweep_gives_an_account_that_adds_up(shop: Shop) -> None:
    """For a person: each category, each outcome and the sum; for a program: the same as one JSON object."""
    shop.drop("a.jpg", photo("red"))
    shop.drop("b.jpg", photo("red", seed=1))
    shop.drop("broken.jpg", photo("red")[:100])
    swept = shop.run("sweep")
    assert swept.stdout.startswith("Done in ")
    assert {name: rows(swept.stdout)[name] for name in ("WARM", "sorted", "review", "rejected", "found")} == {
        "WARM": "2",
        "sorted": "2",
        "review": "0",
        "rejected": "1",
        "found": "3",
    }
    assert swept.stderr == ""
    shop.drop("c.jpg", photo("blue"))
    account = json.loads(shop.run("sweep", "--json").stdout)
    assert account["found"] == 1 == sum(account[part] for part in ("sorted", "review", "rejected", "left"))
    assert (account["categories"], account["interrupted"]) == ({"COLD": 1}, False)


def test_a_sweep_of_an_empty_inbox_says_so(shop: Shop) -> None:
    """One sentence, exit 0."""
    assert shop.run("sweep").stdout == "Nothing to sort: no photo waits in the inbox.\n"
    assert shop.run("sweep", "--dry-run").stdout == (
        "A sweep now would do nothing: no photo waits in the inbox.\n"
    )


def test_a_dry_run_changes_nothing(shop: Shop) -> None:
    """Not a file and not a folder is made, moved or touched; the forecast is what the sweep then does."""
    shop.drop("a.jpg", photo("red"))
    shop.drop("b.jpg", photo("red", seed=1))
    shop.drop("broken.jpg", photo("red")[:100])
    before = {path: path.stat().st_mtime_ns for path in sorted(shop.base.rglob("*"))}
    told = shop.run("sweep", "--dry-run")
    assert told.stdout.startswith("Nothing was moved.")
    forecast = json.loads(shop.run("sweep", "--dry-run", "--json").stdout)
    assert {path: path.stat().st_mtime_ns for path in sorted(shop.base.rglob("*"))} == before
    account = json.loads(shop.run("sweep", "--json").stdout)
    assert forecast == {key: account[key] for key in forecast}


def test_a_sweep_on_a_terminal_shows_a_bar(shop: Shop) -> None:
    """The bar has the count and goes away; what stays is the account."""
    for number in range(200):
        shop.drop(f"{number}.jpg", photo("red", seed=number + 1))
    code, sent = run_on_terminal([*COMMAND, "sweep", "--config", str(shop.config)])
    assert code == 0
    assert "sorting" in sent
    assert "/200" in sent
    assert rows(sent)["found"] == "200"


def test_json_is_all_that_a_sweep_prints_on_a_terminal(shop: Shop) -> None:
    """With `--json` there is no bar: the terminal is sent one JSON object and nothing else."""
    shop.drop("a.jpg", photo("red"))
    code, sent = run_on_terminal([*COMMAND, "sweep", "--json", "--config", str(shop.config)])
    assert (code, json.loads(sent)["sorted"]) == (0, 1)


def test_an_interrupted_sweep_says_so(shop: Shop) -> None:
    """Ctrl-C while it waits for a file that is being written: the account so far, exit 3."""
    (shop.inbox / "a.jpg").write_bytes(photo("red"))
    variables = environment() | {"REFUNDSORTER_WATCH__STABILITY_S": "3600"}
    command = [*COMMAND, "sweep", "--config", str(shop.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as process:
        eventually(lambda: has_begun(shop), "the sweep has begun")
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=PATIENCE_S)
    assert told.startswith("Interrupted after ")
    assert rows(told)["left"] == "1"
    assert process.returncode == 3
    assert (shop.inbox / "a.jpg").exists()


def has_begun(shop: Shop) -> bool:
    """Whether the ledger holds a job."""
    try:
        with closing(sqlite3.connect(f"file:{shop.state}/ledger.sqlite3?mode=ro", uri=True)) as ledger:
            return bool(ledger.execute("SELECT count(*) FROM jobs").fetchone()[0])
    except sqlite3.OperationalError:
        return False


def test_a_sweep_of_a_missing_inbox_is_told(shop: Shop) -> None:
    """An inbox that is gone is not an empty one; the sweep says which one it could not read."""
    shop.inbox.rmdir()
    swept = shop.run("sweep", check=False)
    assert swept.stdout.endswith(f"This inbox could not be looked through: {shop.inbox}\n")
    assert swept.returncode == 3
    rehearsed = shop.run("sweep", "--dry-run", check=False)
    assert (rehearsed.returncode, rehearsed.stdout) == (75, "")
    assert str(shop.inbox) in rehearsed.stderr


def test_classify_says_what_it_sees_and_moves_nothing(shop: Shop) -> None:
    """A table of photos that could be read; the others on standard error with the reason; exit 3."""
    good = shop.drop("a.jpg", photo("red"))
    broken = shop.drop("broken.jpg", photo("red")[:100])
    (shop.inbox / "link.jpg").symlink_to(good)
    named = [good, broken, shop.inbox / "none.jpg", shop.inbox, shop.inbox / "link.jpg"]
    told = shop.run("classify", *map(str, named), check=False)
    assert told.returncode == 3
    head, *lines = told.stdout.splitlines()
    assert head.split() == ["file", "would", "be", "category", "label", "confidence"]
    assert [line.split()[1:] for line in lines] == [
        ["sorted", "WARM", "red", "100%"],
        ["rejected", "truncated"],
    ]
    assert told.stderr.splitlines() == [
        f"refundsorter: {shop.inbox / 'none.jpg'}: No such file or directory",
        f"refundsorter: {shop.inbox}: this is a folder; name the photos in it",
        f"refundsorter: {shop.inbox / 'link.jpg'}: this is a link; name what it points to",
    ]
    assert good.exists()
    assert broken.exists()
    assert not shop.state.exists()


def test_classify_as_json_has_the_journals_fields(shop: Shop) -> None:
    """One object a photo in the order of the arguments; `state` says where it would go."""
    names = ["b.jpg", "a.jpg", "broken.jpg"]
    contents = [photo("blue"), photo("red"), b""]
    paths = [str(shop.drop(name, content)) for name, content in zip(names, contents, strict=True)]
    told = shop.run("classify", "--json", *paths, str(shop.inbox / "none.jpg"), check=False)
    shop.run("sweep")
    journal_fields = [name for name in shop.lines()[0] if name != "previous"]
    *seen, missing = [json.loads(line) for line in told.stdout.splitlines()]
    assert [one["file"] for one in seen] == names
    assert [one["state"] for one in seen] == ["sorted", "sorted", "rejected"]
    assert [one["category"] for one in seen] == ["COLD", "WARM", None]
    assert all(list(one) == journal_fields for one in seen)
    assert (missing["source"], missing["state"]) == (str(shop.inbox / "none.jpg"), None)
    assert (told.returncode, told.stderr) == (3, "")


@pytest.mark.parametrize("name", ["caf\udce9.jpg", "two\nlines.jpg", "日本.jpg", "x" * 251 + ".jpg"])
def test_classify_takes_any_name(shop: Shop, name: str) -> None:
    """Bytes that are no UTF-8, a line feed, wide characters, 255 bytes: one row, exit 0."""
    path = os.fspath(shop.drop(name, photo("red")))
    assert len(shop.run("classify", path).stdout.splitlines()) == 2
    (line,) = shop.run("classify", "--json", path).stdout.splitlines()
    assert json.loads(line)["file"] == name


def test_status_without_a_daemon(shop: Shop) -> None:
    """Before anything ran and after a sweep: nobody sorts, and the photos are counted."""
    fresh = json.loads(shop.run("status", "--json").stdout)
    assert (fresh["pid"], fresh["model"], set(fresh["photos"].values())) == (None, "tiny/1.0.0", {0})
    assert not shop.state.exists()
    shop.drop("a.jpg", photo("red"))
    shop.drop("broken.jpg", b"")
    shop.run("sweep")
    told = shop.run("status").stdout
    assert told.startswith("Nobody is sorting now")
    assert {name: rows(told)[name] for name in ("sorted", "WARM", "rejected", "empty")} == {
        "sorted": "1",
        "WARM": "1",
        "rejected": "1",
        "empty": "1",
    }


def test_status_with_a_daemon(shop: Shop) -> None:
    """It names the daemon's process and does not disturb it."""
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted")
        assert json.loads(shop.run("status", "--json").stdout)["pid"] == daemon.process.pid
        assert shop.run("status").stdout.startswith(f"Process {daemon.process.pid} is sorting.")
        assert daemon.stop() == 0


def test_doctor_finds_all_well(shop: Shop) -> None:
    """Every check is ok, the last line says so, exit 0, and nothing is made."""
    found = shop.run("doctor")
    assert found.stdout.splitlines()[-1] in ("All is well.", "Photos are sorted; 1 of these could be better.")
    assert "failed" not in found.stdout
    assert not shop.state.exists()


def test_doctor_says_what_to_do(shop: Shop) -> None:
    """A missing inbox and a damaged bundle fail, each with what to do; exit 3."""
    shop.inbox.rmdir()
    weights = shop.base / "models" / "tiny" / "1.0.0" / "model.tflite"
    weights.write_bytes(weights.read_bytes()[:-1])
    found = shop.run("doctor", "--json", check=False)
    assert found.returncode == 3
    failed = {one["name"]: one for one in json.loads(found.stdout) if one["verdict"] == "failed"}
    assert failed.keys() == {"inbox", "model"}
    assert "make it, or mount the share" in failed["inbox"]["todo"]
    assert "models activate" in failed["model"]["todo"]
    told = shop.run("doctor", check=False).stdout
    assert told.splitlines()[-1] == "2 of these must be mended before photos are sorted."


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="there is no second file system to try it on")
def test_doctor_tells_of_two_file_systems(shop: Shop) -> None:
    """Moves are copies then: a warning with what to do, exit 0."""
    with make_elsewhere() as elsewhere:
        shop.config.write_text(f"sorted: {elsewhere}\n")
        found = json.loads(shop.run("doctor", "--json").stdout)
    (moving,) = [one for one in found if one["name"] == "moving"]
    assert moving["verdict"] == "warning"
    assert "one file system" in moving["todo"]


def make_elsewhere() -> "TemporaryDirectory[str]":
    """A folder on a file system of its own."""
    return TemporaryDirectory(dir="/dev/shm")


@pytest.mark.parametrize("command", [("doctor",), ("config", "check")])
def test_labels_that_do_not_meet_are_told(shop: Shop, command: tuple[str, ...]) -> None:
    """A label of the model without a category, and one that no model knows, are named."""
    (shop.config.parent / "taxonomy.yaml").write_text("categories: {WARM: {labels: [red, crimson]}}\n")
    told = shop.run(*command)
    text = " ".join((told.stdout + told.stderr).split())
    assert "no category has the model's 'green', 'blue', 'white', 'black'" in text
    assert "the model knows no 'crimson'" in text


def test_config_check_tells_well_and_ill(shop: Shop) -> None:
    """Exit 0 with a sentence, or 78 with every problem, the taxonomy's too."""
    assert shop.run("config", "check").stdout.startswith("The settings are well. 3 categories in ")
    shop.config.write_text("colour: blue\nwach: {}\n")
    ill = shop.run("config", "check", check=False)
    assert ill.returncode == 78
    assert "colour: unknown key" in ill.stderr
    assert "did you mean watch?" in ill.stderr
    shop.config.write_text("taxonomy: none.yaml\n")
    assert "none.yaml: No such file" in shop.run("config", "check", check=False).stderr


def test_config_show_says_where_values_come_from(shop: Shop) -> None:
    """File, environment and default; as YAML with comments or as JSON."""
    command = [*COMMAND, "config", "show", "--config", str(shop.config)]
    variables = environment() | {"REFUNDSORTER_LOG__LEVEL": "debug"}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
    assert "level: debug  # environment" in shown.stdout
    assert "workers: 2  # file" in shown.stdout
    assert "recursive: false  # default" in shown.stdout
    as_json = json.loads(
        subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, env=variables).stdout
    )
    assert as_json["settings"]["log"]["level"] == "debug"
    assert as_json["origins"]["log.level"] == "environment"


def test_an_unknown_variable_is_refused(shop: Shop) -> None:
    """A misspelt variable is told with its nearest name, exit 78."""
    command = [*COMMAND, "config", "show", "--config", str(shop.config)]
    variables = environment() | {"REFUNDSORTER_LOG_LEVEL": "debug"}
    refused = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert refused.returncode == 78
    assert "did you mean REFUNDSORTER_LOG__LEVEL?" in refused.stderr


@pytest.mark.parametrize(
    "command",
    ["sweep --dry-run", "status", "doctor", "config check", "config show", "sweep", "sweep --json"],
)
def test_no_command_lets_a_name_give_orders_to_the_terminal(tmp_path: Path, command: str) -> None:
    """Every folder and file has escape sequences in its name; none of them reaches the terminal."""
    shop = make_shop(tmp_path / HOSTILE)
    shop.drop(f"{HOSTILE}.jpg", photo("red"))
    (shop.inbox / f"{HOSTILE}.link").symlink_to(shop.config)
    _, sent = run_on_terminal([*COMMAND, *command.split(), "--config", str(shop.config)])
    assert "\x1b]0;owned" not in sent
    assert "\x1b[2J" not in sent


def test_neither_do_the_names_of_classified_files(tmp_path: Path) -> None:
    """In the table, in the sentence about a file that cannot be read, and for a wrong option."""
    shop = make_shop(tmp_path)
    good = str(shop.drop(f"{HOSTILE}.jpg", photo("red")))
    config = ["--config", str(shop.config)]
    for arguments in ([good, str(shop.inbox / f"none{HOSTILE}")], [f"--{HOSTILE}"]):
        _, sent = run_on_terminal([*COMMAND, "classify", *config, *arguments])
        assert r"\x1b]0;owned" in sent
        assert "\x1b]0;owned" not in sent
        assert "\x1b[2J" not in sent


def test_a_reader_that_goes_away_is_no_crash(shop: Shop) -> None:
    """`refundsorter … | head -c0`: no traceback."""
    command = [*COMMAND, "config", "show", "--config", str(shop.config)]
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=environment()
    )
    os.close(writing)
    assert "Traceback" not in process.stderr


def lessons(folder: Path) -> str:
    """Photos to train on: too few of them, but of two labels."""
    for label in ("red", "blue"):
        (folder / label).mkdir(parents=True)
        (folder / label / "1.jpg").write_bytes(photo(label))
    return str(folder)


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = None  # what an import finds where they are not installed
from refundsorter.cli import main
main()
"""


def test_training_without_its_extra_says_what_to_install(tmp_path: Path) -> None:
    """Exit 78 and the command that installs it; no traceback."""
    arguments = ["train", lessons(tmp_path), "--name", "shop", "--version", "1.0.0"]
    refused = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert refused.returncode == 78
    assert refused.stderr == "refundsorter: training needs TensorFlow: pip install 'refundsorter[train]'\n"


def test_training_on_nothing_is_refused_at_once(tmp_path: Path) -> None:
    """Exit 1 before TensorFlow comes, for what is trained on and for what is measured on."""
    here, empty = lessons(tmp_path / "data"), tmp_path / "empty"
    empty.mkdir()
    for data, *others in [("none",), (str(empty),), (here, "--measure-on", "none")]:
        program = [sys.executable, "-X", "importtime", "-m", "refundsorter"]
        refused = subprocess.run(
            [*program, "train", data, "--name", "shop", "--version", "1.0.0", *others],
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        assert refused.returncode == 1
        assert refused.stderr.splitlines()[-1].startswith("refundsorter: ")
        assert "tensorflow" not in refused.stderr


def test_training_with_a_base_that_is_no_file_is_a_usage_error(tmp_path: Path) -> None:
    """Exit 2 before anything is loaded."""
    arguments = [str(tmp_path), "--name", "shop", "--version", "1.0.0", "--base", "none.h5"]
    refused = plain("train", *arguments)
    assert refused.returncode == 2
    assert "none.h5 is no file" in refused.stderr


def test_training_tells_its_progress_and_why_it_is_refused(tmp_path: Path) -> None:
    """Without a terminal: a line a report, then the reason, exit 1, and nothing is written."""
    arguments = [lessons(tmp_path / "data"), "--name", "shop", "--version", "1.0.0", "--base", "random"]
    refused = plain("train", *arguments, "--size", "32", "--out", str(tmp_path / "models"))
    assert (refused.returncode, refused.stdout) == (1, "")
    lines = refused.stderr.splitlines()
    assert "decode 2/2" in lines
    assert lines[-1].startswith("refundsorter: too few sources: ")
    assert not (tmp_path / "models").exists()


def test_training_an_existing_version_is_refused(shop: Shop) -> None:
    """Exit 78 before a photo is read: a version is never overwritten."""
    arguments = [lessons(shop.base / "data"), "--name", "tiny", "--version", "1.0.0", "--base", "random"]
    refused = plain("train", *arguments, "--out", str(shop.base / "models"))
    assert refused.returncode == 78
    assert "exists already; choose another version" in refused.stderr
