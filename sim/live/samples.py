"""What the engine is told of samples while it plays: pins, auditions, pads that are written anew."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING

from firmware.boot import BootResult, boot
from firmware.catalogue import SampleInfo
from native import CardModel
from native.types import Extent, Pin, Retrigger, Sample, Start
from sdcard_image import open_card
from sim.errors import InputError
from sim.heads import Head, choose_heads
from sim.live.machine import SPARE_SAMPLES

if TYPE_CHECKING:
    from sim.live.session import Session

_QUIET_S = 0.3  # without a read: nothing that was asked for is still to come
_FULL = f"{SPARE_SAMPLES} other samples were played since it was switched on"


class Samples:
    """Tells the engine; all but the choice of a bank pauses the device for a moment.

    ``booted`` is what is on the pads now; ``pinned`` the paths that are wholly kept in RAM.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.pinned: set[str] = set()
        self.rebuilt()

    def rebuilt(self) -> None:
        """Another machine plays, which knows the samples of its own boot."""
        self.booted: BootResult = self._session.board.boot
        self._heads_bank = self._session.machine.player.bank
        self._room = SPARE_SAMPLES
        self._auditioned: dict[str, int] = {}
        self._trust_preload()
        if self.pinned:
            self.pinned &= set(self._ids)
            with self._session.paused():
                self._pin_again()

    @property
    def _ids(self) -> dict[str, int]:
        return self._session.board.slots[0].ids

    @property
    def audition_tag(self) -> int:
        """The tag of what is heard beside the pads."""
        tags = self._session.machine.player.tags
        return len(tags.banks) * tags.per_bank

    def choose_bank(self, bank: int) -> None:
        """Make a bank the current one. InputError."""
        player = self._session.machine.player
        if not 0 <= bank < len(player.tags.banks):
            raise InputError(f"there is no bank {bank}")
        player.bank = bank
        self.bank_chosen()

    def bank_chosen(self) -> None:
        """Another bank may be the current one: the heads of its pads go into RAM, while all plays on."""
        bank = self._session.machine.player.bank
        if bank == self._heads_bank:
            return
        before, after = self._heads(self._heads_bank), self._heads(bank)
        pins = [*self._pins(set(before) - set(after), on=False), *self._pins(after, on=True)]
        if self._session.hands.order(pins):
            self._heads_bank = bank
            self._wait_for(after)

    # what is known to be in RAM

    def _trust_preload(self) -> None:
        heads = self._heads(self._heads_bank)
        self._coming: set[Head] = set()
        board = self._session.board
        fit = sum(one.bytes for one in heads) <= board.engine.config.pool_bytes // 2
        self._loaded: set[Head] = set(heads) if fit and not board.preload.errors else set()
        self._since = (0, 0, 0)  # frame, reads, errors

    def _wait_for(self, heads: Iterable[Head]) -> None:
        """These are asked for; what is no longer wanted may go at any time."""
        wanted = set(heads)
        self._loaded &= wanted
        self._coming = wanted - self._loaded
        seen = self._session.look()
        self._since = (self._session.frame, seen.counters.reads, seen.counters.read_errors)

    def loaded(self) -> set[int]:
        """The tags of pads whose heads are in RAM for certain.

        Heads that were asked for are, once the card was left alone for a while and no read has failed since,
        unless so much is pinned that there was no room for them.
        """
        session, (frame, reads, errors) = self._session, self._since
        seen = session.look()
        if self._coming and seen.counters.reads != reads:
            self._since = (seen.frame, seen.counters.reads, errors)
        elif self._coming and seen.frame - frame > session.rate * _QUIET_S:
            config = session.engine.config
            room = seen.counters.pinned_bytes + config.block_bytes < config.pool_bytes // 2
            if room and seen.counters.read_errors == errors and not session.troubles.out:
                self._loaded |= self._coming
                self._coming = set()
        tags = session.machine.player.tags
        return {tags.tag(tags.banks.index(one.pad.bank), one.pad.pad) for one in self._loaded}

    def _heads(self, bank: int) -> list[Head]:
        board = self._session.board
        letter = self._session.machine.player.tags.banks[bank]
        return choose_heads(self.booted.catalogue.pads, board.profile, letter)

    def _pins(self, heads: Iterable[Head], *, on: bool) -> list[Pin]:
        """What is kept wholly is left alone."""
        chosen = [one for one in heads if one.pad.sample.path not in self.pinned]
        made = {(self._ids[one.pad.sample.path], one.first, one.frames): None for one in chosen}
        return [Pin(0, sample, first, frames, on) for sample, first, frames in made]

    def pin(self, path: str, *, on: bool) -> None:
        """Keep a sample that is on a pad in RAM as far as there is room, or no more. InputError."""
        if path not in self._ids:
            raise InputError(f"{path} is on no pad")
        with self._session.paused():
            if not on:
                self.pinned.discard(path)
                self._pin_again()
                return
            self._session.engine.pin_sample(self._ids[path])
            self.pinned.add(path)

    def _pin_again(self) -> None:
        session = self._session
        for number in self._ids.values():
            session.engine.unpin(number)
        for path in sorted(self.pinned):
            session.engine.pin_sample(self._ids[path])
        session.board.pin_heads(self.booted, self._ids)
        self._heads_bank = session.machine.player.bank
        self._wait_for(self._heads(self._heads_bank))

    def audition(self, info: SampleInfo | None) -> None:
        """Play a file of the card beside the pads; None ends it. CardError where it cannot be found."""
        session = self._session
        if info is None:
            session.hands.stop([self.audition_tag])
            return
        number = self._ids.get(info.path, self._auditioned.get(info.path))
        if number is None:
            made = self._sample(info)
            if not self._room:
                session.change(why=_FULL)
            with session.paused():
                self._room -= 1
                number = self._auditioned[info.path] = session.engine.add_sample(made)
        session.hands.start(Start(0, number, self.audition_tag, retrigger=Retrigger.RESTART))

    def _sample(self, info: SampleInfo) -> Sample:
        slot = self._session.board.slots[0]
        with closing(open_card(slot.path)) as card:
            extents = tuple(Extent(slot.base + run.offset, run.length) for run in card.extents(info.path))
        return Sample(extents, info.data_offset, info.frames, info.channels, info.rate, info.encoding)

    def read_pads(self, silence: Iterable[int] = ()) -> None:
        """The card's pads were written: take them over as they are now. CardError.

        What sounds plays on, but for the tags in ``silence``, whose sample is another one now.
        """
        session = self._session
        session.troubles.check_in()
        slot, setup = session.board.slots[0], session.setup
        timing = setup.card or CardModel()
        with closing(open_card(slot.path)) as card:
            booted = boot(card, session.board.profile, card_ms=timing.ms, project=setup.project)
        session.hands.stop(silence)
        if slot.card.info().fs == "folder":  # its files are others now, and the device has the old ones open
            session.change(why="the card's pads were written")
            return
        moved = self._moved(booted)
        fresh = len({pad.sample.path for pad in booted.catalogue.pads} - (set(slot.ids) - moved))
        if fresh > self._room:  # the engine forgets no sample: a new one has room again
            session.change(why=_FULL)
            return
        with session.paused():
            self._forget(moved)
            self._room -= fresh
            slot.boot = session.board.boot = self.booted = booted
            session.board.add_samples(slot)
            self.pinned &= {pad.sample.path for pad in booted.catalogue.pads}
            session.machine.player.change_card(booted.catalogue, slot.ids)
            self._pin_again()
            session.generation += 1

    def _moved(self, booted: BootResult) -> set[str]:
        """Paths at which another file lies now, or none."""
        ids, before, after = self._ids, self.booted.extents, booted.extents
        return {path for path in ids if after.get(path) != before.get(path)}

    def _forget(self, moved: set[str]) -> None:
        """The engine is told anew of what has the path of an older file."""
        for path in moved:
            self._session.engine.unpin(self._ids.pop(path))
        self._auditioned.clear()
