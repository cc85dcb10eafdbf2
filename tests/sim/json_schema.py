"""The schema of the check's JSON document, and as much of JSON Schema as it takes to judge by it."""

from __future__ import annotations

import json
import re
from pathlib import Path

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "check.schema.json").read_text("utf-8"))
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
KNOWN = {
    "$schema",
    "additionalProperties",
    "description",
    "enum",
    "items",
    "minimum",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
}


def words(schema: dict) -> set[str]:
    """The words of JSON Schema that a schema uses."""
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return set(schema).union(*(words(one) for one in inner if isinstance(one, dict)))


def violations(value: object, schema: dict, where: str = "") -> list[str]:
    """What in a value is not as the schema says, for the words of JSON Schema that ours uses."""
    found = []
    types = schema.get("type", [])
    kinds = tuple(
        (int, float) if t == "number" else TYPES[t] for t in ([types] if isinstance(types, str) else types)
    )
    if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        return [f"{where}: {value!r} is not {types}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is not one of {schema['enum']}")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{where}: {value!r} is not like {schema['pattern']}")
    if isinstance(value, int) and value < schema.get("minimum", value):
        found.append(f"{where}: {value} is below {schema['minimum']}")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{where}: no {name}" for name in schema.get("required", []) if name not in value]
        if schema.get("additionalProperties") is False:
            found += [f"{where}: {name} is too many" for name in value if name not in known]
        others = schema.get("additionalProperties")
        for name, inner in value.items():
            below = known.get(name, others if isinstance(others, dict) else {})
            found += violations(inner, below, f"{where}/{name}")
    if isinstance(value, list):
        for n, inner in enumerate(value):
            found += violations(inner, schema.get("items", {}), f"{where}/{n}")
    return found
