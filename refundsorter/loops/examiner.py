"""The work on one micro-batch: read, hash, decode, infer, on one thread with one interpreter.

Reading, decoding and inference release the GIL, so as many examiners as there are cores run side by side. A
fault, a vanished file or passing trouble concerns one photo; its neighbours go on.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.decision import Interpretation, Rules
from refundsorter.core.fault import ItemFault, PassingTrouble, Vanished
from refundsorter.core.image import Answer, Claimed, Examined, Rejection
from refundsorter.core.pixels import ImageInfo
from refundsorter.core.port import ClassifierPort, DecoderPort, HistoryPort, Known, PhotoPort, ReaderPort
from refundsorter.core.prediction import Look
from refundsorter.core.shadow import Shadow, ShadowAnswer
from refundsorter.loops.contents import Content, Contents


@dataclass(frozen=True, slots=True)
class Unread:
    """A photo that could not be examined, and why."""

    claimed: Claimed
    why: PassingTrouble | Vanished


@dataclass(frozen=True, slots=True)
class Batch:
    """An examined micro-batch."""

    examined: list[Examined]
    unread: list[Unread]
    led: list[Content]  # contents to let go once this batch is in the ledger
    shadows: list[ShadowAnswer] = field(default_factory=list)  # what the candidate says of some of them
    shadow_trouble: Exception | None = None  # why it does not say more


@dataclass(slots=True)
class _Read:
    """A photo in hand: read, and perhaps answered."""

    claimed: Claimed
    photo: PhotoPort
    took_ms: float  # reading, hashing and decoding so far
    outcome: Answer | Rejection | None = None
    trouble: PassingTrouble | None = None  # why it cannot be decoded now
    duplicate_of: int | None = None
    infer_ms: float | None = None


@dataclass(slots=True)
class _Trial:
    """What a candidate was asked about one batch."""

    shadow: Shadow | None
    answers: list[ShadowAnswer] = field(default_factory=list)
    trouble: Exception | None = None


class Examiner:
    """One worker's tools. Not shared between threads."""

    def __init__(
        self,
        *,
        reader: ReaderPort,
        decoder: DecoderPort,
        classifier: ClassifierPort,
        history: HistoryPort,
        contents: Contents,
        input_size: int,
        max_size: int,
        candidate: ClassifierPort | None = None,
    ) -> None:
        self._reader = reader
        self._decoder = decoder
        self._classifier = classifier
        self._candidate = candidate  # of a shadow, with the same input
        self._history = history
        self._contents = contents
        self.steps = 0  # pieces read, photos read and photos decoded so far; another thread may look
        # pixels: uint8 [max_size, S, S, 3], RGB, 0..255; used again for every batch
        self._pixels: NDArray[np.uint8] = np.empty((max_size, input_size, input_size, 3), np.uint8)

    def examine(self, batch: Sequence[Claimed], rules: Rules, shadow: Shadow | None = None) -> Batch:
        """Examine a micro-batch of at most `max_size` photos.

        Args:
            batch: The photos.
            rules: How the bundle's answers are judged.
            shadow: What the candidate is asked about, once the photos are answered; it harms none of them.

        Raises:
            PassingTrouble: The history cannot be asked; nothing is led any more.
        """
        read: list[_Read] = []
        unread: list[Unread] = []
        for claimed in batch:
            try:
                read.append(self._read(claimed))
            except (PassingTrouble, Vanished) as why:
                unread.append(Unread(claimed, why))
        leaders: dict[Content, _Read] = {}
        trial = _Trial(shadow)
        try:
            followers = self._divide(read, leaders, rules)
            self._try(trial, self._answer(leaders, rules))
            self._try(trial, self._follow(followers, rules))
        except BaseException:
            self._contents.let_go(leaders)
            raise
        unread += [Unread(one.claimed, one.trouble) for one in read if one.trouble]
        return Batch(
            [_examined(one, rules) for one in read if not one.trouble],
            unread,
            list(leaders),
            trial.answers,
            trial.trouble,
        )

    def _read(self, claimed: Claimed) -> _Read:
        began = perf_counter()
        photo = self._reader.read(claimed.path, claimed.identity, self._step)
        one = _Read(claimed, photo, _since(began))
        self._step()
        if fault := self._reader.fault(claimed.identity):
            one.outcome = Rejection(reason=fault.reason, detail=fault.detail)
        return one

    def _step(self) -> None:
        self.steps += 1

    def _divide(
        self, read: list[_Read], leaders: dict[Content, _Read], rules: Rules
    ) -> list[tuple[_Read, Future[Known | None]]]:
        """Fill `leaders`; return those that wait for the answer of another, with that answer."""
        followers = []
        for one in read:
            if one.outcome is not None or one.photo.sha256 is None:
                continue
            content = (rules.model, rules.taxonomy, one.photo.sha256)
            leading = self._contents.lead(content)
            if leading is None:
                leaders[content] = one
            else:
                followers.append((one, leading))
        return followers

    def _answer(self, leaders: dict[Content, _Read], rules: Rules) -> list[_Read]:
        """Find or make the answers that are led, and share them; what `_infer` returns."""
        if not leaders:
            return []
        contents = [sha256 for _, _, sha256 in leaders]
        known = self._history.known(contents, model=rules.model, taxonomy=rules.taxonomy)
        for (_, _, sha256), one in leaders.items():
            if found := known.get(sha256):
                one.duplicate_of, one.outcome = found.first_id, found.answer
        inferred = self._infer([one for one in leaders.values() if one.outcome is None], rules)
        for content, one in leaders.items():
            first = one.claimed.id if one.duplicate_of is None else one.duplicate_of
            known_now = Known(first_id=first, answer=one.outcome) if isinstance(one.outcome, Answer) else None
            self._contents.answer(content, known_now)
        return inferred

    def _follow(self, followers: list[tuple[_Read, Future[Known | None]]], rules: Rules) -> list[_Read]:
        """Take the answers that others made; where there is none to take, look, as `_infer`."""
        for one, leading in followers:
            if found := leading.result():
                one.duplicate_of, one.outcome = found.first_id, found.answer
        return self._infer([one for one, _ in followers if one.outcome is None], rules)

    def _infer(self, batch: list[_Read], rules: Rules) -> list[_Read]:
        """Decode and classify; those that were, in the order in which their pixels lie."""
        inferred: list[_Read] = []
        looks = self.look([one.photo.data for one in batch], rules.interpretation)
        for one, look in zip(batch, looks, strict=True):
            one.took_ms += look.decode_ms
            one.infer_ms = look.infer_ms
            if isinstance(look.outcome, PassingTrouble):
                one.trouble = look.outcome
            else:
                one.outcome = look.outcome
            if isinstance(look.outcome, Answer):
                inferred.append(one)
        return inferred

    def look(self, contents: Sequence[bytes], reading: Interpretation) -> list[Look]:
        """Decode and classify contents; nothing is kept of them but the pixels, until the next call.

        Args:
            contents: At most `max_size` whole files.
            reading: How the bundle's logits are read.

        Returns:
            What each came to. The pixels of those with an answer lie one behind another.

        Raises:
            PassingTrouble: Nothing can be decoded now.
        """
        decoded = self._decoder.decode(contents, self._pixels)
        self.steps += len(contents)
        sizes = [
            (one.outcome.width, one.outcome.height) for one in decoded if isinstance(one.outcome, ImageInfo)
        ]
        began = perf_counter()
        logits = self._classifier.logits(self._pixels[: len(sizes)])  # float32 [N, labels]
        answers = iter(reading.answers(logits, sizes))
        share_ms = round(_since(began) / max(1, len(sizes)), 3)
        return [
            Look(next(answers), one.took_ms, share_ms)
            if isinstance(one.outcome, ImageInfo)
            else Look(_refusal(one.outcome), one.took_ms, None)
            for one in decoded
        ]

    def _try(self, trial: _Trial, inferred: list[_Read]) -> None:
        """Ask the candidate about its share of what was just inferred, on the same pixels."""
        if trial.shadow is None or self._candidate is None or trial.trouble:
            return
        chosen = [place for place, one in enumerate(inferred) if trial.shadow.wants(one.photo.sha256)]
        if not chosen:
            return
        try:
            logits = self._candidate.logits(self._pixels[chosen])  # float32 [N, the candidate's labels]
            trial.answers += trial.shadow.answers([inferred[place].claimed.id for place in chosen], logits)
        except Exception as trouble:  # noqa: BLE001 - whatever it dies of, no photo is harmed by it
            trial.trouble = trouble


def _examined(one: _Read, rules: Rules) -> Examined:
    assert one.outcome is not None, "every photo that was read has an outcome"
    return Examined(
        claimed=one.claimed,
        sha256=one.photo.sha256,
        outcome=one.outcome,
        model=rules.model,
        taxonomy=rules.taxonomy,
        duplicate_of=one.duplicate_of,
        decode_ms=round(one.took_ms, 3),
        infer_ms=one.infer_ms,
    )


def _refusal(why: ItemFault | PassingTrouble) -> Rejection | PassingTrouble:
    return Rejection(reason=why.reason, detail=why.detail) if isinstance(why, ItemFault) else why


def _since(began: float) -> float:
    """Milliseconds since a `perf_counter` reading."""
    return (perf_counter() - began) * 1000
