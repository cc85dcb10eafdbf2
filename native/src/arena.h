/* Memory taken once: measure with base == NULL, allocate, carve again in the same order. */
#ifndef BP_ARENA_H
#define BP_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct bp_arena {
    char *base; /* NULL while measuring */
    size_t used;
} bp_arena;

/* `count` items of `bytes` bytes, aligned to a cache line; NULL while measuring. */
static inline void *bp_arena_take(bp_arena *a, size_t count, size_t bytes)
{
    size_t at = (a->used + 63) & ~(size_t)63;
    a->used = at + count * bytes;
    return a->base ? a->base + at : NULL;
}

#endif
