"""The predictor: images that are asked about from outside take their turns with the photos of the queue.

Its threads borrow the examiners of the crew that is in force. Who has waited longest for an examiner gets it,
and a load here is half a micro-batch, so that under full load of both kinds sorting keeps the larger part.
What waits is bounded; there is nothing to recover, for whoever asked sees that no answer came.
"""

import hashlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace

from refundsorter.core.decision import decide
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.image import Answer, State
from refundsorter.core.prediction import AnswersPort, Look, Predicted, TooManyWait
from refundsorter.loops.crew import Crew

STOP_S = 1.0  # how long a stop waits for what is in hand


@dataclass(frozen=True, slots=True)
class _Asked:
    """An image, and where its answer is waited for."""

    content: bytes
    top_k: int | None
    answer: Future[Predicted] = field(default_factory=Future)


class Predictor:
    """Answers for images; see `api.ports.PredictorPort`.

    Args:
        crew: The crew in force.
        history: Where answers for contents that were seen before come from.
        threads: How many run it: as many as there are examiners.
        load: Images that are looked at together, at most.
        room: Images that may wait.
    """

    def __init__(
        self, *, crew: Callable[[], Crew], history: AnswersPort, threads: int, load: int, room: int
    ) -> None:
        self._crew = crew
        self._history = history
        self._threads = [
            threading.Thread(target=self._run, name=f"predictor {number}", daemon=True)
            for number in range(threads)
        ]
        self._load = load
        self._room = room
        self._changed = threading.Condition()
        self._waiting: deque[_Asked] = deque()
        self._is_stopping = False

    def ask(self, contents: Sequence[bytes], *, top_k: int | None = None) -> list[Future[Predicted]]:
        """Have images looked at."""
        asked = [_Asked(content, top_k) for content in contents]
        with self._changed:
            if self._is_stopping:
                raise PassingTrouble("the daemon stops")
            if len(self._waiting) + len(asked) > self._room:
                raise TooManyWait(f"{len(self._waiting)} images wait, and at most {self._room} may")
            self._waiting.extend(asked)
            self._changed.notify(len(asked))
        return [one.answer for one in asked]

    def start(self) -> None:
        """Begin to answer."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End it: what is in hand is answered, what waits is not."""
        with self._changed:
            self._is_stopping = True
            abandoned = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for one in abandoned:
            if one.answer.set_running_or_notify_cancel():
                one.answer.set_exception(PassingTrouble("the daemon stops"))
        deadline = time.monotonic() + STOP_S
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while self._step():
            pass  # nothing of a load is held while the next one is waited for

    def _step(self) -> bool:
        load = self._next()
        wanted = [one for one in load if one.answer.set_running_or_notify_cancel()]
        try:
            self._answer(wanted)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, it is told to those who wait
            for one in wanted:
                if not one.answer.done():
                    one.answer.set_exception(trouble)
        return bool(load)

    def _next(self) -> list[_Asked]:
        """The images to be looked at next: a fair part of those that wait; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopping)
            count = min(self._load, math.ceil(len(self._waiting) / len(self._threads)))
            return [self._waiting.popleft() for _ in range(count)]

    def _answer(self, asked: list[_Asked]) -> None:
        if not asked:
            return
        crew = self._crew()
        digests = [hashlib.sha256(one.content).hexdigest() for one in asked]
        known = self._known(digests, crew)
        usual, labels = crew.rules.interpretation.top_k, len(crew.rules.interpretation.labels)
        new: list[tuple[_Asked, str]] = []
        for one, digest in zip(asked, digests, strict=True):
            before = known.get(digest)
            if before and _tells(before, one.top_k or usual, labels=labels):
                one.answer.set_result(_predicted(one, digest, Look(before, 0.0, None), crew, cached=True))
            else:
                new.append((one, digest))
        if new:
            top_k = min(max(one.top_k or usual for one, _ in new), labels)
            looks = crew.look([one.content for one, _ in new], top_k=top_k)
            for (one, digest), look in zip(new, looks, strict=True):
                one.answer.set_result(_predicted(one, digest, look, crew, cached=False))

    def _known(self, digests: Sequence[str], crew: Crew) -> Mapping[str, Answer]:
        """What is known of contents; nothing, where the ledger cannot be asked: it only saves time."""
        with suppress(PassingTrouble):
            return self._history.answers(digests, model=crew.rules.model, taxonomy=crew.rules.taxonomy)
        return {}


def _tells(known: Answer, top_k: int, *, labels: int) -> bool:
    """Whether an earlier answer tells as many labels as are asked for."""
    return len(known.top_predictions) >= min(top_k, labels)


def _predicted(asked: _Asked, sha256: str, look: Look, crew: Crew, *, cached: bool) -> Predicted:
    outcome = look.outcome
    state, reason = State.WAITING, None
    if isinstance(outcome, Answer):
        told = asked.top_k or crew.rules.interpretation.top_k
        outcome = replace(outcome, top_predictions=outcome.top_predictions[:told])
    if not isinstance(outcome, PassingTrouble):
        decision = decide(outcome, crew.rules.thresholds)
        state, reason = decision.state, decision.reason
    return Predicted(
        sha256=sha256,
        size=len(asked.content),
        outcome=outcome,
        state=state,
        reason=reason,
        model=crew.rules.model,
        taxonomy=crew.rules.taxonomy,
        decode_ms=look.decode_ms,
        infer_ms=look.infer_ms,
        cached=cached,
    )
