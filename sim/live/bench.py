"""A session as the front panel asks for it (see `sim.panel.port`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from firmware.boot import BootResult
from firmware.catalogue import Pad, PadSettings
from firmware.profiles import Profile
from native import CardModel
from sim.board import Setup
from sim.cards import card_model, load_card, preset_names
from sim.live.session import Gap, Session
from sim.live.status import latency_ms, status_document
from sim.panel.browser import Browser
from sim.panel.messages import RAM_RANGE
from sim.panel.port import AS_STARTED, AudioTaker, Happened, Look, RefusedError
from sim.panel.state import modes_of

_KEPT = 200
_FAULTS = ("spike", "error", "pull", "insert", "swap", "mirror")


class MidiDesk(Protocol):
    """What the panel asks of MIDI."""

    def status(self) -> dict[str, Any]: ...  # noqa: D102  see `sim.live.session.MidiPorts`
    def metrics(self) -> Mapping[str, int | float]: ...  # noqa: D102  see docs/metrics.md
    def message(self, data: bytes) -> None:
        """One from a browser, as from a port."""
        ...

    def knob(self, name: str, value: float) -> None: ...  # noqa: D102
    def transport(self, do: str) -> None: ...  # noqa: D102
    def tempo(self, bpm: float) -> None: ...  # noqa: D102
    def panic(self) -> None: ...  # noqa: D102
    def learn(self, target: Mapping[str, Any] | None) -> None: ...  # noqa: D102
    def forget(self, target: Mapping[str, Any]) -> None: ...  # noqa: D102
    def about(self) -> Mapping[str, Any]:
        """For `hello`: knobs, functions, transport."""
        ...

    def state(self) -> Mapping[str, Any]:
        """For `state`: tempo, knobs, learn, learnt."""
        ...


class Bench:
    """Implements `sim.panel.port.Session` over a `sim.live.Session`.

    ``preset`` is the name of the card's timing where it has one; ``other`` a card to swap for.
    """

    def __init__(
        self,
        session: Session,
        midi: MidiDesk,
        *,
        preset: str | None = None,
        other: Path | None = None,
        writable: bool = False,
    ) -> None:
        self._session, self._midi = session, midi
        known = preset if preset in preset_names() else AS_STARTED
        self._preset: str | None = known  # None: figures of the user's own
        self._started = known, session.setup.card or CardModel()
        self._other = other
        self._mirror_failed = self._lost_said = False
        self._xrun_said = -session.rate
        self._complained = 0
        self.writable = writable
        self._browser: Browser | None = None
        self._happened: deque[Happened] = deque(maxlen=_KEPT)
        self._seen = (0, 0.0, session.live.report().xruns)  # frame, busy ms, xruns

    # what there is

    @property
    def card_path(self) -> Path:
        """The card that is in."""
        return self._session.card

    @property
    def project(self) -> str | None:
        """The project that was asked for."""
        return self._session.setup.project

    @property
    def setup(self) -> Setup:
        """What was asked for, and changed since."""
        return self._session.setup

    @property
    def profile(self) -> Profile:
        """The device's."""
        return self._session.board.profile

    @property
    def boot(self) -> BootResult:
        """What is on the pads."""
        return self._session.samples.booted

    @property
    def generation(self) -> int:
        """See `sim.panel.port.Session.generation`."""
        return self._session.generation

    def about(self) -> Mapping[str, Any]:
        """See `sim.panel.port.Session.about`."""
        session = self._session
        cards = [session.card.name] + ([self._other.name] if self._other else [])
        return {
            "bank": session.machine.player.bank,
            "rate": session.rate,
            "block": session.block,
            "audio": {"backend": session.backend.name, "device": session.backend.device},
            "ram": session.engine.config.pool_bytes,
            "ram_range": list(RAM_RANGE),
            "preset": self._preset,
            "presets": list(preset_names()),
            "timing": _figures(session.setup.card or CardModel()),
            "cards": cards,
            "mirror": session.board.mirror is not None,
            "faults": True,
            **self._midi.about(),
        }

    def modes(self, bank: int, pad: int) -> Mapping[str, bool]:
        """See `sim.panel.port.Session.modes`."""
        found = self._pad(bank, pad)
        card = modes_of(PadSettings() if found is None else found.settings)
        tag = self._session.machine.player.tags.tag(bank, pad)
        pinned = found is not None and found.sample.path in self._session.samples.pinned
        return {**card, **self._session.hands.modes.of(tag), "pin": pinned}

    def _pad(self, bank: int, pad: int) -> Pad | None:
        letter = self._session.machine.player.tags.banks[bank]
        pads = self.boot.catalogue.pads
        return next((one for one in pads if (one.bank, one.pad) == (letter, pad)), None)

    def status(self) -> dict[str, Any]:
        """The status document."""
        return status_document(self._session)

    def now(self) -> int:
        """The session's clock."""
        return self._session.frame

    def look(self) -> Look:
        """See `sim.panel.port.Session.look`."""
        session = self._session
        seen, observer = session.look(), session.observer
        report = session.live.report()
        if session.lost and not self._lost_said:
            self._lost_said = True
            self._say("note", session.lost)
        for text in session.complaints[self._complained :]:
            self._complained += 1
            self._say("note", text)
        happened = [*_taken(self._happened), *self._alerts(), *self._xruns(seen.frame, report.xruns)]
        return Look(
            frame=seen.frame,
            states=seen.voices,
            levels=observer.take_levels(),
            metrics={**observer.values(), **self._midi.metrics()},
            audio={
                "xruns": report.xruns,
                "late_blocks": report.late_blocks,
                "frames_lost": report.frames_lost,
                "p50": report.p50_us,
                "p99": report.p99_us,
                "p999": report.p999_us,
            },
            card=self._card(seen.frame, seen.counters.busy_ms),
            latency_ms=latency_ms(session),
            alert=self._alert(),
            happened=happened,
            underruns=_taken(observer.underruns),
            loaded=session.samples.loaded(),
            others={
                "bank": session.machine.player.bank,
                "midi": self._midi.status(),
                "recording": self._recording(),
                **self._midi.state(),
            },
        )

    def _card(self, frame: int, busy_ms: float) -> dict[str, Any]:
        session, (before, busy_before, xruns) = self._session, self._seen
        passed_ms = (frame - before) * 1000 / session.rate
        if passed_ms > 0:
            self._seen = (frame, busy_ms, xruns)
            self._busy = min(1.0, max(0.0, (busy_ms - busy_before) / passed_ms))
        mirror = session.board.mirror is not None
        return {
            "in": not session.troubles.out,
            "name": session.card.name,
            "preset": self._preset,
            "busy": round(self._busy, 3),
            "mirror": ("failed" if self._mirror_failed else "ready") if mirror else "none",
        }

    _busy = 0.0

    def _alert(self) -> Mapping[str, Any] | None:
        alert = self._session.look().alert
        if alert is None:
            return None
        return {
            "frame": self._session.machine.base + alert.frame,
            "cause": alert.trouble.value,
            "text": alert.text,
            "advice": alert.advice,
            "heard": alert.heard,
        }

    def _alerts(self) -> list[Happened]:
        return [Happened(one.frame, "alert", one.text) for one in _taken(self._session.observer.alerts)]

    def _xruns(self, frame: int, xruns: int) -> list[Happened]:
        """Once a second at most: a busy machine has many."""
        before, busy, seen = self._seen
        if xruns == seen or 0 <= frame - self._xrun_said < self._session.rate:
            return []
        self._seen, self._xrun_said = (before, busy, xruns), frame
        times = "once" if xruns == seen + 1 else f"{xruns - seen} times"
        return [Happened(frame, "xrun", f"the audio server was not served in time, {times}")]

    def _recording(self) -> dict[str, Any] | None:
        wanted = self._session.recording
        if wanted.wav is None and wanted.midi is None:
            return None
        return {
            "audio": None if wanted.wav is None else wanted.wav.name,
            "midi": None if wanted.midi is None else wanted.midi.name,
        }

    def listen(self, taker: AudioTaker) -> Callable[[], None]:
        """See `sim.panel.port.Session.listen`."""
        self._session.listen(taker)
        return lambda: self._session.stop_listening(taker)

    # what is done

    def press(self, bank: int, pad: int, velocity: int) -> None:
        """A pad is pressed."""
        self._session.hands.press(bank, pad, velocity)

    def release(self, bank: int, pad: int) -> None:
        """And let go."""
        self._session.hands.release(bank, pad)

    def choose_bank(self, bank: int) -> None:
        """Make a bank the current one."""
        self._session.samples.choose_bank(bank)

    def knob(self, name: str, value: float) -> None:
        """Turn a knob, 0 to 1."""
        self._midi.knob(name, value)

    def mode(self, bank: int, pad: int, name: str, on: bool) -> None:
        """Switch something of a pad."""
        if name == "pin":
            found = self._pad(bank, pad)
            if found is None:
                raise RefusedError("there is no sample on that pad to keep in RAM")
            self._session.samples.pin(found.sample.path, on=on)
        else:
            self._session.hands.switch(bank, pad, name, on=on)
        self._session.generation += 1

    def panic(self) -> None:
        """Everything falls silent."""
        self._midi.panic()

    def transport(self, do: str) -> None:
        """Start, stop or continue."""
        self._midi.transport(do)

    def tempo(self, bpm: float) -> None:
        """Quarter notes a minute."""
        self._midi.tempo(bpm)

    def midi(self, message: bytes) -> None:
        """A message as from a port."""
        self._midi.message(message)

    def learn(self, target: Mapping[str, Any] | None) -> None:
        """Bind what comes next."""
        self._midi.learn(target)

    def forget(self, target: Mapping[str, Any]) -> None:
        """Bind it no more."""
        self._midi.forget(target)

    def fault(self, do: str, *, ms: float = 200.0, path: str | None = None, times: int = 1) -> None:
        """One of the panel's buttons."""
        session = self._session
        if do not in _FAULTS:
            raise RefusedError(f"{do!r} is no fault; there are {', '.join(_FAULTS)}")
        if do == "swap":
            self._swap()
        elif do == "mirror":
            if session.board.mirror is None:
                raise RefusedError("there is no mirror card; start again with --mirror")
            self._mirror_failed = not self._mirror_failed
            session.troubles.fault("pull" if self._mirror_failed else "insert", on_mirror=True)
            self._say("fault", "the mirror card " + ("fails" if self._mirror_failed else "is back"))
        else:
            session.troubles.fault(do, ms=ms, path=path, times=times)
            self._say("fault", _said(do, ms, path, times))

    def _swap(self) -> None:
        if self._other is None:
            raise RefusedError("there is no other card to swap for; start again with --swap")
        other, self._other = self._other, self._session.card
        try:
            gap = self._session.troubles.swap(other)
        except BaseException:
            self._other = other
            raise
        self._rebuilt(f"{other.name} was put in", gap)

    def setting(self, *, ram: int | None = None, card: str | Mapping[str, float] | None = None) -> None:
        """Rebuild the device."""
        if ram is None and card is None:
            raise RefusedError("say what is to be other: the RAM, or the card")
        least, most = RAM_RANGE
        if ram is not None and not least <= ram <= most:
            raise RefusedError(f"{ram} bytes of RAM are beyond the panel's range, {least} to {most}")
        preset, model = (self._preset, None) if card is None else self._timing(card)
        gap = self._session.change(ram_bytes=ram, card=model)
        self._preset = preset
        self._rebuilt("the device was made anew", gap)

    def _timing(self, card: str | Mapping[str, float]) -> tuple[str | None, CardModel]:
        """The preset's name, where it has one, and the model: a panel names no file."""
        if not isinstance(card, str):
            made = card_model(None, card["latency_ms"], card["mb_per_s"] or None)
            return None, made or CardModel()
        if card == AS_STARTED:
            return self._started
        if card not in preset_names():
            raise RefusedError(f"there is no card preset {card!r}")
        return card, load_card(card).model

    def _rebuilt(self, what: str, gap: Gap) -> None:
        self._mirror_failed = False
        self._seen = (gap.frame, 0.0, self._seen[2])
        self._say("card", f"{what}; nothing was played for {gap.ms:.0f} ms")

    def _say(self, kind: str, text: str) -> None:
        self._happened.append(Happened(self._session.frame, kind, text))

    def audition(self, path: str | None) -> None:
        """See `sim.panel.port.Session.audition`."""
        if path is None:
            self._session.samples.audition(None)
            return
        if self._browser is None:
            self._browser = Browser(self)
        self._session.samples.audition(self._browser.sample(path))

    def card_changed(self, silence: Sequence[int]) -> None:
        """See `sim.panel.port.Session.card_changed`."""
        self._session.samples.read_pads(silence)
        self._say("card", "the card's pads were written")

    def quiet(self, tags: Sequence[int]) -> None:
        """See `sim.panel.port.Session.quiet`."""
        self._session.hands.stop(tags)

    def close(self) -> None:
        """Let go of the card."""
        if self._browser is not None:
            self._browser.close()


def _figures(model: CardModel) -> dict[str, float]:
    """What of a card's timing the panel shows: ms of a command, and MB/s (0: any)."""
    return {"latency_ms": round(model.fixed_ns / 1e6, 3), "mb_per_s": model.read_mb_per_s}


def _said(do: str, ms: float, path: str | None, times: int) -> str:
    where = "" if path is None else f" of {path}"
    return {
        "spike": f"the next command takes {ms:g} ms longer",
        "error": f"the next {times} reads{where} fail",
        "pull": "the card was taken out",
        "insert": "the card was put back",
    }[do]


def _taken(queue: deque[Any]) -> list[Any]:
    """What waits in a queue that another thread fills."""
    return [queue.popleft() for _ in range(len(queue))]
