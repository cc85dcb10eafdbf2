"""The check of a card: its volume, the boot's own admission, then everything else that can be known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from firmware.catalogue import Catalogue, Pad
from firmware.checks.layout import check_layout, mk2_projects, seen_by
from firmware.checks.names import check_names
from firmware.checks.patterns import check_patterns
from firmware.checks.tree import Tree
from firmware.checks.unnamed import unnamed_audio
from firmware.findings import Finding, Severity, for_device, found
from firmware.layouts import detect, recognise
from firmware.layouts.admitting import is_hidden, looks_like_audio
from firmware.profiles import Profile, load
from sdcard_image import open_card
from sdcard_image.types import Card, CardError, CardInfo, CardIOError
from sim.check.entries import read_tree, stored_names, unreadable
from sim.check.facts import one_each
from sim.check.files import FileCheck, refusal
from sim.check.listening import listen, pcm_bytes
from sim.check.padfiles import check_pads
from sim.check.remembering import RememberingCard
from sim.check.report import AudioFile, BankVoices, CheckReport, Options, Scene, sort
from sim.check.voices import few_voices, predict
from sim.check.volume import check_class, check_size, check_structure, kind_of, size_of

Progress = Callable[[str, float], AbstractContextManager[Callable[[float], None]]]
_OWN_REFUSALS = frozenset(("bad-index", "no-pad-entry", "card-error"))  # others are found file by file


def no_progress(title: str, total: float) -> AbstractContextManager[Callable[[float], None]]:
    """Say nothing of the progress."""
    return nullcontext(lambda amount: None)


def run_check(
    card_path: Path,
    device: str | None = None,
    options: Options | None = None,
    progress: Progress = no_progress,
) -> CheckReport:
    """Check an image, a block device or a folder for ``device`` (None: the one whose layout it carries).

    A card that does not mount still gives its volume's findings. Raises CardError only where there is nothing
    to read at all, CardIOError where the host fails, ProfileError for an unknown device.
    """
    options = options or Options()
    card_path = Path(card_path)
    kind = kind_of(card_path)
    asked = load(device) if device else None
    findings = list(check_structure(card_path)) if kind != "folder" else []
    try:
        card = RememberingCard(open_card(card_path))
    except CardIOError:
        raise
    except CardError as error:
        if not any(one.severity is Severity.ERROR for one in findings):
            findings.append(found("card-error", str(error)))
        profile = asked or load("generic")
        if kind != "folder":
            findings += check_class(size_of(card_path), profile)
        settled = _settled(findings, profile, options)
        return CheckReport(str(card_path), kind, profile, asked is None, options, settled)
    try:
        profile = asked or load(_detected(card))
        checking = _Checking(card, profile, options, progress, card_path if kind == "folder" else None)
        if kind != "folder":
            findings += check_class(size_of(card_path), profile)
        findings += checking.everything()
    finally:
        card.close()
    return CheckReport(
        str(card_path),
        kind,
        profile,
        asked is None,
        options,
        _settled(findings, profile, options),
        checking.info,
        tuple(checking.scenes),
        tuple(checking.audio),
        tuple(checking.voices),
    )


def _settled(findings: list[Finding], profile: Profile, options: Options) -> tuple[Finding, ...]:
    """Each fact once, in the words for the device, and in order."""
    worded = (for_device(one, profile.name) for one in one_each(findings))
    return sort(worded, strict=options.strict)


def _detected(card: Card) -> str:
    try:
        return detect(card)
    except CardError:
        return "generic"


class _Checking:
    """One check while it runs."""

    def __init__(
        self, card: Card, profile: Profile, options: Options, progress: Progress, host: Path | None
    ) -> None:
        self._card, self._profile, self._options = card, profile, options
        self._progress, self._host = progress, host
        self.info: CardInfo | None = None
        self.scenes: list[Scene] = []
        self.audio: list[AudioFile] = []
        self.voices: list[BankVoices] = []

    def everything(self) -> Iterator[Finding]:
        """All findings but those on the volume's structure, in no order."""
        tree, problems = read_tree(self._card)
        yield from problems
        yield from self._sizes()
        yield from check_layout(tree, self._profile)
        yield from check_names(stored_names(tree, self._host), self._profile)
        yield from self._boots(tree)
        pads = self._pads()
        names = {path: played[0][0] for path, played in pads.items()}
        files = FileCheck(self._card, self._profile, names, strict=self._options.strict)
        seen = seen_by(tree, self._profile)
        there = [e for e in tree.entries if not e.is_dir and not is_hidden(e.name) and seen(e)]
        wanted = [e for e in there if looks_like_audio(e)]
        with self._progress("headers", len(wanted)) as advance:
            for entry in wanted:
                self.audio.append(files.judge(entry))
                advance(1)
        yield from files.findings
        yield from unnamed_audio((e for e in there if not looks_like_audio(e)), self._read)
        yield from check_pads(self._card, tree, self._profile, files.headers)
        yield from check_patterns(tree, self._profile, self._read)
        if not self._options.quick:
            yield from self._listen(pads)
            yield from self._predict()

    def _read(self, path: str, offset: int, n: int) -> bytes | None:
        """Bytes of a file; None where the card's own findings say that it cannot be read."""
        try:
            return self._card.read(path, offset, n)
        except CardError:
            return None

    def _sizes(self) -> Iterator[Finding]:
        try:
            self.info = self._card.info()
        except CardError:
            return  # a broken chain, which the volume's findings name
        yield from check_size(self._card, self.info, self._profile)

    def _boots(self, tree: Tree) -> Iterator[Finding]:
        """Every project's boot, and what a layout itself refuses."""
        projects: list[str | None] = [None]
        if self._profile.value("card.layout") == "sp404mk2":
            own: list[str] = mk2_projects(tree)
            projects = [*own, *(["IMPORT"] if tree.has_folder("/IMPORT") else [])] or [None]
        for project in projects:
            try:
                made = recognise(self._card, self._profile, project)
            except CardError as error:
                yield unreadable(error, project or "/")
                continue
            if made.pads or made.refused or len(projects) == 1:
                self.scenes.append(Scene(project if project and len(projects) > 1 else "", made))
            yield from self._layout_refusals(made)

    def _layout_refusals(self, made: Catalogue) -> Iterator[Finding]:
        for one in made.refused:
            if one.id in _OWN_REFUSALS:
                pad = f"{one.bank}{one.pad}" if one.pad else ""
                yield refusal(one.id, one.reason, one.mark, path=one.path, pad=pad, profile=self._profile)

    def _pads(self) -> dict[str, list[tuple[str, Pad | None]]]:
        """The pads by the path that they play or would play; no Pad where the file was refused."""
        pads: dict[str, list[tuple[str, Pad | None]]] = {}
        for scene in self.scenes:
            for pad in scene.catalogue.pads:
                pads.setdefault(pad.sample.path, []).append((f"{pad.bank}{pad.pad}", pad))
            for one in scene.catalogue.refused:
                if one.pad:
                    pads.setdefault(one.path, []).append((f"{one.bank}{one.pad}", None))
        return pads

    def _listen(self, pads: dict[str, list[tuple[str, Pad | None]]]) -> Iterator[Finding]:
        samples = [one.sample for one in self.audio if one.sample is not None]
        playing = {
            path: [(name, pad) for name, pad in played if pad is not None] for path, played in pads.items()
        }
        with self._progress("listening", sum(map(pcm_bytes, samples))) as advance:
            yield from listen(self._card, samples, playing, advance)

    def _predict(self) -> Iterator[Finding]:
        extents = {
            one.entry.path: [(run.offset, run.length) for run in one.extents]
            for one in self.audio
            if one.sample is not None and one.accepted
        }
        timing = self._options.timing
        for one in predict(self.scenes, extents, self._profile, timing):
            self.voices.append(one)
            yield from few_voices(one, self._profile, timing)
