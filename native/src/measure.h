/* What is kept of voices while `measure` is set: how close each came to an underrun, and how it stands. */
#ifndef BP_MEASURE_H
#define BP_MEASURE_H

#include "benchpad.h"

enum {
    SLACK_BUCKETS = 96, /* four for each power of two, up to 2^24 frames */
    SNAPSHOT_FRESH = 4,
};

typedef struct bp_measure {
    uint32_t least, now, points;
    uint32_t buckets[SLACK_BUCKETS];
} bp_measure;

typedef struct bp_snapshot {
    bp_state *states;
    uint32_t count;
} bp_snapshot;

#endif
