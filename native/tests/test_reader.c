/* The reader: who is served first, what is joined, what is said of it, and whether the bytes are the file's. */
#define _POSIX_C_SOURCE 200809L
#include "cache.h"
#include "reader.h"
#include "script_card.h"

#include <string.h>

enum { SIZE = 1024, SLOTS = 64, STREAMS = 5, FILES = 3, FILE_BYTES = 100 * SIZE + 333, EXTENTS = 400 };

typedef struct {
    int queued, flying; /* known to the reader; its delivery not seen yet */
    uint32_t sample, block, generation, stream;
    uint64_t deadline;
    int drop;
} asked;

typedef struct {
    bp_reader r;
    bp_file files[FILES];
    bp_extent extents[FILES][EXTENTS];
    uint64_t begins[FILES][EXTENTS];
    unsigned char data[SLOTS * SIZE];
    asked slots[SLOTS];
    script_card card;
    bp_device device;
    void *memory;
    uint64_t random, deliveries[4];
} world;

/* A file in pieces of `least` bytes to `most`, scattered over the card. */
static void lay(world *w, uint32_t f, uint32_t least, uint32_t most)
{
    uint64_t at = 0, spot = (f + 1) * (uint64_t)10000000;
    uint32_t n = 0;
    for (; at < FILE_BYTES; n++) {
        CHECK(n < EXTENTS);
        uint64_t length = least + pick(&w->random, most - least + 1);
        length = length < FILE_BYTES - at ? length : FILE_BYTES - at;
        w->extents[f][n] = (bp_extent){n % 2 ? spot : 5000000000u + spot, length};
        w->begins[f][n] = at;
        at += length;
        spot += length + pick(&w->random, 3) * 100;
    }
    w->files[f] = (bp_file){.bytes = FILE_BYTES, .card = {n, w->extents[f], w->begins[f]}};
}

static void open_world(world *w, uint32_t max_transfer, uint64_t command_ns, uint64_t ps_per_byte)
{
    memset(w, 0, sizeof *w);
    w->random = 5;
    w->card.command_ns = command_ns;
    w->card.ps_per_byte = ps_per_byte;
    w->device = script_device(&w->card);
    for (uint32_t f = 0; f < FILES; f++)
        lay(w, f, f == 0 ? FILE_BYTES : 512, f == 0 ? FILE_BYTES : f == 1 ? 900 : 9000);
    bp_config config = {.rate = 48000, .block_bytes = SIZE, .max_transfer_blocks = max_transfer};
    bp_arena a = {0};
    bp_reader_init(&w->r, &a, &config, SLOTS, STREAMS, &w->device, w->data, w->files);
    size_t bytes = (a.used + 63) & ~(size_t)63;
    a = (bp_arena){w->memory = aligned_alloc(64, bytes), 0};
    CHECK(w->memory);
    memset(w->memory, 0, bytes);
    memset(&w->r, 0, sizeof w->r);
    bp_reader_init(&w->r, &a, &config, SLOTS, STREAMS, &w->device, w->data, w->files);
}

static void want(world *w, uint32_t slot, uint32_t generation, uint32_t stream, uint32_t sample, uint32_t block,
                 uint64_t deadline)
{
    bp_order o = {.kind = BP_ORDER_WANT, .stream = stream, .slot = slot, .generation = generation, .sample = sample,
                  .block = block, .deadline = deadline};
    CHECK(bp_ring_push(&w->r.orders, &o));
}

static unsigned char file_byte(const world *w, uint32_t f, uint64_t at)
{
    uint32_t e = 0;
    while (at >= w->begins[f][e] + w->extents[f][e].length)
        e++;
    return known_byte(w->extents[f][e].offset + (at - w->begins[f][e]));
}

static void check_bytes(const world *w, uint32_t slot, uint32_t f, uint32_t block)
{
    uint64_t at = (uint64_t)block * SIZE;
    for (uint32_t i = 0; i < SIZE && at + i < FILE_BYTES; i++)
        CHECK(w->data[slot * SIZE + i] == file_byte(w, f, at + i));
}

static bp_delivery take(world *w)
{
    const bp_delivery *d = bp_ring_peek(&w->r.deliveries);
    CHECK(d);
    bp_delivery copy = *d;
    bp_ring_drop(&w->r.deliveries);
    return copy;
}

/* ---- one thing at a time ---- */

static void earliest_first(void)
{
    static world w;
    static const uint64_t deadlines[STREAMS] = {500, 100, 900, 300, 101};
    static const uint32_t turns[STREAMS] = {1, 4, 3, 0, 2};
    open_world(&w, 8, 1000, 10);
    for (uint32_t s = 0; s < STREAMS; s++)
        want(&w, s, 2, s, 0, 10 * s, deadlines[s]);
    for (uint32_t i = 0; i < STREAMS; i++) {
        CHECK(bp_reader_step(&w.r, 0, UINT64_MAX, 1) == 1);
        bp_delivery d = take(&w);
        CHECK(d.slot == turns[i] && d.status == BP_OK && d.generation == 2);
        check_bytes(&w, d.slot, 0, 10 * d.slot);
    }
    CHECK(bp_reader_step(&w.r, 0, UINT64_MAX, 1) == 0);
    free(w.memory);
}

static void joins(int32_t step, uint32_t most, uint64_t ps_per_byte)
{
    static world w;
    open_world(&w, most, 1000, ps_per_byte);
    for (uint32_t i = 0; i < 6; i++)
        want(&w, 9 - i, 2, 0, 0, (uint32_t)(20 + step * (int32_t)i), 50000 + 100 * i);
    CHECK(bp_reader_step(&w.r, 0, UINT64_MAX, 1) == 1);
    uint32_t joined = most < 6 ? most : 6;
    uint64_t first = step > 0 ? 20 : 21 - joined;
    CHECK(w.card.commands == 1 && w.card.lengths[0] == (uint64_t)joined * SIZE && w.card.vectors[0] == joined);
    CHECK(w.card.offsets[0] == w.extents[0][0].offset + first * SIZE);
    for (uint32_t i = 0; i < joined; i++) {
        bp_delivery d = take(&w);
        CHECK(d.slot == 9 - i && d.status == BP_OK);
        check_bytes(&w, d.slot, 0, (uint32_t)(20 + step * (int32_t)i));
    }
    CHECK(!bp_ring_peek(&w.r.deliveries));
    free(w.memory);
}

static void an_error_costs_only_its_own_block(void)
{
    static world w;
    open_world(&w, 8, 0, 0);
    uint64_t base = w.extents[0][0].offset;
    w.card.bad_from = base + 12 * SIZE;
    w.card.bad_to = base + 12 * SIZE + 1;
    for (uint32_t i = 0; i < 3; i++)
        want(&w, i, 2, 0, 0, 11 + i, 10);
    want(&w, 5, 2, 1, 0, 50, 20);
    CHECK(bp_reader_step(&w.r, 0, UINT64_MAX, 9) == 2);
    for (uint32_t i = 0; i < 3; i++) {
        bp_delivery d = take(&w);
        CHECK(d.slot == i && d.status == (i == 1 ? BP_EIO : BP_OK));
        if (i != 1)
            check_bytes(&w, i, 0, 11 + i);
    }
    CHECK(take(&w).status == BP_OK && w.card.commands == 6 && atomic_load(&w.r.errors) == 3); /* three tries */
    free(w.memory);
}

static void time_is_charged(void)
{
    static world w;
    open_world(&w, 8, 1000000, 50000); /* 1 ms, 20 MB/s: 1024 bytes take 51.2 us */
    want(&w, 0, 2, 0, 0, 3, 10);
    want(&w, 1, 2, 1, 0, 9, 20);
    CHECK(bp_reader_step(&w.r, 5000000, 5000001, 9) == 1); /* the device is busy beyond the interval */
    CHECK(take(&w).frame == (5000000 + 1051200) * 48 / 1000000 + 1);
    CHECK(bp_reader_step(&w.r, 5500000, 6000000, 9) == 0);
    CHECK(bp_reader_step(&w.r, 6000000, 7000000, 9) == 1);
    CHECK(take(&w).frame == (5000000 + 2 * 1051200) * 48 / 1000000 + 1);
    CHECK(atomic_load(&w.r.busy_ns) == 2 * 1051200 && atomic_load(&w.r.bytes) == 2 * SIZE);
    free(w.memory);
}

/* ---- everything at once, against a list ---- */

static void order_something(world *w)
{
    uint32_t slot = pick(&w->random, SLOTS), stream = pick(&w->random, STREAMS);
    asked *a = &w->slots[slot];
    if (!a->flying) {
        uint32_t last = (FILE_BYTES - 1) / SIZE;
        asked fresh = {1, 1, pick(&w->random, FILES), pick(&w->random, last + 1), a->generation + 1, stream,
                       pick(&w->random, 100000), 0};
        *a = fresh;
        want(w, slot, a->generation, stream, a->sample, a->block, a->deadline);
    } else if (a->queued && !a->drop && pick(&w->random, 3) == 0) {
        bp_order o = {.kind = BP_ORDER_DROP, .slot = slot, .generation = a->generation};
        CHECK(bp_ring_push(&w->r.orders, &o));
        a->drop = 1;
    } else if (a->queued && !a->drop) { /* another voice wants it too */
        uint64_t deadline = pick(&w->random, 100000);
        want(w, slot, a->generation, stream, a->sample, a->block, deadline);
        if (deadline < a->deadline) {
            a->deadline = deadline;
            a->stream = stream;
        }
    } else { /* given up already, and wanted again under the old name: the delivery settles it */
        want(w, slot, a->generation, stream, a->sample, a->block, 5);
    }
}

static void serve_one(world *w)
{
    uint64_t earliest = UINT64_MAX;
    int drops = 0, waiting = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (!w->slots[i].queued)
            continue;
        drops += w->slots[i].drop;
        waiting += !w->slots[i].drop;
        if (!w->slots[i].drop && w->slots[i].deadline < earliest)
            earliest = w->slots[i].deadline;
    }
    CHECK(bp_reader_step(&w->r, 0, UINT64_MAX, 1) == (waiting > 0));
    for (int first = 1; bp_ring_peek(&w->r.deliveries);) {
        bp_delivery d = take(w);
        asked *a = &w->slots[d.slot];
        CHECK(a->flying && a->queued && d.generation == a->generation);
        CHECK((d.status == BP_EFULL) == a->drop);
        if (a->drop) {
            drops--;
        } else {
            CHECK(!first || a->deadline == earliest);
            first = 0;
            if (d.status == BP_OK)
                check_bytes(w, d.slot, a->sample, a->block);
        }
        w->deliveries[d.status == BP_EFULL ? 2 : d.status == BP_EIO ? 1 : 0]++;
        a->queued = a->flying = 0;
        a->drop = 0;
    }
    CHECK(drops == 0);
}

static void many(uint32_t max_transfer, uint64_t ps_per_byte)
{
    static world w;
    open_world(&w, max_transfer, 1000, ps_per_byte);
    w.card.bad_from = w.extents[2][3].offset + 100;
    w.card.bad_to = w.card.bad_from + 3000;
    for (uint32_t i = 0; i < SLOTS; i++)
        w.slots[i].generation = 1;
    for (int i = 0; i < 1500; i++) {
        for (uint32_t n = pick(&w.random, 12); n > 0; n--)
            order_something(&w);
        serve_one(&w);
    }
    CHECK(w.deliveries[0] > 1000 && w.deliveries[1] > 5 && w.deliveries[2] > 100);
    free(w.memory);
}

int main(void)
{
    earliest_first();
    joins(1, 8, 10);
    joins(-1, 8, 10);
    joins(1, 4, 10);
    joins(-1, 3, 10);
    joins(1, 8, 0);
    an_error_costs_only_its_own_block();
    time_is_charged();
    many(8, 0);
    many(2, 50);
    return 0;
}
