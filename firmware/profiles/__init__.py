"""Device profiles: what is known of each device, as data, every fact with its confidence mark and source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


class ProfileError(Exception):
    """There is no such profile, or its file is malformed."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing believed of a device, with its confidence mark and source.

    ``mark``: V checked, R maker's manual, S one source, H heard, ? not known (the value is then the
    simulation's own choice), D decided (the generic device).
    """

    value: Any
    mark: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A device. ``facts`` keys are dotted names such as ``engine.voices``; see the TOML files."""

    name: str
    title: str
    facts: dict[str, Fact]

    def fact(self, key: str) -> Fact:
        """The fact under ``key``; ProfileError where the profile does not have it."""
        try:
            return self.facts[key]
        except KeyError:
            raise ProfileError(f"profile {self.name} has no fact {key!r}") from None

    def find(self, key: str) -> Fact | None:
        """The fact under ``key``, or None where nothing is stated."""
        return self.facts.get(key)

    def value(self, key: str) -> Any:
        """The value under ``key``; ProfileError where the profile does not have it."""
        return self.fact(key).value


def names() -> list[str]:
    """The profiles that ship with the product."""
    return sorted(
        p.name.removesuffix(".toml") for p in files(__package__).iterdir() if p.name.endswith(".toml")
    )


@cache
def load(name: str) -> Profile:
    """The profile ``name``; ProfileError with the known names where there is none."""
    if name not in names():
        raise ProfileError(f"no device profile {name!r}; known: {', '.join(names())}")
    data = tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text("utf-8"))
    facts = {
        f"{section}.{key}": Fact(item["value"], item["mark"], item.get("source", ""))
        for section, table in data.items()
        if isinstance(table, dict)
        for key, item in table.items()
    }
    return Profile(name, data["title"], facts)
