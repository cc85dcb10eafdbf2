"""A check's report as JUnit XML: a test case for each file or place, failed where it has an error."""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree import ElementTree as ET

from firmware.findings import GROUPS, Finding, Severity, catalogue
from sim.check.report import CheckReport

# What XML 1.0 cannot hold at all.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: CheckReport) -> bytes:
    """The XML document. Errors are failures; warnings and notes stand in a passed case's output."""
    cases: dict[str, dict[str, list[Finding]]] = {group: defaultdict(list) for group in GROUPS}
    for one in report.audio:
        cases["audio"][one.entry.path] = []
    for found in report.findings:
        cases[catalogue()[found.id].group][found.path or report.card].append(found)
    top = ET.Element("testsuites", name="benchpad check")
    for group, by_path in cases.items():
        _suite(top, group, by_path)
    for name in ("tests", "failures"):
        top.set(name, str(sum(int(suite.get(name, "0")) for suite in top)))
    ET.indent(top)
    document: bytes = ET.tostring(top, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(top: ET.Element, group: str, by_path: dict[str, list[Finding]]) -> None:
    suite = ET.SubElement(top, "testsuite", name=group)
    failures = 0
    for path, findings in by_path.items() or [("", [])]:
        case = ET.SubElement(suite, "testcase", classname=f"benchpad.{group}", name=legal(path or group))
        errors = [one for one in findings if one.severity is Severity.ERROR]
        others = [one for one in findings if one.severity is not Severity.ERROR]
        if errors:
            failures += 1
            message = "; ".join(f"{one.id}: {one.what}" for one in errors[:3])
            failure = ET.SubElement(case, "failure", type=errors[0].id, message=legal(message))
            failure.text = legal("\n".join(map(_line, errors)))
        if others:
            ET.SubElement(case, "system-out").text = legal("\n".join(map(_line, others)))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")


def legal(text: str) -> str:
    """Text with what XML cannot hold shown escaped."""
    return _ILLEGAL.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), text)


def _line(one: Finding) -> str:
    pad = f" (pad {one.pad})" if one.pad else ""
    return f"{one.severity} {one.id}{pad}: {one.what}. {one.why} To do: {one.fix}"
