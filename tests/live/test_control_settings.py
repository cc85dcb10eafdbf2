"""The settings file: whole or as it was, and never lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.control.settings import Settings, settings_path


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "some" / "folder" / "settings.json"
    first = Settings(path)
    assert (first.values, first.note) == ({}, "")
    first.values["midi"] = {
        "velocity_curve": "linear",
        "bindings": {"generic": {"pad A1": "channel 1 note 3"}},
    }
    first.save()
    again = Settings(path)
    assert (again.values, again.note) == (first.values, "")
    assert os.listdir(path.parent) == ["settings.json"]


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff\xfe", b"{" * 100_000, b'"' + b"x" * (1 << 20) + b'"'])
def test_a_broken_file_is_said_once_and_kept_aside(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(data)
    first = Settings(path)
    assert first.values == {}
    assert "settings.json.broken-1" in first.note
    assert "\n" not in first.note
    assert (tmp_path / "settings.json.broken-1").read_bytes() == data
    path.write_bytes(data)
    assert "broken-2" in Settings(path).note
    assert Settings(path).note == ""


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_are_put_aside(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("settings") / "settings.json"
    path.write_bytes(data)
    settings = Settings(path)
    assert path.exists() is not bool(settings.note)


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    settings.values["a"] = 1
    settings.save()

    def no_room(handle: int) -> None:
        raise OSError(28, "No space left on device")

    settings.values["a"] = 2
    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(OSError, match="No space"):
        settings.save()
    assert json.loads(path.read_bytes()) == {"a": 1}
    assert os.listdir(tmp_path) == ["settings.json"]


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHPAD_SETTINGS", "/somewhere/else.json")
    assert settings_path() == Path("/somewhere/else.json")
    monkeypatch.delenv("BENCHPAD_SETTINGS")
    assert settings_path().name == "settings.json"
    assert "benchpad" in str(settings_path()).lower()
