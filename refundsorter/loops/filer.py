"""From examined photos to photos in their folders: decide, write down, move, confirm, journal.

The order is the promise: the intent is in the ledger before the file is touched, the move is durable before
the ledger says so, and the journal's line is durable before the ledger marks it. `recover` makes good
whatever was cut short between two of these steps; it is the one repair path, at start and after trouble.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from refundsorter.core import placement
from refundsorter.core.decision import Rules, decide
from refundsorter.core.fault import NameTaken, PassingTrouble, Vanished
from refundsorter.core.hints import Hint, HintSink
from refundsorter.core.image import Answer, Claimed, Examined, Filed, Intent, Release
from refundsorter.core.metric import RETRIES, STAGE, Meter, tell_filed, tell_trouble
from refundsorter.core.port import Clock, JournalPort, LedgerPort, Log, Pending, ShelfPort
from refundsorter.core.port_jobs import ScopesPort
from refundsorter.core.record import Entry
from refundsorter.core.recovery import Repair
from refundsorter.core.retry import RetryPolicy
from refundsorter.loops.examiner import Unread
from refundsorter.loops.repairs import repair_of

JOURNAL_CHUNK = 1000  # lines; bounds the memory of a journal that has fallen behind


@dataclass(slots=True)
class Tally:
    """What was done since the start, for progress and summaries."""

    by_state: dict[str, int] = field(default_factory=lambda: {"sorted": 0, "review": 0, "rejected": 0})
    released: int = 0  # times that a photo went back to waiting for passing trouble
    vanished: int = 0  # photos that their owners took away

    @property
    def filed(self) -> int:
        """Photos that reached a destination."""
        return sum(self.by_state.values())


class Filer:
    """Files photos. Used by one thread."""

    def __init__(
        self,
        *,
        ledger: LedgerPort,
        shelf: ShelfPort,
        journal: JournalPort,
        jobs: ScopesPort,
        hints: HintSink,
        retry: RetryPolicy,
        clock: Clock,
        log: Log,
        meter: Meter,
    ) -> None:
        self._ledger = ledger
        self._shelf = shelf
        self._journal = journal
        self._jobs = jobs
        self._hints = hints
        self.retry = retry
        self._clock = clock
        self._log = log
        self._meter = meter
        self.tally = Tally()
        self.held: set[str] = set()  # destinations of moves that cannot be told yet, as `alike` gives them
        self.barred: set[str] = set()  # those of corrections, likewise

    def file(self, examined: Sequence[Examined], rules: Rules) -> bool:
        """File a group of photos, copies after their firsts.

        A copy whose first is not filed yet waits: its line would name a photo that may still be taken away.

        Returns:
            Whether the shelf took any of them, or refused none.

        Raises:
            PassingTrouble: Something was cut short; call `recover` before anything else.
        """
        released, filed = self.tally.released, self.tally.filed
        examined = self._keep(examined)
        early = self._too_early(examined)
        self._file([one for one in examined if one not in early], rules)
        if early:
            still = self._too_early(early)
            self._file([one for one in early if one not in still], rules)
            self._ledger.release([self._later(one.claimed, trouble=None) for one in still])
        return self.tally.filed > filed or self.tally.released == released

    def _keep(self, examined: Sequence[Examined]) -> list[Examined]:
        """Leave photos where they lie that their jobs do not want; the others."""
        others: list[Examined] = []
        kept: list[Examined] = []
        for one in examined:
            job = one.claimed.job
            is_wanted = job is None or self._jobs.scope(job).wants(one.outcome)
            (others if is_wanted else kept).append(one)
        self._jobs.keep([one.claimed for one in kept])
        for one in kept:
            self._log.info("photo.kept", job=one.claimed.job, **_told(one))
        return others

    def _too_early(self, examined: Sequence[Examined]) -> list[Examined]:
        """Copies of photos that have not reached a destination."""
        copies = [one for one in examined if one.duplicate_of is not None]
        firsts = {one.duplicate_of for one in copies if one.duplicate_of is not None}
        finished = self._ledger.finished(firsts) if firsts else firsts
        return [one for one in copies if one.duplicate_of not in finished]

    def _file(self, examined: Sequence[Examined], rules: Rules) -> None:
        intents = self._place(examined, rules)
        filed: list[Filed] = []
        while intents:
            self._ledger.classify(intents)
            intents = self._move(intents, filed, rules)
        self._finish(filed)
        self.write_lines()

    def give_back(self, unread: Sequence[Unread]) -> None:
        """Return photos that could not be examined to waiting, or forget those that are gone."""
        troubled = [(one.claimed, one.why) for one in unread if isinstance(one.why, PassingTrouble)]
        self._ledger.release([self._release(claimed, "read", why) for claimed, why in troubled])
        self._forget([one.claimed for one in unread if isinstance(one.why, Vanished)])

    def give_back_unstarted(self, claimed: Sequence[Claimed]) -> None:
        """Return photos that nobody has looked at."""
        self._ledger.release(
            [Release(id=one.id, not_before=0.0, attempts=one.attempts, trouble=None) for one in claimed]
        )

    def recover(self) -> int:
        """Make good what was cut short.

        Returns:
            How many moves cannot be told yet, because their photos are out of reach; call this again later.
            Others may be filed meanwhile: the destinations of these are kept free.

        Raises:
            PassingTrouble: Nothing can be filed before this has been called again.
        """
        pending = self._ledger.pending()
        if pending and not self._shelf.is_reachable():
            raise PassingTrouble("moves cannot be checked: the shelf has no journal folder; is it mounted?")
        self.held = {placement.alike(one.destination) for one in pending if not self._resolve(one)}
        self._look_over()
        while records := self._ledger.owed(JOURNAL_CHUNK):
            checkpoint = self._journal.settle(records, self._ledger.checkpoint())
            assert checkpoint is not None, "there were records to settle"
            self._ledger.mark_journaled([record.key for record in records], checkpoint)
        return len(self.held)

    def _look_over(self) -> None:
        """Owe again the lines that somebody else has cut off the newest of the journal's files."""
        checkpoint = self._ledger.checkpoint()
        held = None if checkpoint is None else self._journal.look_over(checkpoint)
        if checkpoint is not None and held is not None:
            missing = self._ledger.owe_again(checkpoint.day, held)
            self._log.warning("journal.edited", day=checkpoint.day, lines_written_again=missing)

    def _resolve(self, pending: Pending) -> bool:
        """Resolve a move that was written down and not confirmed; False when it cannot be told yet."""
        image_id, path = pending.claimed.id, pending.claimed.path
        try:
            todo = repair_of(self._shelf, pending)
            self._repair(pending, todo)
        except PassingTrouble as trouble:
            self._log.warning("move.held", id=image_id, file=path, trouble=str(trouble))
            self._ledger.hold(image_id, str(trouble))
            return False
        self._log.info("move.recovered", id=image_id, file=path, repair=todo.name)
        return True

    def _repair(self, pending: Pending, todo: Repair) -> None:
        claimed = pending.claimed
        match todo:
            case Repair.HOLD:
                raise PassingTrouble("it cannot be told whether it was moved: its photo is out of reach")
            case Repair.FORGET:
                if self._shelf.is_inbox_away(claimed):
                    raise PassingTrouble("it cannot be told whether the photo is gone: its inbox is away")
                self._forget([claimed])
            case Repair.RELEASE:
                self.give_back_unstarted([claimed])
            case Repair.FINISH | Repair.DROP_SOURCE:
                self._shelf.drop_source(claimed.path, claimed.identity, pending.sha256, pending.destination)
                now = self._clock.now()
                self._finish([Filed(id=claimed.id, state=pending.intended, finished_at=now, move_ms=0.0)])

    def _finish(self, filed: Sequence[Filed]) -> None:
        self._ledger.finish(filed)
        for one in filed:
            self.tally.by_state[one.state] += 1

    def _place(self, examined: Sequence[Examined], rules: Rules) -> list[Intent]:
        """Decide each photo and choose its destination."""
        reserved = set(self.held | self.barred)
        intents = []
        for one in examined:
            decision = decide(one.outcome, rules.thresholds)
            folder = placement.folder(
                decision,
                category=one.outcome.category if isinstance(one.outcome, Answer) else None,
                shelved_duplicate=rules.shelve_duplicates and one.duplicate_of is not None,
            )
            intents.append(
                Intent(
                    examined=one,
                    state=decision.state,
                    reason=decision.reason,
                    destination=self._shelf.place(folder, PurePath(one.claimed.path).name, reserved),
                )
            )
        return intents

    def _move(self, intents: list[Intent], filed: list[Filed], rules: Rules) -> list[Intent]:
        """Move a group; the photos whose names someone else took meanwhile, with their next names."""
        outcomes = self._shelf.move(intents)
        now = self._clock.now()
        troubled: list[Release] = []
        vanished: list[Claimed] = []
        renamed: list[Examined] = []
        for intent, outcome in zip(intents, outcomes, strict=True):
            claimed = intent.examined.claimed
            if isinstance(outcome, float):
                filed.append(Filed(id=claimed.id, state=intent.state, finished_at=now, move_ms=outcome))
                tell_filed(self._meter, intent.examined, now, outcome)
                self._tell(intent)
            elif isinstance(outcome, NameTaken):
                renamed.append(intent.examined)
            elif isinstance(outcome, PassingTrouble):
                troubled.append(self._release(claimed, "move", outcome))
            else:
                vanished.append(claimed)
        self._ledger.release(troubled)
        self._forget(vanished)
        return self._place(renamed, rules)

    def write_lines(self) -> None:
        """Write the lines that are owed to the journal.

        Raises:
            PassingTrouble: Some are owed still; call `recover` before anything else.
        """
        while records := self._ledger.owed(JOURNAL_CHUNK):
            self._write(records)

    def _write(self, records: Sequence[Entry]) -> None:
        began = self._clock.monotonic()
        checkpoint = self._journal.append(records)
        self._meter.observe(STAGE, self._clock.monotonic() - began, "journal")
        assert checkpoint is not None, "there were records to append"
        self._ledger.mark_journaled([record.key for record in records], checkpoint)

    def _release(self, claimed: Claimed, stage: str, trouble: PassingTrouble) -> Release:
        release = self._later(claimed, trouble=str(trouble))
        self._meter.count(RETRIES)
        tell_trouble(self._meter, stage, trouble)
        self.tally.released += 1
        delay_s = self.retry.delay_s(release.attempts)
        self._log.warning("photo.held_back", file=claimed.path, trouble=str(trouble), again_in_s=delay_s)
        return release

    def _later(self, claimed: Claimed, *, trouble: str | None) -> Release:
        attempts = claimed.attempts + 1
        not_before = self._clock.now() + self.retry.delay_s(attempts)
        return Release(id=claimed.id, not_before=not_before, attempts=attempts, trouble=trouble)

    def _forget(self, claimed: Sequence[Claimed]) -> None:
        """Drop photos that are not there any more; what lies under their names now is looked at anew."""
        self._ledger.forget([one.id for one in claimed])
        for one in claimed:
            self.tally.vanished += 1
            self._log.info("photo.vanished", file=one.path)
            self._hints.put(Hint(path=one.path, complete=False))

    def _tell(self, intent: Intent) -> None:
        """Log what became of a photo, in the fields that it has."""
        self._log.info(f"photo.{intent.state.value}", **_told(intent.examined))


def _told(examined: Examined) -> dict[str, object]:
    """What is logged of a photo that was looked at."""
    outcome = examined.outcome
    fields: dict[str, object] = {"file": PurePath(examined.claimed.path).name}
    if isinstance(outcome, Answer):
        return fields | {"category": outcome.category, "confidence": round(outcome.confidence, 3)}
    return fields | {"reason": outcome.reason.value, "detail": outcome.detail}
