"""What could be different: the changes that a stress run tries, each as a trial of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from native import MOST_JOINED, CardModel
from native.types import EngineConfig, Schedule
from sim.cards import load_card
from sim.stress.kit import at_16_bit, at_rate, joined, mono
from sim.stress.trial import Trial

BETTER_CARDS = ("class10", "a1", "a2", "uhs-i")
_RATES = (48_000, 44_100, 32_000, 22_050)
_BLOCKS = (512, 16_384)  # bytes: no smaller and no larger ones are proposed
_TRANSFERS = (16 << 10, 1 << 20)  # bytes, likewise


@dataclass(frozen=True)
class Change:
    """One thing changed. ``kind`` is for programs, ``text`` for people; ``trial.voices`` does not matter."""

    kind: str
    text: str
    trial: Trial


def suggestions(trial: Trial, double_ram: EngineConfig, card_name: str) -> list[Change]:
    """What a person could change, in no order: files, RAM, the device's own sizes, card.

    ``double_ram`` is the engine with twice the RAM.
    """
    return [*_files(trial), *_device(trial, double_ram), *_cards(trial, card_name)]


def _files(trial: Trial) -> Iterator[Change]:
    kit = trial.kit
    shapes = kit.samples
    if any(len(one.extents) > 1 for one in shapes):
        yield Change("defragment", "defragment", replace(trial, kit=joined(kit)))
    if any(one.channels == 2 for one in shapes):
        yield Change("mono", "mono instead of stereo", replace(trial, kit=mono(kit)))
    if any(one.encoding.size_bytes > 2 for one in shapes):
        yield Change("bits", "16 bits instead of more", replace(trial, kit=at_16_bit(kit)))
    rate = max(one.rate for one in shapes)
    lower = next((one for one in _RATES if one < rate), None)
    if lower is not None:
        text = f"{lower / 1000:g} kHz instead of {rate / 1000:g}"
        yield Change("rate", text, replace(trial, kit=at_rate(kit, lower)))


def _device(trial: Trial, double_ram: EngineConfig) -> Iterator[Change]:
    config = trial.config
    yield Change("ram", f"{_size(double_ram.pool_bytes)} of RAM", replace(trial, config=double_ram))
    for block in (config.block_bytes // 2, config.block_bytes * 2):
        if _BLOCKS[0] <= block <= _BLOCKS[1] and config.pool_bytes % block == 0:
            text = f"{_size(config.block_bytes)} -> {_size(block)} blocks"
            yield Change("block", text, replace(trial, config=_with_blocks(config, block)))
    for blocks in (config.max_transfer_blocks // 2, config.max_transfer_blocks * 2):
        size = blocks * config.block_bytes
        if _TRANSFERS[0] <= size <= _TRANSFERS[1] and blocks <= MOST_JOINED:
            changed = replace(config, max_transfer_blocks=blocks)
            yield Change("transfer", f"transfers of up to {_size(size)}", replace(trial, config=changed))
    if config.schedule is not Schedule.DEADLINE:
        changed = replace(config, schedule=Schedule.DEADLINE)
        yield Change("schedule", "serve the earliest deadline first", replace(trial, config=changed))


def _with_blocks(config: EngineConfig, block_bytes: int) -> EngineConfig:
    """Other blocks, the same limits in bytes as far as the engine can."""
    transfer = config.max_transfer_blocks * config.block_bytes // block_bytes
    ahead = config.max_ahead_blocks * config.block_bytes // block_bytes
    return replace(
        config,
        block_bytes=block_bytes,
        max_transfer_blocks=min(max(transfer, 1), MOST_JOINED),
        max_ahead_blocks=max(ahead, 2),
    )


def _cards(trial: Trial, card_name: str) -> Iterator[Change]:
    if trial.card is None:
        return
    for name in BETTER_CARDS:
        model = load_card(name).model
        if name != card_name and model != trial.card:
            text = f"{'an' if name[0] == 'a' else 'a'} {name} card"
            yield Change("card", text, replace(trial, card=model))


def reliefs(trial: Trial, double_ram: EngineConfig) -> list[Change]:
    """Each cost made less by itself: half of it, or twice the means; all of the spikes. Kinds are costs."""
    card = trial.card
    made = [Change("RAM", "twice the RAM", replace(trial, config=double_ram))]
    if card is None:
        return made
    if card.read_mb_per_s:
        twice = replace(card, read_mb_per_s=card.read_mb_per_s * 2, unit_us=card.unit_us / 2)
        made.append(Change("bandwidth", "twice the bandwidth", replace(trial, card=twice)))
    if card.fixed_ns:
        made.append(Change("command overhead", "half the command time", replace(trial, card=_quicker(card))))
    if card.spike_every_s:
        smooth = replace(card, spike_every_s=0.0)
        made.append(Change("spikes", "no spikes", replace(trial, card=smooth)))
    return made


def _quicker(card: CardModel) -> CardModel:
    return replace(
        card,
        command_us=card.command_us / 2,
        first_byte_us=card.first_byte_us / 2,
        body_us=card.body_us / 2,
        page_us=card.page_us / 2,
    )


def _size(size_bytes: int) -> str:
    for unit, bytes_each in (("MB", 1 << 20), ("KB", 1 << 10)):
        if size_bytes >= bytes_each:
            return f"{size_bytes / bytes_each:g} {unit}"
    return f"{size_bytes} bytes"
