/* The card reader. See reader.h.
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
 * for it. So a stream waits until there is room for several times its least, or its deadline is two cycles off: on
 * a card near its limit a cycle is long, and then nothing ever waits. */
#include "reader.h"

#include "cache.h"

enum {
    ENOUGH = 4,               /* times its least transfer is what a stream waits for */
    MOST_EXTRA_NS = 20000000, /* beyond its least: a voice that begins meanwhile lives on its pinned head so long */
};

uint64_t bp_frames_to_ns(uint64_t frames, uint32_t rate)
{
    return frames / rate * 1000000000u + frames % rate * 1000000000u / rate;
}

static uint64_t ns_to_frames_ceil(uint64_t ns, uint32_t rate)
{
    return ns / 1000000000u * rate + (ns % 1000000000u * rate + 999999999u) / 1000000000u;
}

static void add(_Atomic uint64_t *counter, uint64_t n) /* one writer: no need of an atomic addition */
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static void ring_init(bp_ring *ring, bp_arena *arena, uint32_t least, uint32_t item_bytes)
{
    uint32_t capacity = 16;
    while (capacity < least)
        capacity *= 2;
    ring->mask = capacity - 1;
    ring->item_bytes = item_bytes;
    ring->items = bp_arena_take(arena, capacity, item_bytes);
}

void bp_reader_init(bp_reader *r, bp_arena *arena, const bp_config *config, uint32_t blocks, uint32_t streams,
                    bp_device *device, unsigned char *data, const bp_file *files)
{
    r->device = device;
    r->files = files;
    r->data = data;
    r->block_bytes = config->block_bytes;
    r->max_blocks = config->max_transfer_blocks;
    r->rate = config->rate;
    r->stream_count = streams;
    device->nominal(device->context, &r->command_ns, &r->ps_per_byte);
    ring_init(&r->orders, arena, blocks + 8 * streams, sizeof(bp_order));
    ring_init(&r->deliveries, arena, blocks, sizeof(bp_delivery));
    r->nodes = bp_arena_take(arena, blocks, sizeof *r->nodes);
    r->queues = bp_arena_take(arena, streams, sizeof *r->queues);
    r->active = bp_arena_take(arena, streams, sizeof *r->active);
    if (arena->base)
        for (uint32_t i = 0; i < streams; i++)
            r->queues[i] = (bp_queue){.head = BP_NONE, .tail = BP_NONE};
}

/* ---- queues ---- */

static uint64_t first_deadline(const bp_reader *r, uint32_t stream)
{
    return r->nodes[r->queues[stream].head].deadline_ns;
}

/* Puts a stream where it belongs among the active ones; the order of equals is by stream number. */
static void activate(bp_reader *r, uint32_t stream)
{
    uint64_t deadline = first_deadline(r, stream);
    uint32_t i = r->active_count++;
    for (; i > 0; i--) {
        uint32_t other = r->active[i - 1];
        uint64_t theirs = first_deadline(r, other);
        if (theirs < deadline || (theirs == deadline && other < stream))
            break;
        r->active[i] = other;
    }
    r->active[i] = stream;
}

static void deactivate(bp_reader *r, uint32_t stream)
{
    uint32_t i = 0;
    while (r->active[i] != stream)
        i++;
    r->active_count--;
    for (; i < r->active_count; i++)
        r->active[i] = r->active[i + 1];
}

static void dequeue(bp_reader *r, uint32_t slot)
{
    bp_node *n = &r->nodes[slot];
    bp_queue *q = &r->queues[n->stream];
    int was_head = q->head == slot;
    if (was_head)
        deactivate(r, n->stream);
    if (n->previous != BP_NONE)
        r->nodes[n->previous].next = n->next;
    else
        q->head = n->next;
    if (n->next != BP_NONE)
        r->nodes[n->next].previous = n->previous;
    else
        q->tail = n->previous;
    n->queued = 0;
    q->length--;
    if (was_head && q->head != BP_NONE)
        activate(r, n->stream);
}

/* Inserts by deadline, from the tail: requests of one stream come in order, so this is where they belong. */
static void enqueue(bp_reader *r, uint32_t slot)
{
    bp_node *n = &r->nodes[slot];
    bp_queue *q = &r->queues[n->stream];
    uint32_t after = q->tail;
    while (after != BP_NONE && r->nodes[after].deadline_ns > n->deadline_ns)
        after = r->nodes[after].previous;
    uint32_t before = after == BP_NONE ? q->head : r->nodes[after].next;
    if (after == BP_NONE && q->head != BP_NONE)
        deactivate(r, n->stream);
    n->previous = after;
    n->next = before;
    if (after != BP_NONE)
        r->nodes[after].next = slot;
    else
        q->head = slot;
    if (before != BP_NONE)
        r->nodes[before].previous = slot;
    else
        q->tail = slot;
    n->queued = 1;
    q->length++;
    if (after == BP_NONE)
        activate(r, n->stream);
}

/* ---- orders ---- */

static void deliver(bp_reader *r, uint32_t slot, int status, uint64_t done_ns)
{
    bp_delivery d = {slot, r->nodes[slot].generation, status, ns_to_frames_ceil(done_ns, r->rate)};
    bp_ring_push(&r->deliveries, &d); /* cannot be full: it has a place for each slot */
}

/* A block that another stream asked for already moves to the stream that needs it first. */
static void want(bp_reader *r, const bp_order *o)
{
    bp_node *n = &r->nodes[o->slot];
    uint64_t deadline_ns = bp_frames_to_ns(o->deadline, r->rate);
    if (n->queued) {
        if (deadline_ns >= n->deadline_ns)
            return;
        dequeue(r, o->slot);
    } else if (n->generation == o->generation) {
        return; /* read already; its delivery is on the way */
    }
    *n = (bp_node){.deadline_ns = deadline_ns, .stream = o->stream, .generation = o->generation,
                   .sample = o->sample, .block = o->block};
    enqueue(r, o->slot);
}

static void take_orders(bp_reader *r)
{
    const bp_order *o;
    while ((o = bp_ring_peek(&r->orders))) {
        bp_queue *q = &r->queues[o->stream];
        if (o->kind == BP_ORDER_WANT) {
            want(r, o);
        } else if (o->kind == BP_ORDER_RATE) {
            r->open_rate += o->deadline - q->rate;
            r->open_count += (uint64_t)(o->deadline > 0) - (uint64_t)(q->rate > 0);
            q->rate = o->deadline;
        } else if (r->nodes[o->slot].queued && r->nodes[o->slot].generation == o->generation) {
            dequeue(r, o->slot);
            deliver(r, o->slot, BP_EFULL, 0);
        }
        bp_ring_drop(&r->orders);
    }
}

/* ---- how much to read ---- */

/* The cycle T of the comment above, in ns. Near saturation the formula has a pole: stay finite. */
static uint64_t cycle_ns(const bp_reader *r)
{
    uint64_t used_ppm = r->open_rate * r->ps_per_byte / 1000000u;
    uint64_t left_ppm = used_ppm < 950000u ? 1000000u - used_ppm : 50000u;
    return r->open_count * r->command_ns * 1000u / left_ppm * 1000u;
}

static uint64_t least_bytes(const bp_reader *r, uint32_t stream, uint64_t cycle)
{
    uint64_t bytes = r->queues[stream].rate * (cycle / 1000u) / 1000000u;
    return (bytes / r->block_bytes + 1) * r->block_bytes;
}

static uint64_t transfer_ns(const bp_reader *r, uint64_t bytes)
{
    return r->command_ns + bytes * r->ps_per_byte / 1000u;
}

static uint64_t until(uint64_t deadline_ns, uint64_t now_ns)
{
    return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

/* The stream to serve now: of those that may not wait any longer, the one with the earliest deadline. BP_NONE when
 * all can wait. The pins' stream consumes nothing and is served whenever the card has time. */
static uint32_t choose(const bp_reader *r, uint64_t start_ns)
{
    uint64_t cycle = cycle_ns(r), soon = 2 * (cycle + bp_frames_to_ns(BP_GRID, r->rate)); /* asked once a grid */
    if (r->command_ns == 0)
        return r->active[0]; /* a command costs nothing that is known: there is no reason to wait */
    for (uint32_t i = 0; i < r->active_count; i++) {
        const bp_queue *q = &r->queues[r->active[i]];
        uint64_t room = (uint64_t)q->length * r->block_bytes;
        if (q->rate == 0 || until(first_deadline(r, r->active[i]), start_ns) <= soon ||
            room >= ENOUGH * least_bytes(r, r->active[i], cycle) || q->length >= r->max_blocks)
            return r->active[i];
    }
    return BP_NONE;
}

/* How many blocks the next command for a stream may take, without making it or another stream late. */
static uint32_t quota(const bp_reader *r, uint32_t stream, uint64_t start_ns)
{
    if (r->ps_per_byte == 0)
        return r->max_blocks;
    uint64_t cycle = cycle_ns(r), most_bytes = (uint64_t)r->max_blocks * r->block_bytes;
    uint64_t own = least_bytes(r, stream, cycle), first = first_deadline(r, stream);
    int late = until(first, start_ns + transfer_ns(r, own)) == 0;
    if (late) /* a cycle's worth in each cycle keeps it late for ever: only with more can it catch up */
        own *= 2;
    uint64_t spent = start_ns + transfer_ns(r, own);
    uint64_t slack = late ? transfer_ns(r, most_bytes) : until(first, spent);
    if (slack > transfer_ns(r, most_bytes))
        slack = transfer_ns(r, most_bytes);
    for (uint32_t i = 0; i < r->active_count && slack; i++) {
        if (r->active[i] == stream)
            continue;
        spent += transfer_ns(r, least_bytes(r, r->active[i], cycle));
        uint64_t spare = until(first_deadline(r, r->active[i]), spent);
        if (spare < slack)
            slack = spare;
    }
    uint64_t extra_ns = slack / 2 < MOST_EXTRA_NS ? slack / 2 : MOST_EXTRA_NS;
    uint64_t blocks = (own + extra_ns * 1000u / r->ps_per_byte) / r->block_bytes;
    return blocks < r->max_blocks ? (uint32_t)blocks : r->max_blocks;
}

/* ---- reading ---- */

static uint32_t find_extent(const bp_file *f, uint64_t at)
{
    uint32_t low = 0, high = f->extent_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (f->begins[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The bytes of a block: all of it, or what the file has left. */
static uint64_t block_length(const bp_reader *r, const bp_file *f, uint32_t block)
{
    uint64_t left = f->bytes - (uint64_t)block * r->block_bytes;
    return left < r->block_bytes ? left : r->block_bytes;
}

static int command(bp_reader *r, uint64_t offset, const bp_iov *v, uint32_t count, uint64_t bytes)
{
    uint64_t start = r->free_ns;
    int status = r->device->read(r->device->context, offset, v, count, start, &r->free_ns);
    add(&r->reads, 1);
    add(&r->bytes, bytes);
    add(&r->busy_ns, r->free_ns - start);
    if (status != BP_OK)
        add(&r->errors, 1);
    return status;
}

/* One block that lies in several extents, or the first block of a run: piece by piece. */
static int read_scattered(bp_reader *r, const bp_file *f, uint32_t block, unsigned char *to)
{
    uint64_t at = (uint64_t)block * r->block_bytes, end = at + block_length(r, f, block);
    for (uint32_t e = find_extent(f, at); at < end; e++) {
        uint64_t extent_end = f->begins[e] + f->extents[e].length;
        bp_iov v = {to, (size_t)((extent_end < end ? extent_end : end) - at)};
        if (command(r, f->extents[e].offset + (at - f->begins[e]), &v, 1, v.length) != BP_OK)
            return BP_EIO;
        to += v.length;
        at += v.length;
    }
    return BP_OK;
}

/* Collects the first slots of a stream whose blocks adjoin on the card, at most `most`, upwards or downwards;
 * returns how many. */
static uint32_t collect(const bp_reader *r, uint32_t stream, uint32_t most, uint32_t *slots)
{
    uint32_t slot = r->queues[stream].head, count = 0;
    const bp_node *first = &r->nodes[slot];
    const bp_file *f = &r->files[first->sample];
    uint32_t e = find_extent(f, (uint64_t)first->block * r->block_bytes);
    uint64_t low = f->begins[e], high = low + f->extents[e].length;
    int32_t step = 0;
    for (; slot != BP_NONE && count < most; slot = r->nodes[slot].next) {
        const bp_node *n = &r->nodes[slot];
        uint64_t at = (uint64_t)n->block * r->block_bytes;
        int32_t from_first = (int32_t)(n->block - first->block);
        if (n->sample != first->sample || (count == 1 && from_first != 1 && from_first != -1))
            break;
        if (count == 1)
            step = from_first;
        if (from_first != step * (int32_t)count || at < low || at + block_length(r, f, n->block) > high)
            break;
        slots[count++] = slot;
    }
    return count;
}

/* Takes the first `count` requests off a stream's queue. */
static void unqueue_first(bp_reader *r, uint32_t stream, const uint32_t *slots, uint32_t count)
{
    bp_queue *q = &r->queues[stream];
    deactivate(r, stream);
    q->head = r->nodes[slots[count - 1]].next;
    q->length -= count;
    for (uint32_t i = 0; i < count; i++)
        r->nodes[slots[i]].queued = 0;
    if (q->head == BP_NONE) {
        q->tail = BP_NONE;
        return;
    }
    r->nodes[q->head].previous = BP_NONE;
    activate(r, stream);
}

/* One command for a stream (several where one block lies scattered), issued at `start_ns`. */
static void serve(bp_reader *r, uint32_t stream, uint64_t start_ns)
{
    uint32_t slots[256];
    uint32_t count = collect(r, stream, quota(r, stream, start_ns), slots);
    uint32_t head = r->queues[stream].head;
    const bp_file *f = &r->files[r->nodes[head].sample];
    int status;
    r->free_ns = start_ns;
    if (count == 0) {
        slots[count++] = head;
        status = read_scattered(r, f, r->nodes[head].block, r->data + (size_t)head * r->block_bytes);
    } else {
        bp_iov vectors[256];
        int downwards = count > 1 && r->nodes[slots[1]].block < r->nodes[slots[0]].block;
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t slot = slots[downwards ? count - 1 - i : i];
            vectors[i] = (bp_iov){r->data + (size_t)slot * r->block_bytes,
                                  (size_t)block_length(r, f, r->nodes[slot].block)};
            bytes += vectors[i].length;
        }
        uint64_t at = (uint64_t)r->nodes[slots[downwards ? count - 1 : 0]].block * r->block_bytes;
        uint32_t e = find_extent(f, at);
        status = command(r, f->extents[e].offset + (at - f->begins[e]), vectors, count, bytes);
    }
    unqueue_first(r, stream, slots, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = slots[i];
        int each = status;
        if (status != BP_OK && count > 1) /* one bad sector must not cost its neighbours: each on its own */
            each = read_scattered(r, f, r->nodes[slot].block, r->data + (size_t)slot * r->block_bytes);
        deliver(r, slot, each, r->free_ns);
    }
}

int bp_reader_step(bp_reader *r, uint64_t now_ns, uint64_t until_ns, uint32_t budget)
{
    uint32_t sent = 0;
    take_orders(r);
    while (r->active_count && sent < budget) {
        uint64_t start_ns = r->free_ns > now_ns ? r->free_ns : now_ns;
        uint32_t stream = start_ns < until_ns ? choose(r, start_ns) : BP_NONE;
        if (stream == BP_NONE)
            break;
        serve(r, stream, start_ns);
        sent++;
    }
    return (int)sent;
}
