"""SECURITY.md: the tests that it names exist, and what it says of files, doors and secrets holds."""

import ast
import hashlib
import os
import pickle
import re
import stat
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml
from http_face import served
from support import COMMAND, PATIENCE_S, Shop, environment, every_file, photo
from workbench import shelve_elsewhere

from refundsorter.assembly import LEDGER_FILE
from refundsorter.edges import listening, serving
from refundsorter.edges.listening import Listening
from refundsorter.edges.serving import Serving

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "SECURITY.md").read_text()
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
SECRET = "s3cret-9f86d081"


@cache
def names_in(path: Path) -> set[str]:
    """The names of a file's tests."""
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_every_test_that_the_page_names_exists(file: str, name: str) -> None:
    """A promise is as good as its test: each is there, under the name that the page gives it."""
    assert name.startswith("test_")
    assert name in names_in(ROOT / "tests" / file)


def test_every_promise_has_a_test() -> None:
    """Each row of the table names one at least."""
    table = re.findall(r"^\| (\d) \| (.+) \|$", PAGE, flags=re.MULTILINE)
    assert [int(number) for number, _ in table] == list(range(1, 10))
    bare = [int(number) for number, row in table if "::test_" not in row]
    assert bare == []


def modes() -> dict[str, str]:
    """The page's table of modes: what, and its mode under a umask of 0."""
    return dict(re.findall(r"^\| .+ \| `([\w./*-]+)` \| (0\d{3}) \|", PAGE, flags=re.MULTILINE))


def mode(path: Path) -> str:
    """A file's permissions, as the page writes them."""
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def run_under(umask: int, shop: Shop, command: str) -> None:
    """Run a command under a umask."""
    subprocess.run(
        [*COMMAND, command, "--config", str(shop.config)],
        check=True,
        umask=umask,
        env=environment(),
        capture_output=True,
        timeout=PATIENCE_S,
    )


def say_what_is_served(shop: Shop, umask: int) -> None:
    """Write the daemon's files, under a umask."""
    said = Serving(pid=1, model="a/1", shadow=None, stamp="", refused=None, shadow_refused=None)
    before = os.umask(umask)
    try:
        serving.say(shop.state, said)
        listening.say(shop.state, Listening(pid=1, address=None, refused=None))
    finally:
        os.umask(before)


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_files_have_the_modes_that_the_page_says(shop: Shop, umask: int) -> None:
    """Each has the mode that the page says, less the umask; a photo keeps its own."""
    shop.drop("a.jpg", photo("red")).chmod(0o604)
    run_under(umask, shop, "sweep")
    run_under(umask, shop, "report")
    say_what_is_served(shop, umask)
    shop.run("token", "add", "portal", "--role", "read")
    told = modes()
    (journal,) = (shop.sorted / "_journal").glob("*.jsonl")
    found = {
        "state_dir/ledger.sqlite3*": shop.state / LEDGER_FILE,
        "state_dir/tokens.json": shop.state / "tokens.json",
        "state_dir/lock": shop.state / "lock",
        "state_dir/serving.json": shop.state / serving.FILE,
        "state_dir/http.json": shop.state / listening.FILE,
        "sorted/_journal/lock": shop.sorted / "_journal" / "lock",
        "state_dir": shop.state,
        "sorted/_journal/*.jsonl": journal,
        "sorted/_journal/": shop.sorted / "_journal",
        "sorted/_reports/*": next((shop.sorted / "_reports").glob("*.html")),
        "sorted/_reports/": shop.sorted / "_reports",
        "sorted/*/": shop.sorted / "WARM",
    }
    named = {"state_dir" if name == "state_dir/" else name: bits for name, bits in told.items()}
    assert {name: f"{int(bits, 8) & ~umask:04o}" for name, bits in named.items()} == {
        name: mode(path) for name, path in found.items()
    }
    assert mode(shop.sorted / "WARM" / "a.jpg") == "0604"


def test_the_ledgers_companions_have_its_mode(shop: Shop) -> None:
    """While a daemon runs, the write-ahead log and the shared memory are as closed as the ledger."""
    with shop.daemon():
        found = {path.name: mode(path) for path in shop.state.glob(f"{LEDGER_FILE}*")}
    assert set(found.values()) == {"0640"}
    assert len(found) == 3


def test_a_copied_photo_keeps_its_mode_but_no_privilege(shop: Shop) -> None:
    """On another file system the copy has the photo's mode, without set-user-ID."""
    with shelve_elsewhere(shop):
        shop.drop("a.jpg", photo("red")).chmod(0o4644)
        run_under(0o000, shop, "sweep")
        assert mode(shop.sorted / "WARM" / "a.jpg") == "0644"


def test_a_running_daemon_has_no_door_unless_it_is_asked_for(shop: Shop) -> None:
    """Without HTTP it talks to its own processes through sockets without a name, and to nobody else."""
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted")
        sockets = sockets_of(daemon.process.pid)
        assert sockets
        assert sockets <= nameless(daemon.process.pid)


def test_the_one_door_is_open_to_this_machine_alone(shop: Shop) -> None:
    """With HTTP one socket more listens, on the loopback address; every other is without a name still."""
    with served(shop) as face:
        pid = face.daemon.process.pid
        doors = sockets_of(pid) - nameless(pid)
        # proc(5): address and port in hexadecimal, the state, and the inode of every socket
        listening = {
            f"socket:[{fields[9]}]": fields[1]
            for fields in map(str.split, Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:])
            if fields[3] == "0A"
        }
        port = int(face.client.address.rpartition(":")[2])
        assert [listening.get(one) for one in doors] == [f"0100007F:{port:04X}"]


def sockets_of(pid: int) -> set[str]:
    """Every socket that a process has open, as the links in /proc name it."""
    opened = {os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()}
    return {one for one in opened if one.startswith("socket:")}


def nameless(pid: int) -> set[str]:
    """The Unix sockets without a name: nobody can connect to one."""
    # proc(5): the seventh field of a Unix socket is its inode, and only one with a name has an eighth
    unix = [line.split() for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]]
    return {f"socket:[{fields[6]}]" for fields in unix if len(fields) == 7}


def test_no_secret_of_the_environment_is_told(shop: Shop) -> None:
    """A secret in the environment is in no answer, no log and no file, whatever the level and the error."""
    secret = environment() | {"AWS_SECRET_ACCESS_KEY": SECRET, "REFUNDSORTER_LOG__LEVEL": "debug"}
    shop.drop("a.jpg", photo("red"))
    shop.drop("b.jpg", b"no photo")
    for command in (
        ["sweep"],
        ["config", "show"],
        ["config", "check"],
        ["status"],
        ["doctor"],
        ["classify", "/"],
    ):
        done = subprocess.run(
            [*COMMAND, *command, "--config", str(shop.config)],
            capture_output=True,
            text=True,
            check=False,
            env=secret,
            timeout=PATIENCE_S,
        )
        assert SECRET not in done.stdout + done.stderr, command
    with shop.daemon(AWS_SECRET_ACCESS_KEY=SECRET, REFUNDSORTER_LOG__LEVEL="debug") as daemon:
        assert daemon.stop() == 0
    assert SECRET not in str(daemon.events)
    assert [path for path in every_file(shop.base) if SECRET.encode() in path.read_bytes()] == []


class Touch:
    """What a pickle runs when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        """Touch the file."""
        return (Path.touch, (self._path,))


def test_a_bundle_that_is_a_pickle_is_refused_and_runs_nothing(shop: Shop) -> None:
    """Weights that are a pickle, with their hash in the manifest: refused with 78, and nothing was run."""
    ran, folder = shop.base / "ran", shop.base / "models" / "tiny" / "1.0.0"
    content = pickle.dumps(Touch(ran))
    manifest = yaml.safe_load((folder / "bundle.yaml").read_text())
    (folder / "model.tflite").write_bytes(content)
    (folder / "bundle.yaml").write_text(
        yaml.safe_dump(manifest | {"sha256": hashlib.sha256(content).hexdigest()})
    )
    refused = shop.run("sweep", check=False)
    assert refused.returncode == 78, refused.stderr
    assert not ran.exists()


def test_a_manifest_with_an_object_in_it_is_refused_and_runs_nothing(shop: Shop) -> None:
    """YAML that asks for a Python object: refused with 78, and nothing was run."""
    ran, manifest = shop.base / "ran", shop.base / "models" / "tiny" / "1.0.0" / "bundle.yaml"
    manifest.write_text(f"name: !!python/object/apply:os.mkdir [{ran}]\n")
    refused = shop.run("sweep", check=False)
    assert refused.returncode == 78, refused.stderr
    assert not ran.exists()
