/* How the reader shares the card's time out. See reader.h.
 *
 * How much one command takes. Serving the earliest deadline is optimal for what must be met (Liu and Layland
 * 1973), but a long transfer for one stream can make the others late, while short ones waste the card on
 * command time. With V streams that together consume S bytes a second from a card that needs t for a command
 * and 1/W for a byte, every stream can be served once in each cycle of T = V t / (1 - S/W), when each command
 * then brings T of playing time: that is the least worth asking for. What time is left before the other
 * streams' deadlines and its own, if each of those gets its own least, is slack: the stream being served may have
 * half of it, so that those after it grow too.
 *
 * When to read. A card with time to spare would be kept busy with single blocks, each read as soon as a voice has room
 * for it. So a stream waits until there is room for several times its least, or its deadline is two cycles off, or less
 * than a spike may last: on a card near its limit, or with little RAM, nothing ever waits.
 *
 * Two other orders can be had, to compare: the highest priority first (of equals the youngest), as samplers with a
 * rating for each voice have it, and the emptiest buffer first. They choose among the same streams and take as much. */
#include "reader.h"

#include "cache.h"

enum {
    SPIKE_NS = 150000000,     /* who has less than this ahead does not wait: the longest spikes last so long */
    BUSY_PPM = 500000,        /* a card with so much to do has no time to lose by waiting */
    ENOUGH = 4,               /* times its least transfer is what a stream waits for */
    RESERVE_NS = 1500000,     /* of the slack, which nobody gets: commands take longer than they usually do, too */
    MOST_EXTRA_NS = 20000000, /* beyond its least: a voice that begins meanwhile lives on its pinned head so long */
};

/* The part of the card's time, in ppm, that the streams' bytes alone take. */
static uint64_t bytes_ppm(const bp_reader *r)
{
    return r->open_rate * bp_relaxed(&r->ps_per_byte) / 1000000u;
}

/* The cycle T of the comment above, in ns. Near saturation the formula has a pole: stay finite. */
static uint64_t cycle_ns(const bp_reader *r)
{
    uint64_t used_ppm = bytes_ppm(r);
    uint64_t left_ppm = used_ppm < 980000u ? 1000000u - used_ppm : 20000u;
    return r->open_count * bp_relaxed(&r->command_ns) * 1000u / left_ppm * 1000u;
}

static uint64_t least_bytes(const bp_reader *r, uint32_t stream, uint64_t cycle)
{
    uint64_t bytes = r->queues[stream].rate * (cycle / 1000u) / 1000000u;
    return (bytes / r->block_bytes + 1) * r->block_bytes;
}

static uint64_t transfer_ns(const bp_reader *r, uint64_t bytes)
{
    return bp_relaxed(&r->command_ns) + bytes * bp_relaxed(&r->ps_per_byte) / 1000u;
}

static uint64_t until(uint64_t deadline_ns, uint64_t now_ns)
{
    return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

/* Whether a stream may be served now, rather than wait for more room. */
static int due(const bp_reader *r, uint32_t stream, uint64_t start_ns, uint64_t cycle)
{
    const bp_queue *q = &r->queues[stream];
    uint64_t soon = 2 * (cycle + bp_frames_to_ns(BP_GRID, r->rate)); /* asked once a grid */
    if (soon < SPIKE_NS)
        soon = SPIKE_NS;
    uint64_t room = (uint64_t)q->length * r->block_bytes;
    if (bp_relaxed(&r->command_ns) == 0 || bytes_ppm(r) > BUSY_PPM)
        return 1; /* commands cost nothing that is known, or the card has no time to lose */
    return q->rate == 0 || until(bp_first_deadline(r, stream), start_ns) <= soon ||
           room >= ENOUGH * least_bytes(r, stream, cycle) || q->length >= r->max_blocks;
}

/* Whether stream a goes before stream b, which stands before it in the order of deadlines. */
static int before(const bp_reader *r, uint32_t a, uint32_t b)
{
    const bp_queue *qa = &r->queues[a], *qb = &r->queues[b];
    if (r->schedule == BP_EMPTIEST)
        return qa->length > qb->length;
    if (r->schedule == BP_RATING && qa->priority != qb->priority)
        return qa->priority > qb->priority;
    return r->schedule == BP_RATING && qa->begun > qb->begun;
}

/* Whether, each stream being given its least in the order of deadlines, one whose deadline can still be met would
 * not have its data in time. */
static int falls_behind(const bp_reader *r, uint64_t start_ns, uint64_t cycle)
{
    uint64_t spent = start_ns;
    for (uint32_t i = 0; i < r->active_count; i++) {
        spent += transfer_ns(r, least_bytes(r, r->active[i], cycle));
        uint64_t deadline = bp_first_deadline(r, r->active[i]);
        if (deadline > start_ns && deadline < spent)
            return 1;
    }
    return 0;
}

/* Of those that are due: the one with the earliest deadline, or the first in the order chosen. The pins' stream
 * consumes nothing and is served whenever the card has time. */
uint32_t bp_pace_choose(bp_reader *r, uint64_t start_ns)
{
    uint64_t cycle = cycle_ns(r);
    uint32_t best = BP_NONE;
    for (uint32_t i = 0; i < r->active_count; i++) {
        uint32_t stream = r->active[i];
        if (!due(r, stream, start_ns, cycle))
            continue;
        if (best == BP_NONE || before(r, stream, best))
            best = stream;
        if (r->schedule == BP_DEADLINE)
            break;
    }
    if (r->watch && best != BP_NONE && falls_behind(r, start_ns, cycle))
        bp_tally(&r->behind, 1);
    return best;
}

/* A voice that has just begun has nothing yet, or its head: its first command brings what it needs until the next one,
 * no more, so that a spike on top of it can be borne. */
static uint32_t first_blocks(const bp_reader *r, uint32_t stream)
{
    uint64_t until_ns = bp_first_deadline(r, stream) + r->first_ns + 2 * cycle_ns(r);
    uint32_t count = 0;
    for (uint32_t slot = r->queues[stream].head; slot != BP_NONE && r->nodes[slot].deadline_ns <= until_ns;
         slot = r->nodes[slot].next)
        count++;
    return count < r->max_blocks ? count : r->max_blocks;
}

/* How many blocks the next command for a stream may take, without making it or another stream late. */
uint32_t bp_pace_quota(const bp_reader *r, uint32_t stream, uint64_t start_ns)
{
    if (bp_relaxed(&r->ps_per_byte) == 0)
        return r->max_blocks;
    if (r->queues[stream].fresh)
        return first_blocks(r, stream);
    uint64_t cycle = cycle_ns(r), most_bytes = (uint64_t)r->max_blocks * r->block_bytes;
    uint64_t own = least_bytes(r, stream, cycle), first = bp_first_deadline(r, stream);
    int late = until(first, start_ns + transfer_ns(r, own)) == 0;
    if (late) /* a cycle's worth in each cycle keeps it late for ever: only with more can it catch up */
        own *= 2;
    uint64_t spent = start_ns + transfer_ns(r, own);
    uint64_t slack = late ? transfer_ns(r, most_bytes) + RESERVE_NS : until(first, spent);
    for (uint32_t i = 0; i < r->active_count && slack; i++) {
        if (r->active[i] == stream)
            continue;
        spent += transfer_ns(r, least_bytes(r, r->active[i], cycle));
        uint64_t spare = until(bp_first_deadline(r, r->active[i]), spent);
        if (spare < slack)
            slack = spare;
    }
    slack = slack > RESERVE_NS ? slack - RESERVE_NS : 0;
    if (slack > transfer_ns(r, most_bytes))
        slack = transfer_ns(r, most_bytes);
    uint64_t extra_ns = slack / 2 < MOST_EXTRA_NS ? slack / 2 : MOST_EXTRA_NS;
    uint64_t blocks = (own + extra_ns * 1000u / bp_relaxed(&r->ps_per_byte)) / r->block_bytes;
    return blocks < r->max_blocks ? (uint32_t)blocks : r->max_blocks;
}
