"""What every test may use: outside tools and real device files, found or skipped with a reason."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def require_tool(name: str) -> str:
    """Path of an outside tool. Where it is absent the test skips; under CI it fails."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found:
        return found
    reason = f"{name} is not installed"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def fixtures_dir() -> Path:
    """Folder of real device files: ``$BENCHPAD_FIXTURES``, or ``../shared/fixtures`` beside the checkout."""
    path = Path(os.environ.get("BENCHPAD_FIXTURES", ROOT.parent / "shared" / "fixtures"))
    if not path.is_dir():
        pytest.skip(f"no real device files at {path}; set BENCHPAD_FIXTURES")
    return path


@pytest.fixture(name="require_tool", scope="session")
def _require_tool():
    return require_tool


@pytest.fixture(scope="session")
def device_files() -> Path:
    """The folder of real device files; skips where there is none."""
    return fixtures_dir()
