/* A voice's hold on the blocks ahead of it. See voice.h. */
#include "voice.h"

enum {
    MOST_SKIP_BLOCKS = 128,
    MOST_STEPS = 256, /* blocks asked for at one grid point */
    RETRY_FRAMES = 75 * BP_GRID, /* about a tenth of a second between two tries of a block that cannot be read */
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- orders to the reader ---- */

void bp_order_block(bp_shared *s, uint32_t slot, uint32_t stream, uint64_t deadline)
{
    const bp_slot *c = &s->cache.slots[slot];
    bp_order o = {.kind = BP_ORDER_WANT, .stream = stream, .slot = slot, .generation = c->generation,
                  .sample = (uint32_t)(c->key >> 32), .block = (uint32_t)c->key, .deadline = deadline};
    bp_ring_push(s->orders, &o);
}

void bp_order_drop(bp_shared *s, uint32_t slot)
{
    bp_order o = {.kind = BP_ORDER_DROP, .slot = slot, .generation = s->cache.slots[slot].generation};
    bp_ring_push(s->orders, &o);
}

void bp_order_rate(bp_shared *s, const bp_voice *v, uint64_t bytes_per_second)
{
    bp_order o = {.kind = BP_ORDER_RATE, .stream = v->stream, .deadline = bytes_per_second, .tag = v->tag,
                  .priority = v->priority};
    bp_ring_push(s->orders, &o);
}

void bp_note_access(bp_shared *s, uint64_t key)
{
    if (s->accesses && !bp_ring_push(s->accesses, &key))
        bp_tally(&s->accesses_lost, 1);
}

/* ---- which block comes next ---- */

static uint32_t block_of(const bp_shared *s, const bp_voice *v, uint64_t file_frame, uint32_t byte)
{
    return (uint32_t)((v->file->format.data_offset + file_frame * v->frame_bytes + byte) >> s->cache.block_shift);
}

static uint32_t first_block(const bp_shared *s, const bp_voice *v, uint64_t f)
{
    return block_of(s, v, f, 0);
}

static uint32_t last_block(const bp_shared *s, const bp_voice *v, uint64_t f)
{
    return block_of(s, v, f, v->frame_bytes - 1);
}

/* The cursor's block is held: go to the frame that needs one more. A frame that straddles two blocks needs
 * both, so the same frame can come twice. */
static void advance(const bp_shared *s, bp_voice *v, const bp_piece *p)
{
    bp_window *w = &v->window;
    uint64_t offset = v->file->format.data_offset, size = s->cache.block_bytes, skip;
    if (p->step > 0) {
        if (w->cursor < last_block(s, v, p->file)) {
            w->cursor++;
            return;
        }
        skip = (((uint64_t)w->cursor + 1) * size - offset) / v->frame_bytes - p->file;
        w->cursor++;
    } else {
        if (w->cursor > first_block(s, v, p->file)) {
            w->cursor--;
            return;
        }
        uint64_t edge = (uint64_t)w->cursor * size;
        skip = edge > offset ? p->file - (edge - offset - 1) / v->frame_bytes : p->count;
        w->cursor--;
    }
    if (skip >= p->count) {
        skip = p->count;
        w->fresh = 1;
    }
    w->ahead += skip;
}

/* A loop that lies within two blocks is held whole once both are in the window. */
static int short_loop(const bp_shared *s, const bp_voice *v)
{
    const bp_region *r = &v->region;
    return r->loop != BP_LOOP_NONE &&
           last_block(s, v, r->end - 1) - first_block(s, v, r->loop_start) <= 1;
}

/* The frame by which the block for virtual frame `first` must be there: when the fade that would hide its
 * absence had to begin. */
static uint64_t deadline(const bp_shared *s, const bp_voice *v, uint64_t first)
{
    uint64_t taps = bp_taps_after(s->quality) + 2;
    if (first <= v->u + taps)
        return s->frame;
    uint64_t frames = ((first - v->u - taps) << 32) / v->inc, margin = s->fade_frames + BP_GRID;
    return s->frame + (frames > margin ? frames - margin : 0);
}

/* ---- entries ---- */

static void append(bp_shared *s, bp_voice *v, uint32_t slot, uint64_t first)
{
    bp_window *w = &v->window;
    uint32_t e = s->free_entry;
    s->free_entry = s->entries[e].next;
    s->entries[e] = (bp_entry){first, slot, BP_NONE};
    if (w->tail == BP_NONE)
        w->head = e;
    else
        s->entries[w->tail].next = e;
    w->tail = e;
    w->length++;
    if (w->check == BP_NONE)
        w->check = e;
}

static void let_go(bp_shared *s, bp_voice *v, uint32_t e)
{
    uint32_t slot = s->entries[e].slot;
    if (slot == v->memo_slot)
        v->memo_block = v->memo_slot = BP_NONE;
    if (bp_cache_release(&s->cache, slot))
        bp_order_drop(s, slot);
    s->entries[e].next = s->free_entry;
    s->free_entry = e;
    v->window.length--;
}

static void pop(bp_shared *s, bp_voice *v)
{
    bp_window *w = &v->window;
    uint32_t e = w->head, next = s->entries[e].next;
    if (w->check == e)
        w->check = next;
    w->head = next;
    if (next == BP_NONE)
        w->tail = BP_NONE;
    let_go(s, v, e);
}

/* Gives back what lies beyond the first `keep` entries; the window resumes there. */
static void trim(bp_shared *s, bp_voice *v, uint32_t keep)
{
    bp_window *w = &v->window;
    uint32_t e = w->head;
    for (uint32_t i = 1; i < keep; i++)
        e = s->entries[e].next;
    uint32_t cut = s->entries[e].next;
    w->ahead = s->entries[cut].first;
    w->cursor = (uint32_t)s->cache.slots[s->entries[cut].slot].key;
    w->fresh = 0;
    w->tail = e;
    s->entries[e].next = BP_NONE;
    while (cut != BP_NONE) {
        uint32_t next = s->entries[cut].next;
        if (w->check == cut)
            w->check = next; /* ends at BP_NONE when all that is kept is resident */
        let_go(s, v, cut);
        cut = next;
    }
    if (w->safe > w->ahead)
        w->safe = w->ahead;
}

/* Holds one more block. 0 when there is no room for it now. */
static int reach(bp_shared *s, bp_voice *v)
{
    bp_window *w = &v->window;
    uint32_t slot = BP_NONE, sample = v->sample;
    if (w->tail != BP_NONE && (uint32_t)s->cache.slots[s->entries[w->tail].slot].key == w->cursor)
        return 1; /* the piece before ended in this block */
    if (s->free_entry == BP_NONE || bp_ring_room(s->orders) < s->order_reserve + s->cache.loading)
        return 0;
    uint64_t key = bp_key(sample, w->cursor);
    bp_acquired got = bp_cache_acquire(&s->cache, key, &slot);
    if (got == BP_ACQUIRED_NOTHING)
        return 0;
    bp_note_access(s, key);
    if (got == BP_ACQUIRED_NEW || got == BP_ACQUIRED_LOADING)
        bp_order_block(s, slot, v->stream, deadline(s, v, w->ahead));
    append(s, v, slot, w->ahead);
    return 1;
}

static void extend(bp_shared *s, bp_voice *v, uint32_t share)
{
    bp_window *w = &v->window;
    w->no_room = 0;
    for (int steps = 0; steps < MOST_STEPS && w->length < share && w->ahead != UINT64_MAX; steps++) {
        bp_piece p = bp_region_piece(&v->region, w->ahead);
        if (p.count == 0) {
            w->ahead = UINT64_MAX;
            return;
        }
        if (w->fresh) {
            w->cursor = p.step > 0 ? first_block(s, v, p.file) : last_block(s, v, p.file);
            w->fresh = 0;
        }
        if (!reach(s, v)) {
            w->no_room = 1;
            return;
        }
        advance(s, v, &p);
        uint64_t length = v->region.end - v->region.start, cycle = v->region.end - v->region.loop_start;
        uint64_t whole_from = w->from > length ? w->from : length;
        if (w->fresh && w->ahead >= whole_from + 2 * cycle && short_loop(s, v)) {
            w->ahead = UINT64_MAX;
            w->looped = 1;
        }
    }
}

/* ---- the window as a whole ---- */

void bp_window_open(bp_voice *v)
{
    v->window = (bp_window){.head = BP_NONE, .tail = BP_NONE, .check = BP_NONE, .fresh = 1};
    v->memo_block = v->memo_slot = BP_NONE;
}

/* Lets everything go and reaches anew from virtual frame `from` on. */
static void begin_again(bp_shared *s, bp_voice *v, uint64_t from)
{
    bp_window *w = &v->window;
    while (w->head != BP_NONE)
        pop(s, v);
    w->ahead = w->from = from;
    w->safe = 0;
    w->fresh = 1;
}

/* Lets go of the blocks before virtual frame `behind`. 1 when one of them was still being read. */
static int let_pass(bp_shared *s, bp_voice *v, uint64_t behind)
{
    bp_window *w = &v->window;
    uint64_t held_from = w->looped ? v->region.end - v->region.start : UINT64_MAX;
    int missed = 0;
    while (w->head != w->tail) {
        uint64_t next = s->entries[s->entries[w->head].next].first;
        if (next >= behind || next > held_from)
            break;
        missed |= s->cache.slots[s->entries[w->head].slot].state == BP_LOADING;
        pop(s, v);
    }
    return missed;
}

/* A silent voice that asks for the block it stands in gets it when it has passed, for ever. It asks for what comes
 * later instead, further ahead each time that even this was too late, and comes back there. */
static void skip_ahead(bp_shared *s, bp_voice *v)
{
    bp_window *w = &v->window;
    uint64_t block = s->cache.block_bytes / v->frame_bytes, least = 2 * block, most = MOST_SKIP_BLOCKS * block;
    w->skip = 2 * w->skip < least ? least : 2 * w->skip > most ? most : 2 * w->skip;
    if (w->ahead <= v->u + w->skip)
        begin_again(s, v, v->u + w->skip);
    else
        let_pass(s, v, w->from = v->u + w->skip); /* what is on its way beyond that stays on its way */
}

void bp_window_update(bp_shared *s, bp_voice *v, uint32_t share)
{
    bp_window *w = &v->window;
    if (w->head != BP_NONE && v->u < w->quiet && w->length >= share && w->length <= share + 1)
        return; /* nothing to let go, nothing to reach for */
    uint64_t before = bp_taps_before(s->quality), behind = v->u > before ? v->u - before : 0;
    int missed = 0;
    if (w->ahead != UINT64_MAX && w->ahead < behind) /* time went on while the cache had no room */
        begin_again(s, v, behind);
    else if (w->from <= v->u)
        missed = let_pass(s, v, behind);
    if (missed && v->duck == BP_SILENT && !w->looped && w->ahead != UINT64_MAX)
        skip_ahead(s, v);
    bp_window_limit(s, v, share);
    if (w->length <= v->low || v->duck != BP_PLAYING || w->from > v->u)
        extend(s, v, share);
    w->quiet = w->head == w->tail || w->looped ? 0 : s->entries[s->entries[w->head].next].first + before;
}

void bp_window_retry(bp_shared *s, bp_voice *v)
{
    uint32_t e = v->window.check;
    if (e == BP_NONE || s->frame < v->retry_at || bp_ring_room(s->orders) < s->order_reserve + s->cache.loading)
        return;
    uint32_t slot = s->entries[e].slot;
    if (bp_cache_retry(&s->cache, slot))
        bp_order_block(s, slot, v->stream, s->frame);
    v->retry_at = s->frame + RETRY_FRAMES;
}

void bp_window_limit(bp_shared *s, bp_voice *v, uint32_t share)
{
    if (!v->window.looped && v->window.length > share + 1) /* one more may be half behind */
        trim(s, v, share);
}

void bp_window_close(bp_shared *s, bp_voice *v)
{
    while (v->window.head != BP_NONE)
        pop(s, v);
}

int bp_window_covers(bp_shared *s, bp_voice *v, uint64_t until)
{
    bp_window *w = &v->window;
    until = smaller(until, v->last);
    if (until <= w->safe)
        return 1;
    while (w->check != BP_NONE && s->cache.slots[s->entries[w->check].slot].state == BP_RESIDENT)
        w->check = s->entries[w->check].next;
    w->safe = w->check == BP_NONE ? w->ahead : s->entries[w->check].first;
    return until <= w->safe;
}
