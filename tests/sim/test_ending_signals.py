"""A signal that asks to end is never lost in a library that calls back, and nothing half-decoded is used."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

RATE = 96_000
INSIDE = """
import io, os, signal, sys
from librarian.decode import open_audio
from librarian.holding import held
from sim.cli.errors import end_on_signals

class Stream(io.BytesIO):
    left = 0
    def read(self, size=-1):
        Stream.left -= 1
        if Stream.left == 0:
            os.kill(os.getpid(), int(sys.argv[2]))
        return super().read(size)

if sys.argv[3] == "ours":
    end_on_signals()
data = open(sys.argv[1], "rb").read()
lost = 0
for moment in range(1, 60):
    Stream.left = moment
    try:
        with open_audio(Stream(data), len(data)) as audio:
            for block in audio.blocks("int32"):
                pass
    except KeyboardInterrupt:
        held.clear()
    else:
        lost += Stream.left <= 0
print("lost", lost)
"""


@pytest.fixture(scope="module")
def long_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("long") / "big.flac"
    rng = np.random.default_rng(3)
    sf.write(path, rng.uniform(-0.5, 0.5, (RATE * 200, 2)), RATE, "PCM_16")
    return path


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", *arguments], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("signum", "handler"),
    [(signal.SIGINT, "ours"), (signal.SIGTERM, "ours"), (signal.SIGHUP, "ours"), (signal.SIGINT, "python's")],
)
def test_a_signal_within_every_read_that_the_library_asks_for_ends_the_decoding(tmp_path, signum, handler):
    path = tmp_path / "short.flac"
    sf.write(path, np.random.default_rng(4).uniform(-0.5, 0.5, 300_000), RATE, "PCM_16")

    done = _python(INSIDE, str(path), str(int(signum)), handler)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "lost 0\n"
    assert done.stderr == ""


COMMANDS = {
    "convert": ["convert", "{file}", "-o", "{out}", "--device", "sp404sx"],
    "export": ["export", "--device", "sp404sx", "--from", "{folder}", "-o", "{out}.img"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_command_that_is_ended_while_it_decodes_writes_nothing(tmp_path, long_file, command, name):
    out = tmp_path / "work" / "out"
    out.parent.mkdir()
    words = [part.format(file=long_file, folder=long_file.parent, out=out) for part in COMMANDS[command]]
    signum = getattr(signal, name)
    for moment in range(2):
        run = subprocess.Popen(
            [sys.executable, "-m", "sim", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        _wait_for_part(out.parent, run)
        time.sleep(0.15 * moment)
        assert run.poll() is None, run.communicate()
        run.send_signal(signum)
        _, said = run.communicate(timeout=60)
        assert run.returncode == 128 + signum, (moment, said)
        assert "ignored" not in said
        assert not [path for path in out.parent.rglob("*") if path.is_file()]


def _wait_for_part(folder: Path, run: subprocess.Popen[str]) -> None:
    """Until the command has begun to write, in a file that has not its name yet."""
    for _ in range(2_000):
        if any(path.is_file() for path in folder.rglob("*")) or run.poll() is not None:
            return
        time.sleep(0.01)
    raise AssertionError("nothing was written in 20 s")


def test_a_second_signal_is_heard_where_the_first_was_lost():
    code = """
import os, signal
from sim.cli.errors import Ended, end_on_signals

end_on_signals()

class Careless:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

import sys
sys.unraisablehook = lambda lost: None
one = Careless()
del one
try:
    os.kill(os.getpid(), signal.SIGTERM)
except Ended:
    try:
        raise ValueError("while all is unwound")
    except ValueError:
        os.kill(os.getpid(), signal.SIGTERM)  # is not to cut that short
    print("ended")
"""
    assert _python(code).stdout == "ended\n"


def test_a_signal_while_a_module_is_imported_ends_the_command_soon_after(tmp_path):
    (tmp_path / "careless.py").write_text(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException:\n    pass\n"
    )
    code = f"""
import sys, time
sys.path.insert(0, {str(tmp_path)!r})
from sim.cli.errors import Ended, end_on_signals
end_on_signals()
import careless
try:
    time.sleep(20)
except Ended:
    print("ended")
"""
    assert _python(code).stdout == "ended\n"
