"""The MKII's card: project folders with PADCONF.BIN and .SMP samples, and the IMPORT folder's loose audio.

The device imports from the card; here the card is played as if it were the device's own storage.
"""

from __future__ import annotations

from firmware.admission import Verdict
from firmware.catalogue import Catalogue, PadSettings, SampleInfo
from firmware.formats import FormatError, padconf, smp
from firmware.formats.padconf import PadConf, PadConfFile
from firmware.profiles import Profile
from firmware.wording import counted
from sdcard_image.types import Card, CardError, Entry

from . import generic, mk2_settings
from .admitting import Admitting, LayoutError, exists, is_hidden, some

IMPORT = "/IMPORT"
EXPORT = "/EXPORT/PROJECT"
PADCONF = "PADCONF.BIN"
_BANKS = "ABCDEFGHIJ"


def projects(card: Card) -> list[str]:
    """The paths of the card's project folders: the root itself, those exported, those to be imported."""
    found = ["/"] if exists(card, f"/{PADCONF}") else []
    for parent in (EXPORT, IMPORT):
        try:
            folders = (
                [entry.path for entry in card.listdir(parent) if entry.is_dir] if exists(card, parent) else []
            )
        except CardError:
            continue  # said by whoever reads the folder's files
        found += sorted((path for path in folders if exists(card, f"{path}/{PADCONF}")), key=str.casefold)
    return found


def recognise(card: Card, profile: Profile, project: str | None = None) -> Catalogue:
    """The catalogue of one project, or of the IMPORT folder where there is none.

    ``project`` is a project folder's name, or ``IMPORT``; without it the first project is taken. Raises
    LayoutError where the card has no such project.
    """
    found = Admitting(card, profile, "sp404mk2")
    there = projects(card)
    if project is not None and project.strip("/").upper() == "IMPORT":
        there = []
    elif project is not None:
        there = [_chosen(there, project)]
    if there:
        if len(there) > 1:
            others = some(_name(path) for path in there[1:])
            found.note(f"the card has {len(there)} projects; {_name(there[0])} is loaded, not {others}")
        _project(found, there[0])
    elif exists(card, IMPORT):
        _import(found)
    else:
        found.note(f"there is neither a project (a folder with {PADCONF}) nor a folder {IMPORT} on the card")
    return found.catalogue()


def _chosen(there: list[str], project: str) -> str:
    wanted = project.strip("/").casefold()
    for path in there:
        if wanted in (path.strip("/").casefold(), _name(path).casefold()):
            return path
    known = some(_name(path) for path in there) or "none"
    raise LayoutError(f"there is no project {project!r} on the card; there is: {known}")


def _name(path: str) -> str:
    return path.rpartition("/")[2] or "the card's root"


def _import(found: Admitting) -> None:
    own = tuple(f"{path}/" for path in projects(found.card) if path.startswith(f"{IMPORT}/"))
    files = generic.audio_below(found, IMPORT)
    files = [entry for entry in files if not entry.path.startswith(own)] if own else files
    found.note(f"{counted(len(files), 'sample')} of {IMPORT} laid on pads in name order, from A1 on [?]")
    generic.lay_in_order(found, files)


def _project(found: Admitting, folder: str) -> None:
    base = folder.rstrip("/")
    config = _config(found, f"{base}/{PADCONF}")
    samples = f"{base}/SMPL"
    listed = found.listdir(samples) if exists(found.card, samples) else []
    files = {entry.name.upper(): entry for entry in listed if not entry.is_dir}
    if config is None:
        return
    found.note(f"project {config.project_name or _name(folder)!r}: {PADCONF} version {config.version}")
    missing = []
    for number, conf in enumerate(config.pads):
        bank, pad = divmod(number, padconf.PADS_PER_BANK)
        entry = files.pop(smp.file_name(bank + 1, pad + 1), None)
        if entry is not None:
            _lay(found, entry, config, number)
        elif not conf.is_empty:
            missing.append(f"{_BANKS[bank]}{pad + 1}")
    if missing:
        found.note(f"pads dropped, as their .SMP is missing: {some(missing)} [S]")
    _note_strangers(found, samples, files)


def _config(found: Admitting, path: str) -> PadConfFile | None:
    if (data := found.bytes_of(path)) is None:
        return None
    try:
        return padconf.parse(data)
    except FormatError as error:
        found.refuse(path, Verdict(False, "bad-index", str(error), "V"))
        return None


def _lay(found: Admitting, entry: Entry, config: PadConfFile, number: int) -> None:
    bank, pad = divmod(number, padconf.PADS_PER_BANK)
    letter, conf = _BANKS[bank], config.pads[number]
    if conf.is_empty:
        reason = f"{PADCONF} says that pad {letter}{pad + 1} is empty: the device does not load the sample"
        found.refuse(entry.path, Verdict(False, "no-pad-entry", reason, "S"), letter, pad + 1)
        return
    sample = found.smp(entry, letter, pad + 1)
    if sample is None:
        return
    if conf.size_bytes != entry.size:
        found.note(
            f"{entry.path}: {PADCONF} says {conf.size_bytes:,} bytes, but it has {entry.size:,}; "
            "the file is believed [?]"
        )
    _note_unsimulated(found, conf, f"{letter}{pad + 1}")
    found.put(
        sample, letter, pad + 1, _settings(found, config, number, sample), padconf.text(config.names[number])
    )


def _settings(found: Admitting, config: PadConfFile, number: int, sample: SampleInfo) -> PadSettings:
    bank, pad = divmod(number, padconf.PADS_PER_BANK)
    made, doubts = mk2_settings.settings(config.pads[number], sample, config.bank_volume(bank), found.profile)
    for doubt in doubts:
        found.note(f"pad {_BANKS[bank]}{pad + 1}: {doubt}")
    return made


def _note_unsimulated(found: Admitting, conf: PadConf, name: str) -> None:
    unsimulated = {
        "pad link": conf.link != 0,
        "BPM sync": conf.bpm_sync != 0,
        "Vari": bool(conf.flags & (padconf.VARI_BACKING | padconf.VARI_ENSEMBLE)) and conf.pitch != 0,
    }
    if any(unsimulated.values()):
        found.note(f"pad {name}: {some(what for what, on in unsimulated.items() if on)} not simulated")


def _note_strangers(found: Admitting, folder: str, files: dict[str, Entry]) -> None:
    strangers = [entry.name for _, entry in sorted(files.items())]
    if strangers:
        hidden = sum(is_hidden(name) for name in strangers)
        found.note(f"files in {folder} that are no pad's ({hidden} hidden): {some(strangers)}")
