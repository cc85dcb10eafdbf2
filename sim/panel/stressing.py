"""Stress runs that the panel starts: a program of their own each, so that what plays is not disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from native import CardModel
from sim.board import Setup
from sim.cards import in_words, preset_names
from sim.cards.writing import to_toml
from sim.panel.port import RefusedError, Session

_MOST_KEPT = 8  # reports
_MOST_REPORT = 32 << 20  # bytes
_LONGEST_S = 1_800.0
_DEFAULT_SECONDS = 10.0
_CHOICES = ("schedule", "on_miss", "overload", "policy")  # of the session, by the names of the options
_NICENESS = 10  # what plays comes first


@dataclass(slots=True)
class _Run:
    number: int
    text: str
    running: bool = True
    began_s: float = field(default_factory=time.monotonic)
    page: str | None = None
    document: Any = None


class StressDesk:
    """Runs ``benchpad stress`` on a session's card and device, one at a time, and keeps the last reports."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._runs: list[_Run] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def state(self) -> dict[str, Any] | None:
        """The last run for the state; None before the first."""
        with self._lock:
            if not self._runs:
                return None
            run = self._runs[-1]
            report = {} if run.page is None else {"report": f"/api/stress/{run.number}"}
            seconds = {"seconds": int(time.monotonic() - run.began_s)} if run.running else {}
            return {"run": run.number, "running": run.running, "text": run.text, **seconds, **report}

    def page(self, number: int) -> str | None:
        """The report of a run as HTML; None where there is none."""
        with self._lock:
            return next((one.page for one in self._runs if one.number == number), None)

    def document(self, number: int) -> Any:
        """The same as JSON values."""
        with self._lock:
            return next((one.document for one in self._runs if one.number == number), None)

    def start(self, voices: int | None, seconds: float | None) -> None:
        """Begin a run. RefusedError where one is under way."""
        with self._lock:
            if self._runs and self._runs[-1].running:
                raise RefusedError("a stress run is under way; wait for it, or stop it")
            self._stopped = False
            number = self._runs[-1].number + 1 if self._runs else 1
            run = _Run(number, "the stress run is under way")
            self._runs = [*self._runs, run][-_MOST_KEPT:]
            played = self._session.setup
            command = self._command(played, voices, seconds)
            work = run, command, self._timing(played)
            self._thread = threading.Thread(target=self._work, args=work, name="benchpad stress")
            self._thread.start()

    def _command(self, played: Setup, voices: int | None, seconds: float | None) -> list[str]:
        """The run of what is played now; the card's timing is added when there is a file of it."""
        session = self._session
        most = session.profile.value("engine.voices")
        command = [sys.executable, "-m", "sim", "stress", str(session.card_path.resolve()), "--json"]
        command += ["--device", session.profile.name, "--ram", str(session.profile.value("engine.ram_bytes"))]
        command += ["--seconds", f"{_DEFAULT_SECONDS if seconds is None else seconds:g}"]
        if session.project is not None:
            command += ["--project", session.project]
        command += ["--voices", f"1..{most if voices is None else min(voices, most)}"]
        command += ["--seed", str(played.seed)]
        for name in _CHOICES:
            if (choice := getattr(played, name)) is not None:
                command += ["--" + name.replace("_", "-"), choice.name.lower()]
        return command

    def _timing(self, played: Setup) -> str | CardModel:
        """A preset by its name, which has its sources; any other card as what it is."""
        name = self._session.about().get("preset")
        return name if name in preset_names() else played.card or "ideal"

    def _work(self, run: _Run, command: list[str], card: str | CardModel) -> None:
        with tempfile.TemporaryDirectory(prefix="benchpad-stress-") as folder:
            page, timing = Path(folder) / "report.html", Path(folder) / "as-played.toml"
            made: str | None
            try:
                output = self._run([*command, *_card(card, timing), "--html", str(page)])
                document = json.loads(output)
                made = _read(page)
                text = str(document.get("sentence") or "the report is ready")
            except (OSError, ValueError, RefusedError) as error:
                document, made, text = None, None, f"the stress run failed: {error}"
        with self._lock:
            run.document, run.page = document, made
            run.text = "the stress run was stopped" if self._stopped else text
            run.running = False
            self._process = None

    def _run(self, command: list[str]) -> bytes:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
            with self._lock:
                if self._stopped:
                    raise RefusedError("it was stopped")
                self._process = process = subprocess.Popen(  # noqa: S603  our own program, no shell
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=said, cwd=_home(), env=_quiet()
                )
            _lower(process.pid)
            try:
                status = process.wait(_LONGEST_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise RefusedError("it took too long; ask for fewer seconds") from None
            said.seek(0)
            if status not in (0, 1):
                lines = said.read(10_000).decode("utf-8", "replace").strip().splitlines()
                raise RefusedError(lines[-1] if lines else f"it ended with status {status}")
            out.seek(0)
            return out.read(_MOST_REPORT)

    def stop(self) -> None:
        """End the run that is under way, if there is one."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.terminate()

    def close(self) -> None:
        """End what runs, and wait for it."""
        self.stop()
        if self._thread is not None:
            self._thread.join()


def _card(card: str | CardModel, file: Path) -> list[str]:
    """The options of a card; one that is more than two figures is written to ``file``."""
    if isinstance(card, str):
        return ["--card", card]
    latency_ms, mb_per_s = card.command_us / 1000, card.read_mb_per_s
    if card == CardModel(command_us=card.command_us, read_mb_per_s=mb_per_s):
        speed = ["--card-speed", f"{mb_per_s!r}"] if mb_per_s else []
        return ["--card-latency", f"{latency_ms!r}", *speed]
    file.write_text(to_toml(f"the card as it was played, {in_words(card)}", card, ()), "utf-8")
    return ["--card", str(file)]


def _read(page: Path) -> str:
    if page.stat().st_size > _MOST_REPORT:
        raise RefusedError("its report is too large to be shown")
    return page.read_text("utf-8")


def _home() -> Path:
    """Where ``-m sim`` finds this very program."""
    return Path(__file__).resolve().parents[2]


def _quiet() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1"}


def _lower(pid: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
    except (AttributeError, OSError):  # not on this system, or it is over already
        return
