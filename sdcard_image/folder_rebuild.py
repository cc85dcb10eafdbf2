"""Folders of a salvaged card as they must be: entries' final fields, and slots written anew where needed."""

from __future__ import annotations

from sdcard_image.changes import Changes
from sdcard_image.direntry import DIRECTORY, MAX_SLOTS, SIZE, pack_short_entry
from sdcard_image.found_files import WHEN
from sdcard_image.runs import Runs, length
from sdcard_image.salvage import Salvage
from sdcard_image.slots import DOT, DOTDOT, scan, with_place
from sdcard_image.space import Space
from sdcard_image.tree import Folder, Thing, boot_label
from sdcard_image.unique_names import make_unique

_READINGS = 4  # of what will be written, at most


class FolderRebuild:
    """Turns folders into changes."""

    def __init__(self, salvage: Salvage, space: Space, out: Changes) -> None:
        self.medium, self.system = salvage.medium, salvage.system
        self.tree, self.chains = salvage.tree, salvage.chains
        self.space, self.out = space, out

    def write(self, folder: Folder) -> None:
        """Bring a folder and its entries into order."""
        things = [t for t in folder.things if not t.dropped]
        folder.rewrite |= make_unique(things)
        for thing in things:
            self._finish(folder, thing)
        if not folder.rewrite:
            return
        for _ in range(_READINGS):
            if not self._mended_again(folder, things):
                break
        while True:
            data = self._slots(folder, things)
            if len(data) <= length(folder.runs) * self.system.cluster_bytes or not self._grow(
                folder, len(data)
            ):
                break
        room = length(folder.runs) * self.system.cluster_bytes
        while len(data) > min(room, MAX_SLOTS * SIZE):
            data = self._slots(folder, things[: self._fit(folder, things, room)])
        self._put_runs(folder.runs, data.ljust(room, b"\0"))

    def _mended_again(self, folder: Folder, things: list[Thing]) -> bool:
        """Whether names that are right now put others right: what is written must be read without a doubt."""
        label = boot_label(self.system) if folder is self.tree.root else None
        read = scan(self._slots(folder, things), self.chains.limit, label=label).found
        changed = False
        for thing, found in zip(things, read if len(read) == len(things) else (), strict=False):
            mine = thing.found
            if found.defects and (mine.parts, mine.short) != (found.parts, found.short):
                mine.long, mine.parts, mine.entry = found.long, found.parts, found.short + mine.entry[11:]
                thing.settle("repaired", found.defects[0][1], "likely")
                changed = True
        if changed:
            make_unique(things)
        return changed

    def _grow(self, folder: Folder, need: int) -> bool:
        more = -(-min(need, MAX_SLOTS * SIZE) // self.system.cluster_bytes) - length(folder.runs)
        runs = self.space.room(more) if more > 0 else None
        if runs is None:
            return False
        number = int(self.chains.owner[folder.runs[0][0]])
        self.chains.claim(runs, number)
        folder.runs = folder.runs + runs
        if folder.thing is not None:
            folder.thing.runs = folder.runs
        return True

    def _fit(self, folder: Folder, things: list[Thing], room: int) -> int:
        """How many entries fit; the others are lost, and their clusters free."""
        used, count = 64, 0
        for thing in things:
            used += SIZE + len(thing.found.parts)
            if used > min(room, MAX_SLOTS * SIZE):
                break
            count += 1
        for thing in things[count:]:
            self._drop(thing)
        return count

    def _drop(self, thing: Thing) -> None:
        """Without an entry, a file or folder is lost, and all in it."""
        todo = [thing]
        while todo:
            one = todo.pop()
            if not one.dropped:
                one.dropped = True
                one.settle("lost", "there is no room for its entry")
                self.chains.claim(one.runs, 0)
                todo += one.folder.things if one.folder is not None else []

    def _finish(self, folder: Folder, thing: Thing) -> None:
        """An entry's final fields; the folder is written anew where they are not the stored ones."""
        found = thing.found
        first = thing.runs[0][0] if thing.runs else 0
        size = 0 if thing.is_dir else thing.size
        wanted = with_place(found.entry, first, size)
        kind = found.attributes & 0x37
        kind = kind | DIRECTORY if thing.is_dir else kind & ~DIRECTORY & 0xFF
        wanted = wanted[:11] + bytes((kind, wanted[12] & 0x18)) + wanted[13:]
        if wanted != found.entry or found.defects:
            folder.rewrite = True
            found.entry = wanted
            if not thing.is_dir and (found.defects or thing.state == ""):
                thing.settle("repaired", *found.defects[0][1:] if found.defects else ())
        if found.doubted:
            thing.settle("repaired", found.defects[0][1], "likely")
        if not found.named_surely:
            thing.settle("repaired", "a letter of its name is lost")
        if thing.state == "":
            thing.settle("whole")

    def _slots(self, folder: Folder, things: list[Thing]) -> bytes:
        head = b""
        if folder is self.tree.root:
            head = folder.label
        else:
            assert folder.parent is not None
            above = 0 if folder.parent is self.tree.root else folder.parent.cluster
            head = _dot(folder.dot_slots[:SIZE], DOT, folder.cluster)
            head += _dot(folder.dot_slots[SIZE:], DOTDOT, above)
        return head + b"".join([t.found.parts + t.found.entry for t in things])

    def _put_runs(self, runs: Runs, data: bytes) -> None:
        at = 0
        for first, count in runs:
            size = count * self.system.cluster_bytes
            self.out.put(self.medium, self.system.cluster_offset(first), data[at : at + size])
            at += size


def _dot(stored: bytes, name: bytes, cluster: int) -> bytes:
    if stored[:11] == name and len(stored) == SIZE:
        entry = with_place(stored, cluster, 0)
        return entry[:11] + bytes((entry[11] & 0x27 | DIRECTORY, 0)) + entry[13:]
    return pack_short_entry(name, DIRECTORY, cluster, 0, WHEN)
