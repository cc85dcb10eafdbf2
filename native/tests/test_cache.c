/* The cache against a naive one: lists searched from end to end. */
#include "cache.h"
#include "test.h"

#include <string.h>

enum { BLOCKS = 13, KEYS = 40, STEPS = 200000, SIZE = 512 };

typedef struct {
    int known, state, pinned;
    uint32_t refs, slot;
    uint64_t freed; /* when its last reference went: the LRU order */
    int dropped;    /* the reader was told to drop it */
} naive;

typedef struct {
    bp_cache cache;
    naive keys[KEYS];
    uint64_t random, now, hits, misses, evictions;
} world;

static uint64_t key_of(uint32_t i)
{
    return bp_key(i % 3, i * 977); /* several samples, spread blocks */
}

static uint32_t known(const world *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < KEYS; i++)
        n += w->keys[i].known != 0;
    return n;
}

static naive *oldest(world *w)
{
    naive *best = NULL;
    for (uint32_t i = 0; i < KEYS; i++) {
        naive *k = &w->keys[i];
        if (k->known && k->state == BP_RESIDENT && k->refs == 0 && (!best || k->freed < best->freed))
            best = k;
    }
    return best;
}

static void acquire(world *w, uint32_t i)
{
    naive *k = &w->keys[i];
    uint32_t slot;
    bp_acquired got = bp_cache_acquire(&w->cache, key_of(i), &slot);
    if (!k->known) {
        if (known(w) == BLOCKS) {
            naive *victim = oldest(w);
            if (!victim) {
                CHECK(got == BP_ACQUIRED_NOTHING);
                return;
            }
            victim->known = 0;
            w->evictions++;
        }
        CHECK(got == BP_ACQUIRED_NEW);
        *k = (naive){1, BP_LOADING, 0, 1, slot, 0, 0};
        w->misses++;
    } else if (k->state == BP_FAILED) {
        CHECK(got == BP_ACQUIRED_NEW && slot == k->slot);
        k->refs++;
        k->state = BP_LOADING;
        w->misses++;
    } else {
        CHECK(got == (k->state == BP_LOADING ? BP_ACQUIRED_LOADING : BP_ACQUIRED_HIT) && slot == k->slot);
        k->refs++;
        w->hits++;
    }
    if (got == BP_ACQUIRED_NEW)
        memset(bp_cache_data(&w->cache, slot), (int)i, SIZE);
}

static void release(world *w, naive *k)
{
    int told = bp_cache_release(&w->cache, k->slot);
    k->refs--;
    CHECK(told == (k->refs == 0 && k->state == BP_LOADING));
    k->dropped |= told;
    if (k->refs == 0 && k->state == BP_RESIDENT)
        k->freed = ++w->now;
    if (k->refs == 0 && k->state == BP_FAILED)
        k->known = 0;
}

static void deliver(world *w, naive *k, int status)
{
    uint32_t generation = w->cache.slots[k->slot].generation;
    CHECK(bp_cache_deliver(&w->cache, k->slot, generation + 1 + pick(&w->random, 9), status) == 0); /* not this use */
    if (status == BP_EFULL && !k->dropped)
        return;
    int again = bp_cache_deliver(&w->cache, k->slot, generation, status);
    CHECK(again == (status == BP_EFULL && k->refs > 0));
    k->dropped = 0;
    if (again) {
        CHECK(w->cache.slots[k->slot].generation != generation);
        return;
    }
    k->state = status == BP_OK ? BP_RESIDENT : BP_FAILED;
    if (k->refs == 0 && status == BP_OK)
        k->freed = ++w->now;
    if (k->refs == 0 && status != BP_OK)
        k->known = 0;
    CHECK(bp_cache_deliver(&w->cache, k->slot, generation, BP_EIO) == 0); /* a second one changes nothing */
}

static void compare(const world *w)
{
    uint32_t resident = 0, loading = 0, seen = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        const naive *k = &w->keys[i];
        uint32_t slot = bp_cache_find(&w->cache, key_of(i));
        CHECK(slot == (k->known ? k->slot : BP_NONE));
        if (!k->known)
            continue;
        CHECK(w->cache.slots[slot].state == k->state && w->cache.slots[slot].refs == k->refs);
        CHECK(*bp_cache_data(&w->cache, slot) == i); /* its memory is its own */
        resident += k->state == BP_RESIDENT;
        loading += k->state == BP_LOADING;
    }
    for (uint32_t slot = w->cache.waiting[0].oldest; slot != BP_NONE; slot = w->cache.slots[slot].next)
        seen++;
    for (uint32_t i = 0; i < KEYS; i++)
        seen -= w->keys[i].known && w->keys[i].state == BP_RESIDENT && w->keys[i].refs == 0;
    CHECK(seen == 0);
    CHECK(resident == w->cache.resident && loading == w->cache.loading);
    CHECK(w->hits == w->cache.hits && w->misses == w->cache.misses && w->evictions == w->cache.evictions);
}

static void step(world *w)
{
    static const int statuses[] = {BP_OK, BP_OK, BP_EIO, BP_EFULL};
    uint32_t i = pick(&w->random, KEYS);
    naive *k = &w->keys[i];
    switch (pick(&w->random, 4)) {
    case 0:
        if (known(w) < BLOCKS || pick(&w->random, 3) == 0)
            acquire(w, i);
        break;
    case 1:
    case 2:
        if (k->known && k->refs)
            release(w, k);
        break;
    default:
        if (k->known && k->state == BP_LOADING)
            deliver(w, k, statuses[pick(&w->random, 4)]);
    }
}

int main(void)
{
    static world w = {.random = 42};
    bp_arena measure = {0};
    bp_cache_init(&w.cache, &measure, BLOCKS, SIZE, BP_LRU);
    bp_arena carve = {aligned_alloc(64, (measure.used + 63) & ~(size_t)63), 0};
    CHECK(carve.base);
    bp_cache_init(&w.cache, &carve, BLOCKS, SIZE, BP_LRU);
    CHECK(carve.used == measure.used);
    for (int i = 0; i < STEPS; i++) {
        step(&w);
        compare(&w);
    }
    CHECK(w.evictions > 1000 && w.hits > 1000);
    free(carve.base);
    return 0;
}
