/* The window against brute force: every virtual frame from the start on, and the blocks that its bytes touch. */
#include "test.h"
#include "voice.h"

#include <string.h>

enum { SIZE = 512, BLOCKS = 40, ENTRIES = 256, NEEDS = 1 << 16, HOGS = BLOCKS };

typedef struct {
    uint32_t block;
    uint64_t first;
} need;

typedef struct {
    bp_shared s;
    bp_ring orders;
    bp_voice v;
    bp_file file;
    need needs[NEEDS]; /* the blocks in the order of need, each with the virtual frame that needs it first */
    uint32_t need_count, hogs[HOGS], hog_count;
    uint64_t random, horizon;
} world;

static uint32_t block_at(const world *w, uint64_t frame, uint32_t byte)
{
    return (uint32_t)((w->file.format.data_offset + frame * w->v.frame_bytes + byte) / SIZE);
}

static void add_need(world *w, uint32_t block, uint64_t first)
{
    if (w->need_count && w->needs[w->need_count - 1].block == block)
        return;
    CHECK(w->need_count < NEEDS);
    w->needs[w->need_count++] = (need){block, first};
}

static void enumerate(world *w)
{
    w->need_count = 0;
    for (uint64_t u = 0; u < w->horizon; u++) {
        bp_piece p = bp_region_piece(&w->v.region, u);
        if (p.count == 0)
            return;
        uint32_t low = block_at(w, p.file, 0), high = block_at(w, p.file, w->v.frame_bytes - 1);
        add_need(w, p.step > 0 ? low : high, u);
        add_need(w, p.step > 0 ? high : low, u);
    }
}

/* ---- what the reader would do ---- */

static void take_orders(world *w)
{
    const bp_order *o;
    while ((o = bp_ring_peek(&w->orders))) {
        if (o->kind == BP_ORDER_DROP && bp_cache_deliver(&w->s.cache, o->slot, o->generation, BP_EFULL))
            CHECK(w->s.cache.slots[o->slot].state == BP_LOADING);
        bp_ring_drop(&w->orders);
    }
}

static void deliver_some(world *w)
{
    for (uint32_t slot = 0; slot < BLOCKS; slot++)
        if (w->s.cache.slots[slot].state == BP_LOADING && pick(&w->random, 3) == 0)
            bp_cache_deliver(&w->s.cache, slot, w->s.cache.slots[slot].generation, BP_OK);
}

/* ---- checks ---- */

static int held(const world *w, uint32_t block, int resident)
{
    for (uint32_t e = w->v.window.head; e != BP_NONE; e = w->s.entries[e].next) {
        const bp_slot *slot = &w->s.cache.slots[w->s.entries[e].slot];
        if (slot->key == bp_key(w->v.sample, block))
            return slot->refs > 0 && (!resident || slot->state == BP_RESIDENT);
    }
    return 0;
}

/* The entries are a run of the needs without a gap, and hold what the voice still touches. */
static void check_entries(const world *w)
{
    const bp_window *win = &w->v.window;
    uint32_t length = 0, before = bp_taps_before(w->s.quality);
    uint64_t behind = w->v.u > before ? w->v.u - before : 0;
    if (win->head != BP_NONE) {
        const bp_entry *head = &w->s.entries[win->head];
        uint32_t i = w->need_count; /* the last need of its block by then: it may have begun again within it */
        do
            CHECK(i-- > 0);
        while (w->needs[i].first > head->first ||
               bp_key(w->v.sample, w->needs[i].block) != w->s.cache.slots[head->slot].key);
        CHECK(head->first <= behind || i == 0 || w->needs[i].first <= behind);
        for (uint32_t e = win->head; e != BP_NONE; e = w->s.entries[e].next, i++, length++) {
            const bp_slot *slot = &w->s.cache.slots[w->s.entries[e].slot];
            CHECK(i < w->need_count && slot->key == bp_key(w->v.sample, w->needs[i].block) && slot->refs > 0);
            CHECK(e == win->head || w->s.entries[e].first == w->needs[i].first);
            CHECK((w->s.entries[e].next == BP_NONE) == (e == win->tail));
        }
    }
    CHECK(length == win->length);
}

/* What the window promises, frame by frame. */
static void check_cover(world *w)
{
    uint32_t before = bp_taps_before(w->s.quality);
    uint64_t behind = w->v.u > before ? w->v.u - before : 0, until = w->v.u + 1 + pick(&w->random, 700);
    int promised = bp_window_covers(&w->s, &w->v, until), all = 1;
    if (until > w->v.last)
        until = w->v.last;
    for (uint64_t u = behind; u < until && all; u++) {
        bp_piece p = bp_region_piece(&w->v.region, u);
        all = held(w, block_at(w, p.file, 0), 1) && held(w, block_at(w, p.file, w->v.frame_bytes - 1), 1);
    }
    CHECK(!promised || all);
    CHECK(promised || !all || w->v.window.ahead < until || w->v.region.loop); /* a block can stand for a later use */
}

static void let_one_go(world *w)
{
    uint32_t i = pick(&w->random, w->hog_count);
    if (bp_cache_release(&w->s.cache, w->hogs[i]))
        bp_order_drop(&w->s, w->hogs[i]);
    w->hogs[i] = w->hogs[--w->hog_count];
}

static void hog(world *w) /* others hold and let go of blocks */
{
    uint32_t slot;
    if (w->hog_count < HOGS && pick(&w->random, 2)) {
        if (bp_cache_acquire(&w->s.cache, bp_key(77, (uint32_t)rnd(&w->random)), &slot) != BP_ACQUIRED_NOTHING)
            w->hogs[w->hog_count++] = slot;
    } else if (w->hog_count) {
        let_one_go(w);
    }
}

/* ---- one life of a voice ---- */

static void make_voice(world *w)
{
    static const uint32_t widths[] = {1, 2, 3, 4, 6, 8};
    bp_voice *v = &w->v;
    uint32_t frames = 1 + pick(&w->random, pick(&w->random, 2) ? 3000 : 300);
    w->file.format = (bp_sample){.data_offset = pick(&w->random, 1200), .frames = frames, .channels = 1};
    bp_region r = {pick(&w->random, frames), 0, 0, pick(&w->random, 2), pick(&w->random, 3)};
    r.end = r.start + 1 + pick(&w->random, frames - (uint32_t)r.start);
    r.loop_start = r.start + pick(&w->random, (uint32_t)(r.end - r.start));
    *v = (bp_voice){.region = r, .file = &w->file, .inc = (uint64_t)1 << 32, .sample = pick(&w->random, 4),
                    .frame_bytes = widths[pick(&w->random, 6)], .stream = 3, .last = bp_region_length(&r)};
    w->s.quality = pick(&w->random, 3);
    w->horizon = 28000; /* beyond what the largest share reaches from the last frame played */
    enumerate(w);
    bp_window_open(v);
}

static void check_closed(const world *w)
{
    uint32_t free_entries = 0, refs = 0;
    for (uint32_t e = w->s.free_entry; e != BP_NONE; e = w->s.entries[e].next)
        free_entries++;
    for (uint32_t slot = 0; slot < BLOCKS; slot++)
        refs += w->s.cache.slots[slot].state == BP_FREE ? 0 : w->s.cache.slots[slot].refs;
    CHECK(w->v.window.length == 0 && free_entries == ENTRIES && refs == w->hog_count);
}

static void live(world *w, int crowded)
{
    make_voice(w);
    uint32_t share = 2 + pick(&w->random, 20);
    while (w->v.u < w->v.last && w->v.u < 6000) {
        for (int i = crowded ? (int)pick(&w->random, 30) : 0; i > 0; i--)
            hog(w);
        if (pick(&w->random, 20) == 0)
            share = 2 + pick(&w->random, 20);
        if (pick(&w->random, 20) == 0)
            bp_window_limit(&w->s, &w->v, share);
        check_entries(w);
        w->v.low = share;
        bp_window_update(&w->s, &w->v, share);
        check_entries(w);
        const bp_window *win = &w->v.window;
        CHECK(win->looped || win->length <= share + 1);
        CHECK(crowded || win->looped || win->length >= share || win->ahead == UINT64_MAX || win->ahead > w->v.u + 60);
        take_orders(w);
        deliver_some(w);
        check_cover(w);
        w->v.u += pick(&w->random, 300);
    }
    bp_window_close(&w->s, &w->v);
    take_orders(w);
    check_closed(w);
}

int main(void)
{
    static world w = {.random = 7};
    static bp_entry entries[ENTRIES];
    static bp_order orders[1024];
    bp_arena measure = {0};
    bp_cache_init(&w.s.cache, &measure, BLOCKS, SIZE, BP_LRU);
    bp_arena carve = {aligned_alloc(64, (measure.used + 63) & ~(size_t)63), 0};
    CHECK(carve.base);
    bp_cache_init(&w.s.cache, &carve, BLOCKS, SIZE, BP_LRU);
    w.orders = (bp_ring){.items = (char *)orders, .item_bytes = sizeof *orders, .mask = 1023};
    w.s.orders = &w.orders;
    w.s.entries = entries;
    w.s.fade_frames = 128;
    for (uint32_t i = 0; i < ENTRIES; i++)
        entries[i].next = i + 1 < ENTRIES ? i + 1 : BP_NONE;
    for (int i = 0; i < 1000; i++) {
        live(&w, i & 1);
        while (w.hog_count)
            let_one_go(&w);
        take_orders(&w);
    }
    free(carve.base);
    return 0;
}
