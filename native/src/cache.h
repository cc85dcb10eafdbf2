/* The block cache: a fixed pool of equal blocks, keyed by sample and block number.
 *
 * Owned by the audio side alone; the reader only fills the memory of blocks that are loading. A block is held
 * by references (voices, pins); resident blocks without one wait in the order in which they were let go, and give
 * way to new ones by the policy: the one let go longest ago (LRU), or last (MRU), or, segmented (SLRU: Karedla, Love
 * and Wherry 1994), the oldest of those that were used once before any that came back. */
#ifndef BP_CACHE_H
#define BP_CACHE_H

#include "arena.h"
#include "benchpad.h"

#define BP_NONE UINT32_MAX

typedef enum bp_block { BP_FREE, BP_LOADING, BP_RESIDENT, BP_FAILED } bp_block;

typedef struct bp_slot {
    uint64_t key;
    uint32_t refs;
    uint32_t previous, next; /* in its waiting list or the free list */
    uint32_t generation;     /* tells a late delivery for an earlier use of this slot */
    uint8_t state;           /* bp_block */
    uint8_t pinned;
    uint8_t list;            /* which waiting list: 1 once it came back under SLRU */
} bp_slot;

/* Blocks that nobody holds, in the order in which they were let go. */
typedef struct bp_waiting {
    uint32_t oldest, newest, count;
} bp_waiting;

typedef struct bp_cache {
    unsigned char *data;
    bp_slot *slots;
    uint32_t *table; /* open addressing: slot numbers by key */
    uint32_t table_mask, count, block_bytes;
    uint32_t block_shift, block_mask; /* block_bytes as a power of two: no division in the render path */
    uint32_t free_head, policy; /* bp_policy */
    bp_waiting waiting[2];
    uint32_t loading, pinned, resident;
    uint64_t hits, misses, evictions, wasted_blocks;
} bp_cache;

typedef enum bp_acquired { BP_ACQUIRED_HIT, BP_ACQUIRED_LOADING, BP_ACQUIRED_NEW, BP_ACQUIRED_NOTHING } bp_acquired;

static inline uint64_t bp_key(uint32_t sample, uint32_t block)
{
    return (uint64_t)sample << 32 | block;
}

static inline unsigned char *bp_cache_data(const bp_cache *c, uint32_t slot)
{
    return c->data + (size_t)slot * c->block_bytes;
}

/* Carves the cache out of the arena; sets it up when the arena has memory. */
void bp_cache_init(bp_cache *c, bp_arena *arena, uint32_t blocks, uint32_t block_bytes, uint32_t policy);
/* The slot of a block that is loading, resident or failed; BP_NONE where there is none. */
uint32_t bp_cache_find(const bp_cache *c, uint64_t key);
/* Takes a reference to a block. NEW: a slot was made for it, and the caller must have it read. */
bp_acquired bp_cache_acquire(bp_cache *c, uint64_t key, uint32_t *slot);
/* Gives a reference back. 1 when the block is still loading and nobody wants it any more: the caller must
 * tell the reader to drop it. */
int bp_cache_release(bp_cache *c, uint32_t slot);
/* Turns a held block that failed back into one to be loaded. 1 when it was one: the caller must have it read. */
int bp_cache_retry(bp_cache *c, uint32_t slot);
/* The reader is done with a slot: BP_OK, BP_EIO, or BP_EFULL for one that it was told to drop. 1 when the block
 * was dropped but is wanted again: the caller must have it read, under the slot's new generation. */
int bp_cache_deliver(bp_cache *c, uint32_t slot, uint32_t generation, int status);

#endif
