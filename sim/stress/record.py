"""Trials that are watched: for slack and queue depth, and for pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from native.types import EngineError
from sim.pictures.recorder import Recorder
from sim.stress.report import Outcome, Recording
from sim.stress.trial import Trial, playing, run_trial
from sim.watching import RECORDS, Glance, Names, Taker, Watch


@dataclass(frozen=True)
class Watched:
    """A trial that is to be watched. With ``picture``, its title, it is recorded too."""

    trial: Trial
    picture: str = ""


def watch(job: Watched) -> tuple[Outcome, Recording | None]:
    """Play the whole trial. Slack is as of every `trial.LOOK` frames of the part that counts."""
    trial = replace(job.trial, stop_early=False)
    try:
        with playing(trial, RECORDS) as run:
            rate = run.engine.config.rate
            slack = _Slack()
            takers: list[Taker] = [slack]
            recorder = Recorder(job.picture, rate, _names(trial)) if job.picture else None
            if recorder is not None:
                takers.append(recorder)
            run.until(trial.plan.warm_s)
            run.begin()
            run.engine.drain_commands()
            run.engine.drain_ends()
            watching = Watch(run.engine, takers)
            run.until(trial.plan.warm_s + trial.plan.seconds, look=watching.look)
            watching.close()
            outcome = slack.complete(run.outcome(), rate)
            return outcome, None if recorder is None else recorder.recording()
    except EngineError:
        return run_trial(trial), None


class _Slack:
    """Takes glances and keeps the slack of all voices, and how many streams the reader had to choose from."""

    def __init__(self) -> None:
        self._slack: list[int] = []
        self._depths = self._commands = 0

    def __call__(self, glance: Glance) -> None:
        found = [state.slack for state in glance.states if state.slack is not None]
        if found:
            self._slack.append(min(found))
        if len(glance.commands):
            self._depths += int(glance.commands["depth"].sum())
            self._commands += len(glance.commands)

    def complete(self, outcome: Outcome, rate: int) -> Outcome:
        """The outcome with what was seen."""
        if not self._slack:
            return outcome
        p1 = float(np.percentile(self._slack, 1))
        return replace(
            outcome,
            least_slack_ms=round(min(self._slack) * 1000 / rate, 2),
            p1_slack_ms=round(p1 * 1000 / rate, 2),
            mean_depth=round(self._depths / self._commands, 3) if self._commands else 0.0,
        )


def _names(trial: Trial) -> Names:
    """A voice is called by its pad, and by its lap where that is not the first."""
    sources = trial.kit.sources
    paths = {trial.kit.samples[one.sample]: one.path for one in sources}

    def pad(tag: int) -> str:
        lap, place = divmod(tag, len(sources))
        return sources[place].name if not lap else f"{sources[place].name}+{lap}"

    return Names(pad, lambda sample: paths[sample])
