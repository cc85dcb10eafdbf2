/* A single-producer single-consumer queue of fixed-size items. Neither side ever waits.
 *
 * The producer alone writes `tail`, the consumer alone writes `head`; both run freely and are masked on use,
 * so that a full ring and an empty one differ. */
#ifndef BP_RING_H
#define BP_RING_H

#include "arena.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

typedef struct bp_ring {
    char *items;
    uint32_t item_bytes;
    uint32_t mask; /* capacity - 1; the capacity is a power of two */
    _Alignas(64) _Atomic uint32_t head;
    _Alignas(64) _Atomic uint32_t tail;
} bp_ring;

/* Carves a ring with room for `least` items, at least 16, out of the arena. */
static inline void bp_ring_init(bp_ring *r, bp_arena *arena, uint32_t least, uint32_t item_bytes)
{
    uint32_t capacity = 16;
    while (capacity < least)
        capacity *= 2;
    r->mask = capacity - 1;
    r->item_bytes = item_bytes;
    r->items = bp_arena_take(arena, capacity, item_bytes);
}

/* Producer: free places. */
static inline uint32_t bp_ring_room(bp_ring *r)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    return r->mask + 1 - (tail - atomic_load_explicit(&r->head, memory_order_acquire));
}

/* Producer: 1 when the item went in, 0 when the ring is full. */
static inline int bp_ring_push(bp_ring *r, const void *item)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail - atomic_load_explicit(&r->head, memory_order_acquire) > r->mask)
        return 0;
    memcpy(r->items + (size_t)(tail & r->mask) * r->item_bytes, item, r->item_bytes);
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
    return 1;
}

/* Consumer: the oldest item, or NULL; it stays valid until bp_ring_drop. */
static inline const void *bp_ring_peek(bp_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    if (head == atomic_load_explicit(&r->tail, memory_order_acquire))
        return NULL;
    return r->items + (size_t)(head & r->mask) * r->item_bytes;
}

/* Consumer: forgets the oldest item. */
static inline void bp_ring_drop(bp_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

#endif
