"""The user's settings: one small file, which is always either the old one or the new one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import platformdirs

_MOST_BYTES = 1 << 20


def settings_path() -> Path:
    """Where the file is: ``$BENCHPAD_SETTINGS``, or the place that this system has for such files."""
    named = os.environ.get("BENCHPAD_SETTINGS")
    return Path(named) if named else platformdirs.user_config_path("benchpad", False) / "settings.json"


class Settings:
    """What the file says: JSON values by name. ``note`` is a sentence where it could not be read, or "".

    A file that is no settings file is put aside under another name, and nothing is lost.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note = ""
        self.values = self._read()

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.note = f"{self.path}: the settings cannot be read ({error.strerror}); going on without"
            return {}
        try:
            if len(data) > _MOST_BYTES:
                raise ValueError("larger than any settings")
            values = json.loads(data)
            if not isinstance(values, dict):
                raise ValueError("not an object")
        except (ValueError, RecursionError) as error:
            self._put_aside(str(error))
            return {}
        return values

    def _put_aside(self, why: str) -> None:
        aside = next(
            path
            for number in range(1, 10_000)
            if not (path := self.path.with_name(f"{self.path.name}.broken-{number}")).exists()
        )
        try:
            os.rename(self.path, aside)
        except OSError as error:
            self.note = f"{self.path}: no settings ({why}), and it cannot be put aside ({error.strerror})"
        else:
            self.note = f"{self.path}: no settings ({why}); it is kept as {aside.name}, and new ones begin"

    def save(self) -> None:
        """Write them. OSError where that is not possible; the file is then as it was."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(self.values, file, indent=2, sort_keys=True, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(self.path.parent)


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a power cut as well."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
