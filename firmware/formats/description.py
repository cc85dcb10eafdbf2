"""What a device file says, field by field, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name as in docs/device-facts.md, its value as stored, and what that means."""

    name: str
    value: Any
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One of many alike, such as a pad. ``shown`` is its line for people; empty: not worth one."""

    values: dict[str, Any]
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """A file explained. ``kind`` is stable, for programs; ``rows`` are under the name ``rows_name``."""

    kind: str
    title: str
    fields: tuple[Field, ...] = ()
    rows_name: str = ""
    rows: tuple[Row, ...] = ()
    remarks: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The description as JSON values: ``kind``, the fields by name, the rows, and ``remarks``."""
        made: dict[str, Any] = {"kind": self.kind}
        made |= {field.name: field.value for field in self.fields}
        if self.rows_name:
            made[self.rows_name] = [row.values for row in self.rows]
        return made | {"remarks": list(self.remarks)}


def on_off(value: int) -> str:
    """A flag in words."""
    return {0: "off", 1: "on"}.get(value, "neither 0 nor 1")


def one_of(value: int, *names: str) -> str:
    """The name of a value, counted from 0."""
    return names[value] if 0 <= value < len(names) else "not known"


def unknown(words: dict[str, int]) -> Field:
    """Words whose meaning is not known, by name, with their values."""
    return Field("unknown", words, "meaning not known")
