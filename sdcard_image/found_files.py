"""Lost chains and folders that no entry names: into the folder FOUND."""

from __future__ import annotations

from datetime import datetime

from sdcard_image.direntry import ARCHIVE, DIRECTORY, SIZE, pack_long_entries, pack_short_entry
from sdcard_image.recovered import LONG_EXTENSIONS, Lost, describe_lost
from sdcard_image.runs import Runs, length
from sdcard_image.salvage import MAX_LOST, Salvage
from sdcard_image.slots import Found
from sdcard_image.space import Space
from sdcard_image.tree import Folder, Thing

WHEN = datetime(1980, 1, 1)  # noqa: DTZ001,RUF100  FAT time has no zone; recovered things have no date
PER_FOLDER, MAX_RECOVERED = 10_000, MAX_LOST


class FoundFiles:
    """Adopts what nobody names; ``recovered`` is what came of it."""

    def __init__(self, salvage: Salvage, space: Space) -> None:
        self.salvage, self.space = salvage, space
        self.tree, self.chains = salvage.tree, salvage.chains
        self.recovered: list[Thing] = []

    def run(self) -> None:
        """Make the folder and the entries; what there is no room for is freed."""
        folders, lost = self.salvage.lost_folders, self.salvage.lost
        self._free(lost[MAX_RECOVERED:])
        del lost[MAX_RECOVERED:]
        self._free([runs for runs in lost if self._describe(runs) is None])
        lost[:] = [runs for runs in lost if self.chains.owner[runs[0][0]]]
        number = 0
        while number < len(folders) + len(lost):
            home = self._found_folder(min(PER_FOLDER, len(folders) + len(lost) - number))
            if home is None:
                self._free(lost[max(0, number - len(folders)) :])
                break
            stop = min(number + PER_FOLDER, len(folders) + len(lost))
            for one in range(number, stop):
                self._adopt(home, folders, one)
            number = stop
        lost.clear()  # they are files now, and give way to nothing

    def _free(self, lost: list[Runs]) -> None:
        for runs in lost:
            self.chains.claim(runs, 0)

    def _describe(self, runs: Runs) -> Lost | None:
        return describe_lost(self.salvage.medium, self.salvage.system, runs)

    def _adopt(self, home: Folder, folders: list[Folder], number: int) -> None:
        if number < len(folders):
            thing = folders[number].thing
            assert thing is not None
            entry = pack_short_entry(
                f"DIR{number:05}".encode().ljust(11), DIRECTORY, thing.found.cluster, 0, WHEN
            )
            thing.found = Found(0, entry, "", b"")
            thing.parent = home
            folders[number].parent = home
            folders[number].rewrite = True
        else:
            lost = self._describe(self.salvage.lost[number - len(folders)])
            if lost is None:
                return
            thing = self._file(home, lost, number)
        home.things.append(thing)
        self.recovered.append(thing)

    def _file(self, home: Folder, lost: Lost, number: int) -> Thing:
        short = f"FILE{number % 10_000:04}{lost.kind:3}".encode()
        long = f"FILE{number:04}.{LONG_EXTENSIONS[lost.kind]}" if lost.kind in LONG_EXTENSIONS else ""
        entry = pack_short_entry(short, ARCHIVE, lost.runs[0][0], lost.size, WHEN)
        parts = pack_long_entries(long, short) if long else b""
        thing = Thing(self.tree.number(), home, Found(0, entry, long, parts), lost.size, False)
        thing.runs = lost.runs
        thing.settle("repaired", "a lost chain", "guess" if lost.kind == "BIN" else "likely")
        self.chains.claim(lost.runs, thing.number)
        return thing

    def _found_folder(self, entries: int) -> Folder | None:
        """A new folder FOUND, FOUND.001, ... in the top folder; the end of a lost chain may give way."""
        if not self._let_root_grow():
            return None
        taken = {t.found.short for t in self.tree.root.things if not t.dropped}
        names = (b"FOUND".ljust(8) + (f"{i:03}".encode() if i else b"   ") for i in range(1000))
        short = next((name for name in names if name not in taken), None)
        need = -(-(entries + 2) * SIZE // self.salvage.system.cluster_bytes)
        runs = self.space.room(need) if short else None
        if short is None or runs is None:
            return None
        cluster = runs[0][0]
        thing = Thing(
            self.tree.number(),
            self.tree.root,
            Found(0, pack_short_entry(short, DIRECTORY, cluster, 0, WHEN), "", b""),
            0,
            True,
        )
        folder = Folder(cluster, self.tree.root, thing, runs, rewrite=True, depth=1)
        thing.folder, thing.runs = folder, runs
        self.chains.claim(runs, thing.number)
        self.tree.root.things.append(thing)
        self.tree.root.rewrite = True
        self.tree.folders.append(folder)
        return folder

    def _let_root_grow(self) -> bool:
        """Whether the top folder has a place for one more entry, or a cluster more."""
        root, size = self.tree.root, self.salvage.system.cluster_bytes
        used = 2 * SIZE + sum(SIZE + len(t.found.parts) for t in root.things if not t.dropped)
        if used <= length(root.runs) * size:
            return True
        more = self.space.room(1)
        if more is None:
            return False
        self.chains.claim(more, int(self.chains.owner[root.cluster]))
        root.runs, root.rewrite = root.runs + more, True
        return True
