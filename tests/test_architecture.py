"""The table of docs/design.md, enforced: which folder may import what."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("native", "sdcard_image", "firmware", "librarian", "sim")

# What each folder may import of ours: a name allows the module and those below it, "=name" it alone.
MAY_IMPORT = {
    "native": ["native"],
    "sdcard_image": ["sdcard_image"],
    "firmware": ["firmware", "=native", "native.types", "sdcard_image.types"],
    "librarian": [
        "librarian",
        "sdcard_image",
        "firmware.formats",
        "firmware.profiles",
        "firmware.admission",
        "firmware.catalogue",
        "firmware.checks",  # a card is corrected by what the check finds
        "firmware.findings",
        "firmware.layouts",
        "firmware.midi",  # which key plays which pad: patterns are made from what would be played
        "firmware.index",
    ],
    "sim": ["sim", "firmware", "librarian", "=native", "native.types", "sdcard_image"],
}
# The device reaches the world only through its ports: no clock, thread, socket, chance or file of its own.
NOT_IN_FIRMWARE = frozenset(
    {
        "asyncio",
        "concurrent",
        "glob",
        "multiprocessing",
        "os",
        "pathlib",
        "queue",
        "random",
        "secrets",
        "select",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "uuid",
    }
)
# Wall clock and chance come from outside everywhere below the bench.
NOT_BELOW_THE_BENCH = frozenset({"random", "secrets", "time", "uuid"})


def imports(source: str, module: str, is_package: bool) -> set[str]:
    """Every module that ``source`` imports, wherever the statement stands, as absolute names.

    ``from a import b`` gives ``a`` alone if ``b`` may be a value, and ``a.b`` too where that is a module.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module if is_package else module.rpartition(".")[0]
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            submodules = {
                f"{base}.{alias.name}" for alias in node.names if _is_module(f"{base}.{alias.name}")
            }
            found |= submodules
            if len(submodules) < len(node.names):
                found.add(base)
    return found


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file() or name == "native._native"


def forbidden(source: str, module: str, is_package: bool = False) -> set[str]:
    """The imports of ``source`` that the house does not allow to ``module``."""
    folder = module.split(".", maxsplit=1)[0]
    bad = set()
    for name in imports(source, module, is_package):
        top = name.split(".")[0]
        if top in HOUSE and not any(_allows(rule, name) for rule in MAY_IMPORT[folder]):
            bad.add(name)
        if name.startswith("native._native") and folder != "native":
            bad.add(name)
        if folder == "firmware" and top in NOT_IN_FIRMWARE:
            bad.add(name)
        if folder in ("native", "sdcard_image", "firmware") and top in NOT_BELOW_THE_BENCH:
            bad.add(name)
    return bad


def _allows(rule: str, name: str) -> bool:
    if rule.startswith("="):
        return name == rule[1:]
    return name == rule or name.startswith(rule + ".")


def modules() -> list[Path]:
    return [path for folder in HOUSE for path in sorted((ROOT / folder).rglob("*.py"))]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_imports_keep_to_the_table(path: Path):
    source = path.read_text("utf-8")
    bad = forbidden(source, module_name(path), path.name == "__init__.py")
    assert not bad, f"{module_name(path)} may not import {', '.join(sorted(bad))}"


@pytest.mark.parametrize(
    "path", [p for p in modules() if p.parts[len(ROOT.parts)] == "firmware"], ids=module_name
)
def test_firmware_opens_no_file(path: Path):
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    assert not [c.lineno for c in calls if isinstance(c.func, ast.Name) and c.func.id in ("open", "input")]


@pytest.mark.parametrize(
    ("source", "module", "bad"),
    [
        ("import firmware.midi", "native.engine", {"firmware.midi"}),
        ("from sim import midifile", "firmware.boot", {"sim.midifile"}),
        ("from sdcard_image.build import build_image", "firmware.boot", {"sdcard_image.build"}),
        ("from native._native import lib", "sim.board", {"native._native"}),
        ("from native import _native", "sim.board", {"native._native"}),
        ("def f():\n    import time", "firmware.boot", {"time"}),
        ("from os.path import join", "firmware.boot", {"os.path"}),
        ("import random", "sdcard_image.build", {"random"}),
        ("from ..sim import midifile", "firmware.boot", {"sim.midifile"}),
        ("from firmware.player import Player", "librarian.store", {"firmware.player"}),
        ("from . import types\nfrom ._native import lib", "native.engine", set()),
        ("from native import Engine\nfrom native.types import Start\nimport time", "sim.board", set()),
        ("from sdcard_image.types import Card", "firmware.boot", set()),
        ("from firmware.formats import FormatError", "librarian.store", set()),
    ],
)
def test_the_check_sees(source: str, module: str, bad: set[str]):
    assert forbidden(source, module) == bad
