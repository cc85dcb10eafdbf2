"""What a session says of itself: the status for programs, and the state that a panel shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from native import CardModel
from native.types import Counters, VoiceState

if TYPE_CHECKING:
    from sim.live.session import Session


def status_document(session: Session) -> dict[str, Any]:
    """The document of ``/api/status``; its names stay."""
    report, counters = session.live.report(), session.engine.counters()
    return {
        "device": session.board.profile.name,
        "seconds": round(session.machine.end / session.rate, 3),
        "audio": {
            "backend": session.backend.name,
            "device": session.backend.device,
            "rate": session.rate,
            "block": session.block,
            "latency_ms": round(latency_ms(session), 2),
            "xruns": report.xruns,
            "late_blocks": report.late_blocks,
            "late_events": report.late_events,
            "frames_lost": report.frames_lost,
            "render_us": {
                "p50": report.p50_us,
                "p99": report.p99_us,
                "p999": report.p999_us,
                "most": report.longest_us,
            },
            "realtime_threads": report.realtime_threads,
            "realtime": session.prioritised,
            "memory_locked": session.memory_locked,
            "lost": session.lost,
            "gaps": [{"frame": one.frame, "ms": round(one.ms, 1), "why": one.why} for one in session.gaps],
        },
        "voices": counters.voices,
        "underruns": counters.underruns,
        "cache": cache_document(session, counters),
        "card": card_document(session, counters),
        "midi": {"ports": [], "messages": 0} if session.midi is None else session.midi.status(),
        "alerts": session.observer.told()[-20:],
        "dropped_starts": session.hands.dropped,
        "recording": recording_document(session),
    }


def recording_document(session: Session) -> dict[str, Any] | None:
    """What was recorded so far; None where nothing is."""
    wav, midi = session.wav, session.hands.take
    if wav is None and midi is None:
        return None
    return {
        "wav_seconds": None if wav is None else round(wav.frames / session.rate, 3),
        "wav_full": wav is not None and wav.full,
        "midi_messages": None if midi is None else midi.messages,
        "unrecorded": session.hands.unrecorded,
    }


def latency_ms(session: Session) -> float:
    """From a press to the ear: the block that every press waits, and what the audio server adds."""
    return 1000 * session.block / session.rate + session.backend.latency_ms


def cache_document(session: Session, counters: Counters) -> dict[str, Any]:
    """The cache: what is in RAM, and how often it was there."""
    asked = counters.hits + counters.misses
    return {
        "ram_bytes": session.engine.config.pool_bytes,
        "block_bytes": session.engine.config.block_bytes,
        "resident_bytes": counters.resident_bytes,
        "pinned_bytes": counters.pinned_bytes,
        "hits": counters.hits,
        "misses": counters.misses,
        "hit_rate": round(counters.hits / asked, 4) if asked else 1.0,
        "evictions": counters.evictions,
    }


def card_document(session: Session, counters: Counters) -> dict[str, Any]:
    """The card: what it is, and what it did."""
    model = session.setup.card or CardModel()
    return {
        "path": str(session.card),
        "mirror": None if session.setup.mirror is None else str(session.setup.mirror),
        "present": not session.troubles.out,
        "command_ms": model.fixed_ns / 1e6,
        "mb_per_s": model.read_mb_per_s,
        "reads": counters.reads,
        "read_bytes": counters.read_bytes,
        "busy_ms": round(counters.busy_ms, 3),
        "read_errors": counters.read_errors,
        "retries": counters.retries,
        "failovers": counters.failovers,
        "faults": session.troubles.counts(),
    }


def state_document(session: Session) -> dict[str, Any]:
    """What a panel shows, as of the session's last look at the engine."""
    look, tags, rate = session.look(), session.machine.player.tags, session.rate
    counters = look.counters
    lights: dict[str, str] = {}
    for one in look.voices:
        if one.state != "fading":
            lights[str(one.tag)] = "playing" if one.slack is None else "streaming"
    return {
        "frame": look.frame,
        "voices": [_voice(one, tags.name(one.tag), rate) for one in look.voices],
        "pads": lights,
        "levels": list(look.levels),
        "cache": cache_document(session, counters),
        "card": card_document(session, counters),
        "latency": round(latency_ms(session), 2),
        "underruns": counters.underruns,
        "xruns": session.live.report().xruns,
        "alert": None if look.alert is None else look.alert.document(),
    }


def _voice(one: VoiceState, pad: str, rate: int) -> dict[str, Any]:
    return {
        "tag": one.tag,
        "pad": pad,
        "state": one.state,
        "slack_ms": None if one.slack is None else round(one.slack * 1000 / rate, 1),
        "held": one.held_blocks,
        "share": one.share_blocks,
        "position": one.position,
        "level": round(one.level, 4),
    }
