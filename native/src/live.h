/* Playing in real time: a thread for the card reader, a callback for an audio server, a tap of what was played. */
#ifndef BP_LIVE_H
#define BP_LIVE_H

#include "engine.h"

#include <pthread.h>

enum {
    TIME_BUCKETS = 128, /* of render times: eight for each power of two, from 1 us on */
    TAP_SECONDS = 8,
};

struct bp_live {
    bp_engine *engine;
    uint32_t rate;
    pthread_t reader, clock;
    pthread_t renders; /* the thread that calls bp_live_render, once `known` */
    _Atomic int known;
    _Atomic int reading, ticking;
    uint32_t tick_frames;
    _Atomic uint64_t zero_ns; /* when frame 0 was due, by the beginning of the block rendered last */
    _Atomic uint64_t blocks, late_blocks, xruns, frames_lost, longest_ns;
    _Atomic uint32_t block_frames;
    _Atomic uint32_t times[TIME_BUCKETS];
    float *tap;             /* the last seconds, interleaved; a ring of `tap_frames`, a power of two */
    uint32_t tap_frames;
    _Atomic uint64_t tap_written, tap_read;
    _Atomic int tapping;
    uint64_t posted; /* the frame of the last events, plus one; the control thread's own */
    _Atomic uint64_t late_events;
    _Atomic uint32_t realtime;
    _Atomic int inside, paused; /* whether the audio thread is in the engine, and whether it may go in */
    _Atomic uint64_t paused_frames;
    int was_reading;
    _Atomic int calling, disconnected; /* the same for an audio server's callback, for ever */
};

#endif
