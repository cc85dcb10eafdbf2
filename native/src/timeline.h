/* The order in which a voice passes over the frames of its sample: pure arithmetic.
 *
 * A voice always moves forward over a virtual timeline that counts from 0; a region says which file frame each
 * virtual frame is. The first pass covers the whole region in the region's direction. A forward loop then
 * repeats [loop_start, end) in the same direction; a ping-pong loop alternates, each end frame played once in
 * each direction. */
#ifndef BP_TIMELINE_H
#define BP_TIMELINE_H

#include "benchpad.h"

typedef struct bp_region {
    uint64_t start, end, loop_start; /* file frames; start <= loop_start < end */
    uint32_t reverse;
    uint32_t loop; /* bp_loop */
} bp_region;

typedef struct bp_piece {
    uint64_t file;  /* file frame of the piece's first virtual frame */
    uint64_t count; /* virtual frames in the piece; 0 beyond the end */
    int32_t step;   /* file frames for each virtual frame: 1 or -1 */
} bp_piece;

/* Virtual frames from the start to the end; UINT64_MAX for a loop. */
static inline uint64_t bp_region_length(const bp_region *r)
{
    return r->loop == BP_LOOP_NONE ? r->end - r->start : UINT64_MAX;
}

/* The longest run of consecutive file frames from virtual frame `u` on. */
static inline bp_piece bp_region_piece(const bp_region *r, uint64_t u)
{
    uint64_t length = r->end - r->start, low = r->start;
    int backwards = r->reverse != 0;
    if (u >= length) {
        if (r->loop == BP_LOOP_NONE)
            return (bp_piece){0, 0, 1};
        u -= length;
        length = r->end - r->loop_start;
        low = r->loop_start;
        if (r->loop == BP_LOOP_PING_PONG && u / length % 2 == 0)
            backwards = !backwards;
        u %= length;
    }
    if (backwards)
        return (bp_piece){low + length - 1 - u, length - u, -1};
    return (bp_piece){low + u, length - u, 1};
}

#endif
