/* How the voices share the pool: see "Fair share" in docs/design.md. */
#include "engine.h"

enum {
    OVERCOMMIT_FROM_PPM = 800000, /* of the card's time */
    OVERCOMMIT_TO_PPM = 1150000,  /* more than all of it: the card cannot keep up in any way, so be fair */
    COMMANDS_FROM_PPM = 150000,   /* of it, for commands */
    SHORT_PIECE = 8,              /* times a voice's part of the pool */
    OVERCOMMIT_PERCENT = 150,     /* both found by trying: see benchmarks/bench_bound.py */
    LOW_PERCENT = 20,
};

/* Blocks that are a voice's part of what is not pinned, by the bytes that it consumes. `before` is what the voices
 * before it consume: parts end where the exact ones do, rounded, so that no block is left over. */
static uint32_t part_of(const bp_engine *e, const bp_voice *v, uint64_t before)
{
    const bp_cache *c = &e->shared.cache;
    uint64_t room = c->count - c->pinned, total = e->total_rate ? e->total_rate : 1;
    return (uint32_t)(room * (before + v->rate) / total - room * before / total);
}

/* `least` is what playing takes, and wins over `most`. */
static uint32_t bounded(uint64_t blocks, uint32_t least, uint32_t most)
{
    uint32_t held = blocks > most ? most : (uint32_t)blocks;
    return held < least ? least : held;
}

/* Whether files lie in pieces so short that a longer transfer would often be cut. */
static int lies_in_pieces(const bp_engine *e)
{
    uint64_t room = (uint64_t)(e->shared.cache.count - e->shared.cache.pinned) * e->config.block_bytes;
    for (uint32_t i = 0; i < e->active_count; i++) {
        const bp_voice *v = &e->voices[e->active[i]];
        uint64_t part = room / (e->total_rate / 256 + 1) * v->rate / 256;
        if (v->file->card.count > 1 && v->file->bytes / v->file->card.count < SHORT_PIECE * part)
            return 1;
    }
    return 0;
}

/* Whether the card is near its limit because of its commands: how much of its time, in ppm, the voices need when each
 * transfer fills one voice's part of the pool, for the commands and for the bytes. */
static int wants_longer_transfers(bp_engine *e)
{
    const bp_cache *c = &e->shared.cache;
    uint64_t room = (uint64_t)(c->count - c->pinned) * c->block_bytes / 1000 + 1;
    uint64_t commands = e->active_count * bp_relaxed(&e->reader.command_ns) / 1000 * e->total_rate / room / 1000;
    uint64_t bytes = e->total_rate * bp_relaxed(&e->reader.ps_per_byte) / 1000000;
    e->needed_ppm = commands + bytes;
    return commands > COMMANDS_FROM_PPM && commands + bytes > OVERCOMMIT_FROM_PPM &&
           commands + bytes < OVERCOMMIT_TO_PPM;
}

/* A voice that always holds its part has it full of data only just after its turn: on average half of it waits to be
 * filled. Where the card has time to spare that costs nothing, and a full buffer is what a spike needs. Near the
 * card's limit, though, longer transfers are worth more: then a voice may hold more than its part, asks for it at
 * once when little is left, and holds no empty blocks before. */
static void set_share(bp_engine *e, bp_voice *v, uint64_t before)
{
    uint32_t most = e->config.max_ahead_blocks, part = part_of(e, v, before);
    v->fair = v->killed ? v->least_blocks : bounded(part, v->least_blocks, most);
    v->share = v->low = v->fair;
    if (v->killed || !e->overcommitted)
        return;
    v->share = bounded((uint64_t)part * OVERCOMMIT_PERCENT / 100, v->least_blocks, most);
    v->low = bounded((uint64_t)v->share * LOW_PERCENT / 100, v->least_blocks, v->share);
}

/* Anew for every voice, when one has come or gone or a pin has changed. */
void bp_share_out(bp_engine *e)
{
    if (!e->shares_stale && e->shared_pins == e->shared.cache.pinned)
        return;
    e->shares_stale = 0;
    e->shared_pins = e->shared.cache.pinned;
    e->overcommitted = wants_longer_transfers(e) && !lies_in_pieces(e);
    uint64_t before = 0;
    for (uint32_t i = 0; i < e->active_count; i++) {
        bp_voice *v = &e->voices[e->active[i]];
        set_share(e, v, before);
        before += v->rate;
    }
}

/* A voice found no room: the others give back what they hold beyond their parts. */
void bp_share_make_way(bp_engine *e, const bp_voice *needy)
{
    for (uint32_t i = 0; i < e->active_count; i++) {
        bp_voice *v = &e->voices[e->active[i]];
        if (v != needy)
            bp_window_limit(&e->shared, v, v->fair);
    }
}
