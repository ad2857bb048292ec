"""Commands ask the daemon that runs, and read the ledger where none answers: both say the same."""

import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from http_face import SERVED, Served, answer, served, server
from support import COMMAND, PATIENCE_S, Shop, environment, make_shop, photo
from workbench import opened

from refundsorter import settings as configuration
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.image import State
from refundsorter.core.job import JobOver, JobRefused, JobState, NoSuchJob, Scope
from refundsorter.core.port_images import Wanted
from refundsorter.core.port_inquiry import InquiryPort, NoSuchPhoto
from refundsorter.core.standing import Standing
from refundsorter.edges import listening
from refundsorter.edges.client import Client, Place, Unanswered
from refundsorter.edges.listening import Listening
from refundsorter.inquiry import Inquiry
from refundsorter.inquiry_daemon import DaemonInquiry, reach
from refundsorter.inquiry_ledger import LedgerInquiry
from refundsorter.settings import Settings

NOBODY = 65534
HOSTILE = os.fsdecode(b"caf\xe9\x1b[2J\n.jpg")
FILTERS = (
    Wanted(),
    Wanted(state=State.SORTED, category="COLD"),
    Wanted(label="red", min_confidence=0.5),
    Wanted(name="1-GREEN.JPG"),
    Wanted(since=0.25, until=4e9, model="tiny/1.0.0"),
    Wanted(until=1.0),
)


def configured(shop: Shop, **variables: str) -> Settings:
    """The shop's settings, without nights as those of its daemon."""
    variables = {"REFUNDSORTER_SWEEP__SCHEDULE": "null"} | variables
    return configuration.load(shop.config, environment=variables, overrides={})


def reached(shop: Shop, *, token: str | None = None, **variables: str) -> DaemonInquiry:
    """The daemon, which answers."""
    found = reach(configured(shop, **variables), token=token)
    assert found is not None
    return found


def standing(shop: Shop, *, token: str | None = None) -> Standing:
    """What `status` tells."""
    return Inquiry(configured(shop), token=token).ask(lambda source: source.standing())


def run(shop: Shop, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, with variables of its own."""
    return subprocess.run(
        [*COMMAND, *arguments, "--config", str(shop.config)],
        env=environment() | variables, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def answered(face: Served) -> dict[str, int]:
    """How many requests the daemon has answered well, by route."""
    lines = face.client.ask("/metrics").body.decode().splitlines()
    prefix = "refundsorter_http_requests_total{"
    found = [line.removeprefix(prefix).split("} ") for line in lines if line.startswith(prefix)]
    labels = [(dict(part.split("=", 1) for part in said.split(",")), count) for said, count in found]
    return {
        one["route"].strip('"'): int(float(count)) for one, count in labels if one["status"].startswith('"20')
    }


@pytest.fixture
def face(shop: Shop) -> Iterator[Served]:
    """A daemon that has sorted, rejected and kept waiting, and been corrected and given a job."""
    with served(shop) as found:
        for number, colour in enumerate(("red", "green", "blue")):
            shop.drop(f"{number}-{colour}.jpg", photo(colour, seed=number + 1))
            found.daemon.wait_for("photo.sorted")
        shop.drop(HOSTILE, photo("red")[:90])
        found.daemon.wait_for("photo.rejected")
        yield found


@pytest.fixture
def reachable() -> Iterator[Shop]:
    """A shop whose settings every user may read, and its `state_dir` only the owner."""
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        base.chmod(0o755)
        shop = make_shop(base / "shop")
        shop.state.mkdir(mode=0o700)
        yield shop


@contextmanager
def powerless() -> Iterator[None]:
    """Be another user, who may read next to nothing, for the length of a block."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a while")


def test_both_say_the_same(face: Served, shop: Shop) -> None:
    """Photos by every filter, one with its history, jobs, and how all stands; hostile names and all."""
    shop.run("correct", "1", "COLD", "--by", "Anna Ångström")
    settings = configured(shop)
    daemon, ledger = reached(shop), LedgerInquiry(settings)
    number = daemon.start(
        Scope(glob=os.fsdecode(b"*\xff.jpg").encode("utf-8", "replace").decode()), by="a\x1b", key="k"
    ).id
    face.daemon.wait_for("job.ended", job=number)
    sources: tuple[InquiryPort, InquiryPort] = (daemon, ledger)
    for wanted in FILTERS:
        for limit in (1, 3, 1000):
            told = [one.images(wanted, limit=limit, on_progress=lambda *_: None) for one in sources]
            assert told[0] == told[1], (wanted, limit)
    assert [len(ledger.images(one, limit=9, on_progress=lambda *_: None)) for one in FILTERS] == [
        4,
        2,
        1,
        1,
        4,
        0,
    ]
    for image in range(1, 5):
        assert json.dumps(daemon.image(image)) == json.dumps(ledger.image(image))
    assert [one["by"] for one in ledger.image(1)["corrections"]] == ["Anna Ångström"]
    assert daemon.jobs(limit=9, before=None, state=None) == ledger.jobs(limit=9, before=None, state=None)
    assert daemon.job(number) == ledger.job(number)
    assert daemon.standing() == ledger.standing()
    assert (ledger.standing().corrections, ledger.standing().jobs_running) == (1, 0)


def test_both_refuse_the_same(face: Served, shop: Shop) -> None:
    """What is not there, what is over, and what cannot be asked for: the same error, in the same words."""
    sources: tuple[InquiryPort, InquiryPort] = (reached(shop), LedgerInquiry(configured(shop)))
    over = sources[0].start(Scope(), by=None, key="k").id
    face.daemon.wait_for("job.ended", job=over)
    questions: list[tuple[type[Exception], Any]] = [
        (NoSuchPhoto, lambda one: one.image(99)),
        (NoSuchJob, lambda one: one.job(99)),
        (NoSuchJob, lambda one: one.cancel(99)),
        (JobOver, lambda one: one.cancel(over)),
        (JobRefused, lambda one: one.start(Scope(paths=("/elsewhere",)), by=None, key="x")),
    ]
    for kind, question in questions:
        said = []
        for source in sources:
            with pytest.raises(kind) as refused:
                question(source)
            said.append(str(refused.value))
        assert said[0] == said[1]


def test_what_was_asked_twice_is_one_job(face: Served, shop: Shop) -> None:
    """Where the daemon's answer is lost, the ledger is asked by the same key, and gives the same job."""
    first = reached(shop).start(Scope(glob="*.png"), by="a", key="once")
    again = LedgerInquiry(configured(shop)).start(Scope(glob="*.png"), by="a", key="once")
    assert again.id == first.id
    assert face.daemon.wait_for("job.ended", job=first.id)["state"] == "done"


def test_the_commands_ask_the_daemon(face: Served, shop: Shop) -> None:
    """Each command comes to the route that is meant; none leaves an answer to the ledger."""
    for arguments in ("status", "images", "images show 1", "jobs start --wait"):
        assert run(shop, *arguments.split()).returncode == 0, arguments
    assert run(shop, "jobs", "cancel", "1").stderr == "refundsorter: job 1 is done: it is over\n"
    found = answered(face)
    routes = ("/v1/status", "/v1/images", "/v1/images/{image}", "/v1/jobs/{number}")
    assert [found.get(route, 0) > 0 for route in routes] == [True] * 4
    assert (found["/v1/status"], found["/v1/images"], found["/v1/jobs"]) == (1, 1, 1)


def test_a_list_of_many_pages_is_one(face: Served, shop: Shop) -> None:
    """More jobs than the daemon gives at once are told to the end, or as many as were asked for."""
    ledger = LedgerInquiry(configured(shop))
    for number in range(205):
        ledger.start(Scope(glob="*.none"), by=None, key=f"{number}")
    daemon = reached(shop)
    listed = daemon.jobs(limit=1000, before=None, state=None)
    assert [one.id for one in listed] == list(range(205, 0, -1))
    assert [one.id for one in daemon.jobs(limit=2, before=204, state=None)] == [203, 202]
    assert len(daemon.jobs(limit=203, before=None, state=None)) == 203
    face.daemon.process.kill()


def test_without_a_daemon_the_ledger_answers(shop: Shop) -> None:
    """Before anything was sorted, and where the daemon serves no HTTP."""
    assert reach(configured(shop), token=None) is None
    ledger = LedgerInquiry(configured(shop))
    assert ledger.images(Wanted(), limit=9, on_progress=lambda *_: None) == []
    with pytest.raises(NoSuchPhoto):
        ledger.image(1)
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted")
        assert reach(configured(shop), token=None) is None
        (told,) = json.loads(run(shop, "images", "--json").stdout)
    assert (told["file"], told["category"]) == ("a.jpg", "WARM")
    assert ledger.image(1) == told | {"corrections": []}


def test_jobs_in_hand_are_counted(shop: Shop) -> None:
    """One that only waits is none; a person is told where to look."""
    with opened(shop) as workshop:
        LedgerInquiry(configured(shop)).start(Scope(), by=None, key="k")
        assert standing(shop).jobs_running == 0
        workshop.ledger.jobs.begin_sweep(now=0.0)
        assert standing(shop).jobs_running == 1
        assert "Jobs in hand: 1; see `refundsorter jobs list`.\n" in run(shop, "status").stdout


def test_a_daemon_that_was_killed_is_not_asked(face: Served, shop: Shop) -> None:
    """What it left says where it answered; nobody holds the lock, so the ledger is read."""
    face.daemon.process.send_signal(signal.SIGKILL)
    face.daemon.process.wait()
    assert json.loads((shop.state / listening.FILE).read_text())["address"] == face.client.address
    assert reach(configured(shop), token=None) is None
    found = json.loads(run(shop, "status", "--json").stdout)
    assert (found["pid"], found["http"], found["photos"]["sorted"]) == (None, None, 3)


def test_a_daemon_that_hangs_is_not_waited_for(face: Served, shop: Shop) -> None:
    """Halted, it takes connections and answers none; the ledger answers all the same."""
    place = replace(reached(shop).client.place, timeout_s=0.2)
    hasty = DaemonInquiry(Client(place, None))
    face.daemon.process.send_signal(signal.SIGSTOP)
    with pytest.raises(Unanswered, match="timed out"):
        hasty.standing()
    assert LedgerInquiry(configured(shop)).standing().photos["sorted"] == 3


def test_another_daemon_is_not_believed(shop: Shop, tmp_path: Path) -> None:
    """Another shop's daemon answers where this one is said to: its pid is not the one that holds the lock."""
    other = make_shop(tmp_path / "other")
    with served(other) as foreign, shop.daemon() as daemon:
        said = Listening(pid=daemon.process.pid, address=foreign.client.address, refused=None)
        listening.say(shop.state, said)
        with pytest.raises(Unanswered, match=f"by process {foreign.daemon.process.pid}"):
            reach(configured(shop), token=None)
        assert standing(shop).pid == daemon.process.pid


def test_a_socket_in_the_file_system_is_asked(shop: Shop, tmp_path: Path) -> None:
    """The daemon is known by the process behind the socket; somebody else's is not believed."""
    place = tmp_path / "http.sock"
    with shop.daemon(**SERVED, REFUNDSORTER_HTTP__UNIX_SOCKET=str(place)) as daemon:
        daemon.wait_for("http.listening")
        assert reached(shop).standing().http == f"unix:{place}"
        place.unlink()
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.bind(str(place))
            stranger.listen()
            with pytest.raises(Unanswered, match="somebody else"):
                reach(configured(shop), token=None)
        assert standing(shop).pid == daemon.process.pid


def test_tls_is_by_the_certificate_of_the_settings(shop: Shop, tmp_path: Path) -> None:
    """The daemon shows it, whatever name is in it; one that shows another is not believed."""
    for name in ("own", "other"):
        certify = ["openssl", "req", "-x509", "-nodes", "-days", "1", "-newkey", "ec", "-pkeyopt"]
        certify += ["ec_paramgen_curve:P-256", "-subj", f"/CN={name}", "-keyout", f"{tmp_path}/{name}.key"]
        certify += ["-out", f"{tmp_path}/{name}.pem"]
        subprocess.run(certify, check=True, capture_output=True, timeout=PATIENCE_S)
    own = {
        "REFUNDSORTER_HTTP__TLS_CERTIFICATE": str(tmp_path / "own.pem"),
        "REFUNDSORTER_HTTP__TLS_KEY": str(tmp_path / "own.key"),
    }
    with shop.daemon(**SERVED | own) as daemon:
        daemon.wait_for("http.listening")
        assert str(reached(shop, **own).standing().http).startswith("https://127.0.0.1:")
        other = own | {"REFUNDSORTER_HTTP__TLS_CERTIFICATE": str(tmp_path / "other.pem")}
        for variables in (other, {}):
            with pytest.raises(Unanswered, match="somebody else"):
                reach(configured(shop, **variables), token=None)


def test_a_token_is_taken_from_the_environment(shop: Shop) -> None:
    """With it the daemon answers; without, or with a wrong one, the ledger; and it is no setting."""
    token = shop.run("token", "add", "clerk", "--role", "read").stdout.strip()
    with shop.daemon(**SERVED) as daemon:
        address = daemon.wait_for("http.listening")["address"]
        assert reached(shop, token=token).standing().http == address
        for wrong in (None, "rs_wrong", "a\nb"):
            with pytest.raises(Unanswered):
                reach(configured(shop), token=wrong)
            assert standing(shop, token=wrong).http == address
        told = run(shop, "status", "--json", REFUNDSORTER_TOKEN=token)
        assert (told.returncode, json.loads(told.stdout)["http"]) == (0, address)
        with pytest.raises(Unanswered, match="403"):
            reached(shop, token=token).start(Scope(), by=None, key="k")
        started = run(shop, "jobs", "start", "--by", "anna", "--wait", "--json", REFUNDSORTER_TOKEN=token)
        assert (started.returncode, json.loads(started.stdout)["by"]) == (0, "anna")


@needs_root
def test_who_may_not_read_the_ledger_is_answered_by_the_daemon(reachable: Shop) -> None:
    """Where the settings say that it answers; its user is the one whose `state_dir` it is."""
    with served(reachable) as face:
        reachable.drop("a.jpg", photo("red"))
        face.daemon.wait_for("photo.sorted")
        port = face.client.address.rpartition(":")[2]
        settings = configured(reachable, REFUNDSORTER_HTTP__PORT=port)
        with powerless():
            inquiry = Inquiry(settings, token=None)
            assert inquiry.ask(lambda source: source.standing()).pid == face.daemon.process.pid
            found = inquiry.ask(lambda one: one.images(Wanted(), limit=9, on_progress=lambda *_: None))
            job = inquiry.ask(lambda source: source.start(Scope(), by="nobody", key="k"))
            over = inquiry.wait(job.id, lambda *_: None)
        assert [one["file"] for one in found] == ["a.jpg"]
        assert (over.state, over.by) == (JobState.DONE, "nobody")


@needs_root
def test_where_neither_can_answer_both_reasons_are_told(reachable: Shop) -> None:
    """The ledger is closed to the user, and the daemon asks for a token, or is away."""
    reachable.run("token", "add", "clerk", "--role", "read")
    with served(reachable) as face:
        port = face.client.address.rpartition(":")[2]
        settings = configured(reachable, REFUNDSORTER_HTTP__PORT=port)
        with powerless(), pytest.raises(PassingTrouble) as told:
            Inquiry(settings, token=None).ask(lambda source: source.jobs(limit=9, before=None, state=None))
        assert "Permission denied" in str(told.value)
        assert "401" in str(told.value)
        assert "REFUNDSORTER_TOKEN" in str(told.value)
    questions: list[Any] = [
        lambda one: one.standing(),
        lambda one: one.image(1),
        lambda one: one.job(1),
        lambda one: one.cancel(1),
        lambda one: one.start(Scope(), by=None, key="k"),
    ]
    for question in questions:
        with powerless(), pytest.raises(PassingTrouble, match=r"Permission denied.*does not answer"):
            Inquiry(settings, token=None).ask(question)


@needs_root
def test_another_user_on_the_port_learns_no_token(reachable: Shop) -> None:
    """While no daemon runs somebody else may listen where it would: he is not asked."""
    with powerless():
        stranger = socket.create_server(("127.0.0.1", 0))
    with stranger:
        settings = configured(reachable, REFUNDSORTER_HTTP__PORT=str(stranger.getsockname()[1]))
        with powerless(), pytest.raises(Unanswered, match="somebody else"):
            reach(settings, token="rs_secret")
        connection, _ = stranger.accept()
        with connection:
            assert connection.recv(1) == b""


def test_a_daemon_of_another_version_leaves_it_to_the_ledger() -> None:
    """What lacks a field of ours is no answer."""
    answers = [answer("200 OK", body) for body in (b'{"pid": 1}', b'{"id": 1}', b'{"jobs": []}', b"[]")]
    with server(answers) as (address, _):
        place = Place(address=address, user=os.geteuid(), pid=None, certificate=None)
        found = DaemonInquiry(Client(place, None))
        questions: list[Any] = [
            found.standing,
            lambda: found.job(1),
            lambda: found.jobs(limit=1, before=None, state=None),
            lambda: found.image(1),
        ]
        for question in questions:
            with pytest.raises(Unanswered, match="another version"):
                question()
