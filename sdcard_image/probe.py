"""What a thing is that is not a FAT32 card, from its first bytes."""

from __future__ import annotations

from sdcard_image.bootsector import SIGNATURE, Mbr

# (offset, bytes, what it is); formats' own published magic numbers
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (3, b"EXFAT   ", "an exFAT volume"),
    (3, b"NTFS    ", "an NTFS volume"),
    (1080, b"\x53\xef", "a Linux ext2/3/4 volume"),
    (1024, b"H+", "a Mac HFS+ volume"),
    (1024, b"HX", "a Mac HFS+ volume"),
    (32, b"NXSB", "a Mac APFS volume"),
    (65_600, b"_BHRfS_M", "a Btrfs volume"),
    (32_769, b"CD001", "an ISO 9660 disc image"),
    (512, b"EFI PART", "a disk with a GPT partition table"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"\xfd7zXZ\0", "an XZ file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"QFI\xfb", "a QEMU disk image"),
    (0, b"RIFF", "a RIFF file, such as WAV"),
    (0, b"FORM", "an IFF file, such as AIFF"),
    (0, b"MThd", "a MIDI file"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x7fELF", "a program"),
)
_TYPES = {
    0x01: "FAT12",
    0x04: "FAT16",
    0x06: "FAT16",
    0x0E: "FAT16",
    0x07: "exFAT or NTFS",
    0x0B: "FAT32",
    0x0C: "FAT32",
    0x82: "Linux swap",
    0x83: "Linux",
    0xEE: "GPT",
}
HEAD_BYTES = 66_000
BLANK = "nothing but blank space (all zeros), as before it is formatted"
DAMAGED = "a damaged FAT volume"
UNKNOWN = "no file system that is known here"


def describe(head: bytes) -> str:
    """What a card's or a partition's first bytes (up to `HEAD_BYTES`) are, as a noun phrase."""
    if not head:
        return "empty"
    for offset, magic, what in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return what
    if not any(head):
        return BLANK
    return _old_fat(head) or UNKNOWN


def _old_fat(head: bytes) -> str:
    if len(head) < 512 or head[510:512] != SIGNATURE or head[0] not in (0xEB, 0xE9):
        return ""
    if head[54:62] in (b"FAT12   ", b"FAT16   "):
        return f"a {head[54:59].decode()} volume"
    return "a FAT12 or FAT16 volume" if head[22:24] != b"\0\0" else DAMAGED


def describe_partitions(mbr: Mbr) -> str:
    """The kinds in a partition table without a FAT32 volume."""
    kinds = [_TYPES.get(p.type, f"type 0x{p.type:02X}") for p in mbr.partitions if p.type]
    return f"a disk with partitions of {', '.join(kinds)}" if kinds else "a disk without partitions"
