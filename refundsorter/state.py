"""How the daemon and its photos stand, read from the ledger and the lock; works without a daemon."""

from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.fault import BundleRefused
from refundsorter.core.image import State
from refundsorter.core.record import rfc3339
from refundsorter.core.schedule import Schedule
from refundsorter.core.standing import Standing
from refundsorter.edges import listening, serving
from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.ledger_report import read_overview
from refundsorter.locks import sorter_pid
from refundsorter.nights import read as read_nights
from refundsorter.settings import Settings


def read(settings: Settings, plan: Schedule | None, *, now: float) -> Standing:
    """Read how things stand.

    Args:
        settings: Those in force.
        plan: When nights are; None: never.
        now: Unix seconds.

    Raises:
        PassingTrouble: The lock or the ledger cannot be read now, or not by this user.
        StartRefused: The state directory is no folder, or the ledger cannot be used as it is.
    """
    pid = sorter_pid(settings)
    bundles = _serving(settings, pid)
    path = str(settings.state_dir / LEDGER_FILE)
    overview = read_overview(path)
    nights = read_nights(plan, path, now=now)
    if overview is None:
        nothing = dict.fromkeys((state.value for state in State), 0)
        return Standing(
            pid=pid,
            **bundles,
            photos=nothing,
            sorted_by_category={},
            rejected_by_reason={},
            trouble={},
            held=0,
            held_trouble=None,
            oldest_waiting_s=None,
            lines_owed=0,
            corrections=0,
            jobs_running=0,
            last_finished=None,
            nights=nights,
        )
    oldest, last = overview.oldest_open, overview.last_finished
    return Standing(
        pid=pid,
        **bundles,
        photos={state.value: overview.by_state.get(state.value, 0) for state in State},
        sorted_by_category=overview.by_category,
        rejected_by_reason=overview.by_reason,
        trouble=overview.trouble,
        held=overview.held,
        held_trouble=overview.held_trouble,
        oldest_waiting_s=None if oldest is None else round(max(0.0, now - oldest), 1),
        lines_owed=overview.lines_owed,
        corrections=overview.corrections,
        jobs_running=overview.jobs_running,
        last_finished=None if last is None else rfc3339(last),
        nights=nights,
    )


def _serving(settings: Settings, pid: int | None) -> dict[str, str | None]:
    """What the process that sorts serves, by which bundle, and why not what it should."""
    try:
        model = BundleStore(settings.models).active().manifest.reference
    except BundleRefused:
        model = None
    said = serving.read(settings.state_dir, pid=pid)
    face = listening.read(settings.state_dir, pid=pid)
    return {
        "model": model,
        "serving": said.model if said else None,
        "shadow": said.shadow if said else None,
        "refused": (said.refused or said.shadow_refused) if said else None,
        "http": face.address if face else None,
        "http_refused": face.refused if face else None,
    }
