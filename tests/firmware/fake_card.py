"""A card in memory: a dict of paths to bytes, with files that fail on purpose."""

from __future__ import annotations

from collections.abc import Iterator

from sdcard_image.types import Backing, CardError, CardInfo, Entry, Extent, ReadCounters


class FakeCard:
    """A `Card` whose folders are those its files need. Paths in ``bad`` raise CardError where they are read;
    those in ``lost`` have a chain that cannot be followed. ``pieces`` gives a path's number of extents."""

    def __init__(
        self, files: dict[str, bytes], bad=(), lost=(), pieces: dict[str, int] | None = None
    ) -> None:
        self.files = files
        self.bad = {path.lower() for path in bad}
        self.lost = {path.lower() for path in lost}
        self.pieces = pieces or {}
        self.reads = ReadCounters()
        self._entries = {"/": Entry("/", "", True, 0, None)}
        self._children: dict[str, list[Entry]] = {"/": []}
        for path, data in files.items():
            self._add(path, data)

    def _add(self, path: str, data: bytes) -> None:
        parts = path.strip("/").split("/")
        for depth, name in enumerate(parts, start=1):
            here, parent = "/" + "/".join(parts[:depth]), "/" + "/".join(parts[: depth - 1])
            if here.lower() in self._entries:
                continue
            is_dir = depth < len(parts)
            entry = Entry(here, name, is_dir, 0 if is_dir else len(data), None)
            self._entries[here.lower()] = entry
            self._children.setdefault(parent.lower(), []).append(entry)
            if is_dir:
                self._children[here.lower()] = []

    def info(self) -> CardInfo:
        return CardInfo(
            "FAT32", "TEST", "1234-ABCD", 1 << 30, 32768, 65600, 1 << 20, 4 << 20, len(self.files), 1.0
        )

    def entry(self, path: str) -> Entry:
        try:
            return self._entries[path.rstrip("/").lower() or "/"]
        except KeyError:
            raise CardError(f"there is no {path} on the card") from None

    def exists(self, path: str) -> bool:
        return (path.rstrip("/").lower() or "/") in self._entries

    def listdir(self, path: str = "/") -> list[Entry]:
        self._fail_if_bad(path)
        return list(self._children[self.entry(path).path.lower()])

    def walk(self, path: str = "/") -> Iterator[Entry]:
        for entry in self.listdir(path):
            yield entry
            if entry.is_dir:
                yield from self.walk(entry.path)

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        self._fail_if_bad(path)
        data = self.files[self.entry(path).path]
        data = data[offset:] if size is None else data[offset : offset + size]
        self.reads.reads += 1
        self.reads.bytes += len(data)
        return data

    def extents(self, path: str) -> list[Extent]:
        if path.lower() in self.lost:
            raise CardError(f"the cluster chain of {path} runs in a circle")
        size, count = self.entry(path).size, self.pieces.get(path, 1)
        step = -(-size // count)
        return [Extent(1000 * n, min(step, size - n * step)) for n in range(count)]

    def backing(self) -> list[Backing]:
        return []

    def close(self) -> None:
        pass

    def _fail_if_bad(self, path: str) -> None:
        if (path.rstrip("/").lower() or "/") in self.bad:
            raise CardError(f"{path} cannot be read: the card gave an error")
