/* Samples and pins: what the control side tells the engine before, or while, it plays. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

/* ---- samples ---- */

static int sample_fits(const bp_sample *s, uint64_t file_bytes)
{
    if (s->encoding >= BP_ENCODINGS || s->channels < 1 || s->channels > 2 || s->frames < 1 ||
        s->frames > INT32_MAX || s->rate < 1 || s->rate > 1000000 || s->data_offset > file_bytes)
        return 0;
    return s->frames * s->channels * bp_encoding_bytes(s->encoding) <= file_bytes - s->data_offset;
}

void bp_forget_place(bp_place *p)
{
    free(p->extents);
    free(p->begins);
}

/* Copies where a file lies. BP_EINVAL where a length makes no sense; *bytes is what the extents hold. */
static int make_place(bp_place *p, const bp_extent *extents, uint32_t count, uint64_t *bytes)
{
    *bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (extents[i].length == 0 || extents[i].length > UINT64_MAX / 2 - *bytes)
            return BP_EINVAL;
        *bytes += extents[i].length;
    }
    if (count == 0)
        return BP_EINVAL;
    *p = (bp_place){count, malloc(count * sizeof *extents), malloc(count * sizeof(uint64_t))};
    if (!p->extents || !p->begins) {
        bp_forget_place(p);
        return BP_ENOMEM;
    }
    uint64_t begin = 0;
    for (uint32_t i = 0; i < count; i++) {
        p->extents[i] = extents[i];
        p->begins[i] = begin;
        begin += extents[i].length;
    }
    return BP_OK;
}

int bp_engine_add_sample(bp_engine *e, const bp_sample *sample, const bp_extent *extents, uint32_t count)
{
    bp_file f = {.format = *sample};
    int made = make_place(&f.card, extents, count, &f.bytes);
    if (made != BP_OK)
        return made;
    if (f.bytes / e->config.block_bytes >= BP_NONE || !sample_fits(sample, f.bytes)) {
        bp_forget_place(&f.card);
        return BP_EINVAL;
    }
    if (e->file_count == e->config.max_samples) {
        bp_forget_place(&f.card);
        return BP_EFULL;
    }
    e->files[e->file_count] = f;
    return (int)e->file_count++;
}

int bp_engine_add_mirror(bp_engine *e, uint32_t sample, const bp_extent *extents, uint32_t count)
{
    if (sample >= e->file_count || e->files[sample].mirror.count)
        return BP_EINVAL;
    bp_place place;
    uint64_t bytes;
    int made = make_place(&place, extents, count, &bytes);
    if (made != BP_OK)
        return made;
    if (bytes != e->files[sample].bytes) {
        bp_forget_place(&place);
        return BP_EINVAL;
    }
    e->files[sample].mirror = place;
    return BP_OK;
}

int bp_engine_add_checksums(bp_engine *e, uint32_t sample, const uint32_t *crc, uint32_t count)
{
    uint32_t size = e->config.block_bytes;
    if (sample >= e->file_count || e->files[sample].crc || count != (e->files[sample].bytes + size - 1) / size)
        return BP_EINVAL;
    uint32_t *copy = malloc(count * sizeof *copy);
    if (!copy)
        return BP_ENOMEM;
    memcpy(copy, crc, count * sizeof *copy);
    e->files[sample].crc = copy;
    return BP_OK;
}

/* ---- pins ---- */

/* Pins one block. 1 when it was not pinned before, 0 when it was, BP_EFULL without room. */
static int pin_block(bp_engine *e, uint32_t sample, uint32_t block)
{
    bp_cache *c = &e->shared.cache;
    uint32_t slot = bp_cache_find(c, bp_key(sample, block));
    if (slot != BP_NONE && c->slots[slot].pinned)
        return 0;
    if (c->pinned >= c->count / 2 || bp_ring_room(e->shared.orders) < e->shared.order_reserve + c->loading)
        return BP_EFULL;
    bp_acquired got = bp_cache_acquire(c, bp_key(sample, block), &slot);
    if (got == BP_ACQUIRED_NOTHING)
        return BP_EFULL;
    bp_note_access(&e->shared, bp_key(sample, block));
    if (got == BP_ACQUIRED_NEW || got == BP_ACQUIRED_LOADING)
        bp_order_block(&e->shared, slot, e->place_count, UINT32_MAX);
    c->slots[slot].pinned = 1;
    c->pinned++;
    return 1;
}

/* The blocks that hold frames [first, end), which the sample has. */
static void blocks_of(const bp_engine *e, uint32_t sample, uint64_t first, uint64_t end, uint32_t *begin, uint32_t *last)
{
    const bp_sample *s = &e->files[sample].format;
    uint64_t frame_bytes = s->channels * bp_encoding_bytes(s->encoding), size = e->config.block_bytes;
    *begin = (uint32_t)((s->data_offset + first * frame_bytes) / size);
    *last = (uint32_t)((s->data_offset + end * frame_bytes - 1) / size);
}

int bp_engine_pin(bp_engine *e, uint32_t sample, uint64_t first, uint64_t frames)
{
    if (sample >= e->file_count || frames == 0 || first >= e->files[sample].format.frames)
        return BP_EINVAL;
    uint64_t all = e->files[sample].format.frames;
    uint32_t block, last;
    blocks_of(e, sample, first, frames < all - first ? first + frames : all, &block, &last);
    int pinned = 0;
    for (; block <= last; block++) {
        int got = pin_block(e, sample, block);
        if (got < 0)
            break;
        pinned += got;
    }
    return pinned;
}

static void unpin_slot(bp_engine *e, uint32_t slot)
{
    bp_cache *c = &e->shared.cache;
    c->slots[slot].pinned = 0;
    c->pinned--;
    if (bp_cache_release(c, slot))
        bp_order_drop(&e->shared, slot);
}

void bp_unpin_frames(bp_engine *e, uint32_t sample, uint64_t first, uint64_t end)
{
    uint32_t block, last;
    blocks_of(e, sample, first, end, &block, &last);
    for (; block <= last; block++) {
        uint32_t slot = bp_cache_find(&e->shared.cache, bp_key(sample, block));
        if (slot != BP_NONE && e->shared.cache.slots[slot].pinned)
            unpin_slot(e, slot);
    }
}

int bp_engine_unpin(bp_engine *e, uint32_t sample)
{
    bp_cache *c = &e->shared.cache;
    int count = 0;
    for (uint32_t slot = 0; slot < c->count; slot++) {
        if (!c->slots[slot].pinned || c->slots[slot].key >> 32 != sample)
            continue;
        unpin_slot(e, slot);
        count++;
    }
    return count;
}
