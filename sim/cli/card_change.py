"""``benchpad card put``, ``rm``, ``mkdir`` and ``mv``: changes that survive a power cut at any write."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from sdcard_image import CardError, Item, items_from_folder, open_card
from sdcard_image.folder import host_time
from sdcard_image.names import fold
from sdcard_image.types import WritableCard
from sim.cli.card_new import timestamp
from sim.cli.common import PATH, json_option, print_json, printable, progress

CARD = click.argument("card", type=PATH)


@contextmanager
def _writable(card: Path) -> Iterator[WritableCard]:
    with closing(open_card(card, writable=True, timestamp=timestamp())) as target:
        yield target


def _say(document: dict[str, object], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(printable(text))


@click.command()
@CARD
@click.argument("sources", metavar="SRC...", nargs=-1, required=True, type=PATH)
@click.option("--to", default="/", show_default=True, help="Folder on the card, or a new name for one file.")
@click.option("--keep-times", is_flag=True, help="Date files as they are; else all alike.")
@json_option
def put(*, card: Path, sources: tuple[Path, ...], to: str, keep_times: bool, as_json: bool) -> None:
    """Copy files and folders onto a card. A file of the same name is replaced.

    Example: benchpad card put kit.img kick.wav snare.wav --to /A
    """
    with _writable(card) as target:
        items = _items(target, sources, to, keep_times=keep_times)
        total = sum(_size(item) for item in items)
        target.check_put((item.path, None if item.source is None else _size(item)) for item in items)
        with progress("copying", total) as advance:
            for item in items:
                if item.source is None:
                    if not _is_there(target, item.path):
                        target.mkdir(item.path, item.modified)
                    continue
                assert isinstance(item.source, Path)
                target.put(item.path, item.source, item.modified)
                advance(_size(item))
    files = sum(item.source is not None for item in items)
    document: dict[str, object] = {"files": files, "bytes": total, "paths": [item.path for item in items]}
    _say(document, f"{card}: {files:,} file{'s' * (files != 1)} put", as_json=as_json)


def _items(target: WritableCard, sources: tuple[Path, ...], to: str, *, keep_times: bool) -> list[Item]:
    into = target.exists(to) and target.entry(to).is_dir
    if not into and (len(sources) > 1 or to.endswith("/")):
        raise CardError(f"there is no folder {to} on the card; make it first")
    items: list[Item] = []
    for source in sources:
        path = f"/{to.strip('/')}/{source.resolve().name}".replace("//", "/") if into else f"/{to.strip('/')}"
        if source.is_dir():
            items.append(Item(path, None))
            below = items_from_folder(source, keep_times=keep_times)
            items += [Item(path + item.path, item.source, item.modified) for item in below]
        else:
            _size(Item(path, source))  # that it can be read
            items.append(Item(path, source, host_time(source.stat()) if keep_times else None))
    return items


def _is_there(target: WritableCard, path: str) -> bool:
    """Whether something has that name; another's short name does not count."""
    return target.exists(path) and fold(target.entry(path).name) == fold(path.rpartition("/")[2])


def _size(item: Item) -> int:
    if not isinstance(item.source, Path):
        return 0
    try:
        status = item.source.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CardError(f"{item.source} is neither a file nor a folder")
        return status.st_size
    except OSError as error:
        raise CardError(f"cannot read {item.source}: {(error.strerror or str(error)).lower()}") from None


@click.command("rm")
@CARD
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("-r", "--recursive", is_flag=True, help="Folders with all that is in them.")
@json_option
def remove(*, card: Path, paths: tuple[str, ...], recursive: bool, as_json: bool) -> None:
    """Remove files and empty folders from a card.

    Example: benchpad card rm kit.img /A/kick.wav
    """
    removed: list[str] = []
    with _writable(card) as target:
        for path in paths:
            target.entry(path)  # all are there before the first goes
        for path in paths:
            entry = target.entry(path)
            below = [e.path for e in target.walk(path)] if recursive and entry.is_dir else []
            for inner in (*reversed(below), entry.path):
                target.remove(inner)
                removed.append(inner)
    _say({"removed": removed}, f"{card}: {len(removed):,} removed", as_json=as_json)


@click.command("mkdir")
@CARD
@click.argument("path")
@click.option("-p", "--parents", is_flag=True, help="Make what is missing on the way; fine if all is there.")
@json_option
def make_folder(*, card: Path, path: str, parents: bool, as_json: bool) -> None:
    """Make a folder on a card.

    Example: benchpad card mkdir -p kit.img /A/loops
    """
    with _writable(card) as target:
        if parents:
            names = [name for name in path.split("/") if name]
            for depth in range(1, len(names)):
                above = "/" + "/".join(names[:depth])
                if not target.exists(above):
                    target.mkdir(above)
        if not (parents and target.exists(path) and target.entry(path).is_dir):
            target.mkdir(path)
        made = target.entry(path).path
    _say({"path": made}, f"{card}: {made} is there", as_json=as_json)


@click.command("mv")
@CARD
@click.argument("old")
@click.argument("new")
@json_option
def move(*, card: Path, old: str, new: str, as_json: bool) -> None:
    """Rename a file or folder on a card, or move it into the folder NEW.

    Example: benchpad card mv kit.img /A/kick.wav /B
    """
    with _writable(card) as target:
        entry = target.entry(old)
        if target.exists(new) and target.entry(new).is_dir and target.entry(new).path != entry.path:
            new = f"{target.entry(new).path.rstrip('/')}/{entry.name}"
        moved = target.rename(entry.path, new)
    _say({"old": entry.path, "new": moved.path}, f"{card}: {entry.path} is now {moved.path}", as_json=as_json)
