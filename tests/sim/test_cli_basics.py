"""The command line itself: overview, exit statuses, sizes, text from elsewhere."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import mido
import pytest
from click.testing import CliRunner

from firmware import profiles
from sdcard_image.types import CardError, CardIOError
from sim import cli as cli_module
from sim.cli import COMMANDS, cli
from sim.cli.common import SIZE, human_size, print_json, printable
from sim.cli.errors import exit_status, guarded, sentence
from sim.errors import InputError


def failing(error: BaseException) -> click.Command:
    @click.command()
    def fails() -> None:
        with guarded():
            raise error

    return fails


def commands(group: click.Group, *names: str) -> Iterator[tuple[list[str], click.Command]]:
    """Every command below a group, with what is typed to reach it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield [*names, name], command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


def test_every_command_has_help_with_an_example_and_json():
    found = list(commands(cli))
    assert {typed[0] for typed, _ in found} == set(COMMANDS)
    for typed, command in found:
        result = CliRunner().invoke(cli, [*typed, "--help"])
        assert result.exit_code == 0
        assert f"Example: benchpad {' '.join(typed)}" in " ".join(result.output.split()), typed
        assert isinstance(command, click.Group) or "--json" in result.output, typed


def test_the_overview_imports_no_command():
    code = "import sys; from sim.cli import cli; cli(['--help'], standalone_mode=False);"
    code += "sys.exit(any(name in sys.modules for name in ('numpy', 'rich', 'mido', 'sim.cli.boot')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_version():
    result = CliRunner().invoke(cli, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("benchpad, version 0.")


def test_an_unknown_command_or_option_is_bad_usage():
    for arguments in (["bot"], ["boot"], ["render", "x", "--midi", "y", "--bits", "12"]):
        assert CliRunner().invoke(cli, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("no"), 2),
        (CardError("not FAT32"), 2),
        (FileNotFoundError(2, "No such file or directory", "x"), 2),
        (CardIOError("card full"), 3),
        (PermissionError(13, "Permission denied", "x"), 3),
        (KeyboardInterrupt(), 130),
        (MemoryError(), 3),
        (BrokenPipeError(), 0),
    ],
)
def test_known_failures_are_one_sentence_and_a_status(error: BaseException, status: int):
    result = CliRunner().invoke(failing(error))
    assert result.exit_code == status
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == (0 if isinstance(error, BrokenPipeError) else 1)


def test_a_reader_that_stops_reading_is_no_failure(tmp_path):
    (tmp_path / "A").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "sim", "boot", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate()
    assert (process.returncode, said) == (0, b"")


def test_an_unforeseen_error_is_not_hidden_from_tests_but_from_users(monkeypatch, capsys):
    result = CliRunner().invoke(failing(ZeroDivisionError("oops")))
    assert isinstance(result.exception, ZeroDivisionError)
    monkeypatch.setattr(cli_module, "cli", lambda **_: 1 // 0)
    monkeypatch.setattr(cli_module, "end_on_signals", lambda: None)  # this process has handlers of its own
    with pytest.raises(SystemExit) as stop:
        cli_module.main()
    assert stop.value.code == 3
    said = capsys.readouterr().err
    assert "defect of benchpad" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_while_starting_ends_it_silently(name: str):
    code = f"""
import os, signal, sys, time
class Signals:
    def find_spec(self, module, path=None, target=None):
        if module == "sim.cli":
            os.kill(os.getpid(), signal.{name})
            time.sleep(10)
sys.meta_path.insert(0, Signals())
from sim.__main__ import main
main()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (128 + signal.Signals[name], b"", b"")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_while_rendering_leaves_no_part_of_a_file(tmp_path: Path, name: str):
    out, midi = tmp_path / "out", tmp_path / "song.mid"
    (tmp_path / "kit" / "A").mkdir(parents=True)
    out.mkdir()
    mido.MidiFile(tracks=[mido.MidiTrack([mido.Message("note_on", note=36)])]).save(midi)
    typed = ["render", str(tmp_path / "kit"), "--midi", str(midi), "-o", str(out / "x.wav")]
    process = subprocess.Popen(
        [sys.executable, "-m", "sim", *typed, "--seconds", "86400", "--block", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(path.stat().st_size > 1000 for path in out.iterdir()):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.Signals[name])
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 128 + signal.Signals[name]
    assert said == f"benchpad: {'interrupted' if name == 'SIGINT' else f'ended by {name}'}\n"
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "typed",
    [
        ["boot", ""],
        ["render", "", "--midi", "x.mid"],
        ["render", "x.img", "--midi", ""],
        ["render", "x.img", "--midi", "x.mid", "-o", ""],
        ["card", "ls", ""],
        ["card", "new", ""],
        ["card", "new", "x.img", "--from", ""],
        ["card", "put", "x.img", "", "/"],
        ["card", "get", "x.img", "/a", "-o", ""],
        ["demo", "--out", ""],
    ],
    ids=" ".join,
)
def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch, typed: list[str]):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, typed)
    assert result.exit_code == 2
    assert "the path is empty" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_profile_can_be_asked_for():
    for command in ("boot", "render"):
        found = cli.get_command(click.Context(cli), command)
        assert found is not None
        device = next(option for option in found.params if option.name == "device")
        assert isinstance(device.type, click.Choice)
        assert sorted(device.type.choices) == profiles.names()


def test_sentences():
    assert (
        sentence(FileNotFoundError(2, "No such file or directory", "a.img"))
        == "a.img: no such file or directory"
    )
    assert sentence(CardError("two\nlines")) == "two lines"
    assert exit_status(ValueError("x")) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("32K", 32_768),
        ("8m", 8 << 20),
        ("2G", 2 << 30),
        ("2GiB", 2 << 30),
        ("1.5K", 1_536),
    ],
)
def test_sizes(text: str, size: int):
    assert SIZE.convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "-1", "2X", "1.3", "9" * 25, "1e9", "2049T", "nan", "G", "1.0001K"])
def test_what_is_no_size(text: str):
    with pytest.raises(click.BadParameter):
        SIZE.convert(text, None, None)


def test_human_sizes():
    assert [human_size(size) for size in (0, 1023, 1536, 5 << 30, 3 << 40)] == [
        "0 bytes",
        "1023 bytes",
        "1.5 KiB",
        "5.0 GiB",
        "3.0 TiB",
    ]


def test_text_from_elsewhere_cannot_command_the_terminal():
    assert printable("Bässe \u266b") == "Bässe \u266b"
    assert printable("a\x1b[31m\n\u202e") == "a\\x1b[31m\\n\\u202e"


def test_json_is_ascii(capsys):
    print_json({"name": "Bässe \ud800"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"name": "Bässe \\ud800"}  # spelt out: strict parsers refuse half a pair
