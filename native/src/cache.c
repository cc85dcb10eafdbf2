/* The block cache. See cache.h. */
#include "cache.h"

static uint32_t hash(const bp_cache *c, uint64_t key)
{
    return (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 32) & c->table_mask; /* Fibonacci hashing (Knuth) */
}

void bp_cache_init(bp_cache *c, bp_arena *arena, uint32_t blocks, uint32_t block_bytes, uint32_t policy)
{
    uint32_t table = 16;
    while (table < 2 * blocks)
        table *= 2;
    *c = (bp_cache){.count = blocks, .block_bytes = block_bytes, .block_mask = block_bytes - 1,
                    .block_shift = (uint32_t)__builtin_ctz(block_bytes), .table_mask = table - 1,
                    .policy = policy,
                    .waiting = {{BP_NONE, BP_NONE, 0}, {BP_NONE, BP_NONE, 0}}};
    c->data = bp_arena_take(arena, blocks, block_bytes);
    c->slots = bp_arena_take(arena, blocks, sizeof *c->slots);
    c->table = bp_arena_take(arena, table, sizeof *c->table);
    if (!arena->base)
        return;
    for (uint32_t i = 0; i < table; i++)
        c->table[i] = BP_NONE;
    for (uint32_t i = 0; i < blocks; i++)
        c->slots[i] = (bp_slot){.next = i + 1 < blocks ? i + 1 : BP_NONE, .generation = 1};
}

/* ---- the waiting lists ---- */

static void wait_last(bp_cache *c, uint32_t slot)
{
    bp_slot *s = &c->slots[slot];
    bp_waiting *w = &c->waiting[s->list];
    s->previous = w->newest;
    s->next = BP_NONE;
    if (w->newest != BP_NONE)
        c->slots[w->newest].next = slot;
    else
        w->oldest = slot;
    w->newest = slot;
    w->count++;
}

static void stop_waiting(bp_cache *c, uint32_t slot)
{
    bp_slot *s = &c->slots[slot];
    bp_waiting *w = &c->waiting[s->list];
    if (s->previous != BP_NONE)
        c->slots[s->previous].next = s->next;
    else
        w->oldest = s->next;
    if (s->next != BP_NONE)
        c->slots[s->next].previous = s->previous;
    else
        w->newest = s->previous;
    w->count--;
}

/* Nobody holds the block any more. Those that came back fill three quarters of the pool at most: then the oldest of
 * them is one of the others again. */
static void begin_waiting(bp_cache *c, uint32_t slot)
{
    wait_last(c, slot);
    if (c->waiting[1].count > c->count / 4 * 3) {
        uint32_t oldest = c->waiting[1].oldest;
        stop_waiting(c, oldest);
        c->slots[oldest].list = 0;
        wait_last(c, oldest);
    }
}

static uint32_t victim(const bp_cache *c)
{
    const bp_waiting *w = c->waiting[0].count ? &c->waiting[0] : &c->waiting[1];
    return c->policy == BP_MRU ? w->newest : w->oldest;
}

/* ---- hash table ---- */

uint32_t bp_cache_find(const bp_cache *c, uint64_t key)
{
    for (uint32_t i = hash(c, key);; i = (i + 1) & c->table_mask) {
        uint32_t slot = c->table[i];
        if (slot == BP_NONE || c->slots[slot].key == key)
            return slot;
    }
}

static void table_insert(bp_cache *c, uint32_t slot)
{
    uint32_t i = hash(c, c->slots[slot].key);
    while (c->table[i] != BP_NONE)
        i = (i + 1) & c->table_mask;
    c->table[i] = slot;
}

/* Deletion by backward shift keeps every probe sequence whole without tombstones. */
static void table_remove(bp_cache *c, uint32_t slot)
{
    uint32_t hole = hash(c, c->slots[slot].key);
    while (c->table[hole] != slot)
        hole = (hole + 1) & c->table_mask;
    for (uint32_t i = (hole + 1) & c->table_mask; c->table[i] != BP_NONE; i = (i + 1) & c->table_mask) {
        uint32_t home = hash(c, c->slots[c->table[i]].key);
        if (((i - home) & c->table_mask) >= ((i - hole) & c->table_mask)) {
            c->table[hole] = c->table[i];
            hole = i;
        }
    }
    c->table[hole] = BP_NONE;
}

/* ---- slots ---- */

static void make_free(bp_cache *c, uint32_t slot)
{
    bp_slot *s = &c->slots[slot];
    table_remove(c, slot);
    s->state = BP_FREE;
    s->generation++;
    s->next = c->free_head;
    c->free_head = slot;
}

static uint32_t take_slot(bp_cache *c)
{
    uint32_t gone = c->free_head == BP_NONE ? victim(c) : BP_NONE;
    if (gone != BP_NONE) {
        stop_waiting(c, gone);
        make_free(c, gone);
        c->resident--;
        c->evictions++;
    }
    uint32_t slot = c->free_head;
    if (slot != BP_NONE)
        c->free_head = c->slots[slot].next;
    return slot;
}

bp_acquired bp_cache_acquire(bp_cache *c, uint64_t key, uint32_t *slot)
{
    *slot = bp_cache_find(c, key);
    if (*slot != BP_NONE) {
        bp_slot *s = &c->slots[*slot];
        if (s->refs++ == 0 && s->state == BP_RESIDENT) {
            stop_waiting(c, *slot);
            s->list = c->policy == BP_SLRU;
        }
        if (bp_cache_retry(c, *slot)) /* whoever wants it next tries the card again */
            return BP_ACQUIRED_NEW;
        c->hits++;
        return s->state == BP_LOADING ? BP_ACQUIRED_LOADING : BP_ACQUIRED_HIT;
    }
    *slot = take_slot(c);
    if (*slot == BP_NONE)
        return BP_ACQUIRED_NOTHING;
    bp_slot *s = &c->slots[*slot];
    s->key = key;
    s->refs = 1;
    s->list = 0;
    s->state = BP_LOADING;
    table_insert(c, *slot);
    c->loading++;
    c->misses++;
    return BP_ACQUIRED_NEW;
}

int bp_cache_release(bp_cache *c, uint32_t slot)
{
    bp_slot *s = &c->slots[slot];
    if (--s->refs > 0)
        return 0;
    if (s->state == BP_RESIDENT)
        begin_waiting(c, slot);
    else if (s->state == BP_FAILED)
        make_free(c, slot);
    return s->state == BP_LOADING;
}

int bp_cache_retry(bp_cache *c, uint32_t slot)
{
    bp_slot *s = &c->slots[slot];
    if (s->state != BP_FAILED)
        return 0;
    s->state = BP_LOADING;
    s->generation++;
    c->loading++;
    c->misses++;
    return 1;
}

int bp_cache_deliver(bp_cache *c, uint32_t slot, uint32_t generation, int status)
{
    bp_slot *s = &c->slots[slot];
    if (s->state != BP_LOADING || s->generation != generation)
        return 0;
    if (status == BP_EFULL && s->refs > 0) {
        s->generation++;
        return 1;
    }
    c->loading--;
    s->state = status == BP_OK ? BP_RESIDENT : BP_FAILED;
    if (status == BP_OK) {
        c->resident++;
        if (s->refs == 0) {
            c->wasted_blocks++;
            begin_waiting(c, slot);
        }
    } else if (s->refs == 0) {
        make_free(c, slot);
    }
    return 0;
}
