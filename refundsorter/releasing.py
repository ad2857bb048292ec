"""The daemon's side of a release: it keeps the sorter on the bundle that `active.yaml` names.

On a thread of its own it looks at that file, loads and warms what it names beside what is in use, and lets
the sorter switch between two batches. Whatever goes wrong, the sorter keeps what it has; the log and the file
`serving.json` say why.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from refundsorter.assembly import Workshop
from refundsorter.core.choice import Choice
from refundsorter.core.fault import BundleRefused, PassingTrouble, RefundsorterError, Vanished
from refundsorter.core.port import Log
from refundsorter.core.shadow import Shadow
from refundsorter.edges import serving
from refundsorter.edges.choice import ChoiceFile
from refundsorter.edges.classifier import Classifier
from refundsorter.edges.memory import give_back
from refundsorter.edges.serving import Serving
from refundsorter.model import Model, classifiers
from refundsorter.policies import rules_of
from refundsorter.settings import Settings
from refundsorter.verifying import fit_model, require_same_input

LOOK_S = 0.1  # how often it looks: it costs some microseconds, and a rollback is to take no second


class Releaser:
    """Follows `active.yaml` for one workshop.

    Args:
        workshop: Whose sorter is switched.
        settings: The settings by which photos are judged now.
        log: The operational log.
        tell: Told in a sentence what is served, for the service manager.
    """

    def __init__(
        self, workshop: Workshop, settings: Settings, log: Log, tell: Callable[[str], object]
    ) -> None:
        self._workshop = workshop
        self._settings = settings
        self._log = log
        self._tell = tell
        self._choices = ChoiceFile(settings.models)
        self._judging = threading.Lock()  # held while rules are made and put in force
        self._candidate: Model | None = None  # the shadow's
        self._share = 0.0
        self._seen: str | None = None  # the stamp of the choice that was dealt with
        self._unsaid: Serving | None = None  # what is still to be written down
        self._is_saying_told = False  # whether the log knows that it cannot be
        self._has_switched = False  # since memory was last given back
        self._stopping = threading.Event()
        self._wake = threading.Event()

    @property
    def status(self) -> str:
        """What is served, in a sentence."""
        beside = f", {self._candidate.rules.model} in its shadow" if self._candidate else ""
        return f"sorting with {self._workshop.model.rules.model}{beside}"

    def run(self) -> None:
        """Look until the end is asked for."""
        while not self._stopping.is_set():
            self._look()
            self._wake.wait(LOOK_S)
            if self._wake.is_set():
                self._wake.clear()
                self._seen = None

    def stop(self) -> None:
        """Ask for the end; from any thread."""
        self._stopping.set()
        self._wake.set()

    def look_again(self) -> None:
        """Try again what was refused, although the file has not changed; from any thread."""
        self._wake.set()

    def judge_by(self, settings: Settings) -> bool:
        """Put other settings and the taxonomy's content in force; from any thread.

        Returns:
            Whether the taxonomy is another one.

        Raises:
            StartRefused: The taxonomy is wrong; nothing is changed.
        """
        with self._judging:
            model, candidate = self._workshop.model, self._candidate
            rules = rules_of(settings, model.stored.manifest)
            shadow = self._shadow_of(candidate, self._share, settings)
            sorter = self._workshop.sorter
            is_another = not rules.same_taxonomy(sorter.crew.rules)
            self._workshop.model = replace(model, rules=rules)
            sorter.crew = replace(sorter.crew, rules=rules, shadow=shadow)
            self._settings = settings
        return is_another

    def _look(self) -> None:
        try:
            stamp = self._choices.stamp()
        except (PassingTrouble, Vanished):  # the models are out of reach; what is in use lies in memory
            return
        if stamp != self._seen:
            self._seen = stamp
            refused, shadow_refused = self._follow()
            self._unsaid = Serving(
                pid=os.getpid(),
                model=self._workshop.model.rules.model,
                shadow=self._candidate.rules.model if self._candidate else None,
                stamp=stamp,
                refused=refused,
                shadow_refused=shadow_refused,
            )
        elif self._has_switched:
            self._has_switched = False
            give_back()  # the old interpreters are gone by now
        self._say()

    def _follow(self) -> tuple[str | None, str | None]:
        """Do what the file says; why not, for the bundle and for its shadow."""
        served = self._workshop.model.rules.model
        wanted = "?"
        try:
            choice = self._choices.read()
            wanted = choice.active or "no bundle"
            return None, self._serve(choice)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, memory too: what is in use stays
            self._log.error("model.refused", model=wanted, trouble=_said(trouble), still=served)
            self._tell(f"{self.status}; {wanted} was refused, see the log")
            return _said(trouble), None

    def _serve(self, choice: Choice) -> str | None:
        """Serve a choice; why its shadow is not.

        Raises:
            Exception: The bundle cannot be served, for whatever reason; nothing was changed.
        """
        began, before = time.monotonic(), self._workshop.model.rules.model
        if choice.active is None:
            raise BundleRefused(
                f"{self._choices.path}: it should say `active: {before}`, or name another one"
            )
        tried = (self._candidate.rules.model, self._share) if self._candidate else (None, 0.0)
        if (choice.active, choice.shadow, choice.share) == (before, *tried):
            return None
        model = fit_model(self._settings, choice.active)
        candidate, interpreters, refused = self._candidate_of(choice, model)
        self._switch(model, candidate, choice.share, interpreters)
        took_ms = round((time.monotonic() - began) * 1000)
        if choice.active != before:
            self._log.info("model.activated", model=choice.active, before=before, took_ms=took_ms)
        if (now := candidate.rules.model if candidate else None) != tried[0] or now:
            self._log.info("model.shadow", model=now, share=choice.share if now else 0.0)
        self._tell(self.status)
        return refused

    def _candidate_of(
        self, choice: Choice, model: Model
    ) -> tuple[Model | None, list[Classifier], str | None]:
        """The shadow with its interpreters; or why there is none, which harms nothing else."""
        if choice.shadow is None:
            return None, [], None
        try:
            candidate = fit_model(self._settings, choice.shadow)
            require_same_input(candidate.stored.manifest, model.stored.manifest)
            return candidate, classifiers(self._workshop.settings, candidate.stored), None
        except Exception as trouble:  # noqa: BLE001 - as above
            self._log.error("shadow.refused", model=choice.shadow, trouble=_said(trouble))
            return None, [], _said(trouble)

    def _switch(
        self, model: Model, candidate: Model | None, share: float, interpreters: Sequence[Classifier]
    ) -> None:
        """Load and warm a crew, and let the sorter have it for its next batch."""
        crew = self._workshop.crew(model, candidates=interpreters)
        with self._judging:  # settings may have been read again while it was loaded
            rules = rules_of(self._settings, model.stored.manifest)
            shadow = self._shadow_of(candidate, share, self._settings)
            self._workshop.model = replace(model, rules=rules)
            self._candidate, self._share = candidate, share
            self._workshop.sorter.crew = replace(crew, rules=rules, shadow=shadow)
        self._has_switched = True

    @staticmethod
    def _shadow_of(candidate: Model | None, share: float, settings: Settings) -> Shadow | None:
        if candidate is None:
            return None
        return Shadow(rules=rules_of(settings, candidate.stored.manifest), share=share)

    def _say(self) -> None:
        """Write down what is served; what the disk does not allow now is tried again with the next look."""
        if self._unsaid is None:
            return
        try:
            serving.say(self._workshop.settings.state_dir, self._unsaid)
        except RefundsorterError as trouble:
            if not self._is_saying_told:
                self._log.warning("serving.unsaid", trouble=str(trouble))
            self._is_saying_told = True
            return
        self._unsaid, self._is_saying_told = None, False


def _said(trouble: Exception) -> str:
    """What went wrong, for a person; of what nobody expected also its kind."""
    return str(trouble) if isinstance(trouble, RefundsorterError) else f"{type(trouble).__name__}: {trouble}"
