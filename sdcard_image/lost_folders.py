"""Folders that no entry names any more, and entries marked as folders that lead to none."""

from __future__ import annotations

from sdcard_image.claims import Claims, bytes_apart, mark_as_file, name_hidden
from sdcard_image.direntry import DIRECTORY
from sdcard_image.slots import Found, with_place
from sdcard_image.tree import Folder, Thing, parent_marks

MAX_HEADS = 100_000  # lost chains that are looked at for folders


def place_lost_folders(claims: Claims) -> list[Folder]:
    """Lost chains that begin like a folder: back to a damaged entry that fits, or else set aside."""
    tree, chains = claims.tree, claims.chains
    aside: list[Folder] = []
    heads = [h for h in chains.heads().tolist()[:MAX_HEADS] if tree.peek(h)[0] == h]
    inner = set(heads)
    for head in sorted(heads, key=lambda h: (tree.peek(h)[1] in inner, h)):
        if chains.owner[head]:
            continue
        if not _entry_takes(claims, head):
            folder = _set_aside(claims, head)
            aside += [folder] if folder is not None else []
        tree.walk()
    return aside


def _entry_takes(claims: Claims, head: int) -> bool:
    """Whether an entry, hidden or damaged, must have named a lost folder; it does so again."""
    tree = claims.tree
    above = tree.peek(head)[1]
    hidden = [t for t in tree.things if t.found.hidden and t.folder is None and t.found.cluster == head]
    damaged = [t for t in tree.doubtful if t.folder is None and t.found.size == 0]
    for thing in (*hidden, *sorted(damaged, key=lambda t: bytes_apart(t.found.cluster, head))):
        if thing.parent is None or above not in parent_marks(claims.system, thing.parent):
            continue
        if tree.enter(thing, strict=True, cluster=head):
            assert thing.folder is not None
            for folder in tree.folders:  # one of two entries that lead to the same folder is wrong: which?
                if folder.cluster == thing.found.cluster:
                    folder.doubt = thing.folder.doubt = True
            thing.is_dir = True
            sure = "certain" if bytes_apart(thing.found.cluster, head) <= 1 else "likely"
            thing.settle("repaired", "its entry was damaged; its dot entries say where it belongs", sure)
            thing.found.defects.append(("bad-entry", "its entry is damaged"))
            name_hidden(thing)
            thing.found.hidden = ""
            thing.parent.rewrite = True
            tree.doubtful = [t for t in tree.doubtful if t is not thing]
            return True
    return False


def _set_aside(claims: Claims, head: int) -> Folder | None:
    tree = claims.tree
    entry = b"LOST".ljust(11) + bytes((DIRECTORY,)) + bytes(20)
    thing = Thing(tree.number(), tree.root, Found(0, with_place(entry, head, 0), "", b""), 0, True)
    if not tree.enter(thing, strict=False, cluster=head):
        return None
    assert thing.folder is not None
    thing.folder.rewrite = True
    thing.settle("repaired", "a folder that no entry names", "likely")
    return thing.folder


def refuse_doubtful(claims: Claims) -> None:
    """Folder entries that lead nowhere: files with a wrong mark, or to be dropped."""
    for thing in claims.tree.doubtful:
        count = claims.clusters_of(thing.size)
        if thing.size and not claims.chains.is_cluster(thing.found.cluster):
            count = 0
        walk = claims.chains.walk(thing.found.cluster, count) if count else None
        assert thing.parent is not None
        thing.parent.rewrite = True
        if walk and walk.count == count:
            thing.is_dir = False
            mark_as_file(thing.found)
            thing.settle("repaired", "it is a file and was marked as a folder")
            thing.found.defects.append(("bad-entry", "it is a file and was marked as a folder"))
            continue
        thing.dropped = True
        thing.settle("lost", _why_none(claims, thing))


def _why_none(claims: Claims, thing: Thing) -> str:
    cluster = thing.found.cluster
    if claims.chains.is_cluster(cluster) and claims.chains.owner[cluster]:
        thing.found.defects.append(("directory-loop", "it leads to a folder that is elsewhere already"))
        return "it led to a folder that is elsewhere already"
    thing.found.defects.append(("bad-entry", "it is marked as a folder and leads to none"))
    return "it was marked as a folder and led to none"
