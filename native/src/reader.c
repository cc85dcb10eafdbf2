/* The card reader: what is asked for, and what is delivered. See reader.h. */
#include "reader.h"

#include "cache.h"

uint64_t bp_frames_to_ns(uint64_t frames, uint32_t rate)
{
    return frames / rate * 1000000000u + frames % rate * 1000000000u / rate;
}

static uint64_t ns_to_frames_ceil(uint64_t ns, uint32_t rate)
{
    return ns / 1000000000u * rate + (ns % 1000000000u * rate + 999999999u) / 1000000000u;
}

void bp_reader_set_device(bp_reader *r, bp_device *device)
{
    r->device = device;
    r->avoid_until_ns = 0;
    uint64_t command_ns, ps_per_byte;
    device->nominal(device->context, &command_ns, &ps_per_byte);
    atomic_store_explicit(&r->command_ns, command_ns, memory_order_relaxed);
    atomic_store_explicit(&r->ps_per_byte, ps_per_byte, memory_order_relaxed);
}

void bp_reader_init(bp_reader *r, bp_arena *arena, const bp_config *config, uint32_t blocks, uint32_t streams,
                    bp_device *device, unsigned char *data, const bp_file *files)
{
    r->files = files;
    r->data = data;
    r->block_bytes = config->block_bytes;
    r->max_blocks = config->max_transfer_blocks;
    r->rate = config->rate;
    r->schedule = config->schedule;
    r->first_ns = bp_frames_to_ns(config->fade_frames, config->rate);
    r->traced = config->trace_records;
    r->watch = config->overload != BP_OVERLOAD_NONE;
    r->stream_count = streams;
    bp_reader_set_device(r, device);
    bp_ring_init(&r->orders, arena, blocks + 8 * streams, sizeof(bp_order));
    bp_ring_init(&r->deliveries, arena, blocks, sizeof(bp_delivery));
    bp_ring_init(&r->commands, arena, config->trace_records, sizeof(bp_command));
    r->nodes = bp_arena_take(arena, blocks, sizeof *r->nodes);
    r->queues = bp_arena_take(arena, streams, sizeof *r->queues);
    r->active = bp_arena_take(arena, streams, sizeof *r->active);
    if (arena->base)
        for (uint32_t i = 0; i < streams; i++)
            r->queues[i] = (bp_queue){.head = BP_NONE, .tail = BP_NONE};
}

/* ---- queues ---- */

/* Puts a stream where it belongs among the active ones; the order of equals is by stream number. */
static void activate(bp_reader *r, uint32_t stream)
{
    uint64_t deadline = bp_first_deadline(r, stream);
    uint32_t i = r->active_count++;
    for (; i > 0; i--) {
        uint32_t other = r->active[i - 1];
        uint64_t theirs = bp_first_deadline(r, other);
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
            *q = (bp_queue){q->head, q->tail, q->length, o->tag, o->priority, q->fresh || q->rate == 0, o->deadline,
                            ++r->begun};
        } else if (r->nodes[o->slot].queued && r->nodes[o->slot].generation == o->generation) {
            dequeue(r, o->slot);
            deliver(r, o->slot, BP_EFULL, 0);
        }
        bp_ring_drop(&r->orders);
    }
}

/* ---- reading ---- */

/* Takes the first `count` requests, up to `last`, off a stream's queue. */
static void unqueue_first(bp_reader *r, uint32_t stream, uint32_t last, uint32_t count)
{
    bp_queue *q = &r->queues[stream];
    deactivate(r, stream);
    for (uint32_t slot = q->head; slot != r->nodes[last].next; slot = r->nodes[slot].next)
        r->nodes[slot].queued = 0;
    q->head = r->nodes[last].next;
    q->length -= count;
    if (q->head == BP_NONE) {
        q->tail = BP_NONE;
        return;
    }
    r->nodes[q->head].previous = BP_NONE;
    activate(r, stream);
}

/* One command for a stream, issued at `start_ns`. */
static void serve(bp_reader *r, uint32_t stream, uint64_t start_ns)
{
    bp_fetched got[BP_MOST_JOINED];
    uint32_t most = bp_pace_quota(r, stream, start_ns);
    r->free_ns = start_ns;
    uint32_t count = bp_fetch(r, stream, most, got);
    r->queues[stream].fresh = 0;
    unqueue_first(r, stream, got[count - 1].slot, count);
    for (uint32_t i = 0; i < count; i++)
        deliver(r, got[i].slot, got[i].status, got[i].done_ns);
}

int bp_reader_step(bp_reader *r, uint64_t now_ns, uint64_t until_ns, uint32_t budget)
{
    uint32_t sent = 0;
    take_orders(r);
    while (r->active_count && sent < budget) {
        uint64_t start_ns = r->free_ns > now_ns ? r->free_ns : now_ns;
        uint32_t stream = start_ns < until_ns ? bp_pace_choose(r, start_ns) : BP_NONE;
        if (stream == BP_NONE)
            break;
        serve(r, stream, start_ns);
        sent++;
    }
    return (int)sent;
}
