/* An engine over a card of noise, for tests of the whole. */
#ifndef BP_ENGINE_FIXTURE_H
#define BP_ENGINE_FIXTURE_H

#include "benchpad.h"
#include "test.h"

enum { SAMPLES = 6, SAMPLE_FRAMES = 40000, SAMPLE_BYTES = 4 * SAMPLE_FRAMES, HEADER = 46 };

/* 16-bit stereo; each sample with a header, each in two pieces. */
static inline void add_samples(bp_engine *engine)
{
    for (uint32_t i = 0; i < SAMPLES; i++) {
        uint64_t base = (uint64_t)i * (HEADER + SAMPLE_BYTES), cut = 30000 + 700 * i;
        bp_extent extents[] = {{base, cut}, {base + cut, HEADER + SAMPLE_BYTES - cut}};
        bp_sample sample = {HEADER, SAMPLE_FRAMES, 2, i % 2 ? 44100 : 48000, BP_S16_LE};
        CHECK(bp_engine_add_sample(engine, &sample, extents, 2) == (int)i);
    }
}

static inline bp_config small_config(void)
{
    return (bp_config){.rate = 48000, .max_voices = 8, .max_samples = SAMPLES, .block_bytes = 2048,
                       .pool_bytes = 400 * 2048, .fade_frames = 128, .max_transfer_blocks = 16,
                       .max_ahead_blocks = 64, .quality = BP_HERMITE, .path = BP_PATH_AUTO};
}

static inline bp_event start_event(uint64_t frame, uint32_t tag, uint32_t sample, double ratio)
{
    return (bp_event){.frame = frame, .kind = BP_EVENT_START, .tag = tag, .sample = sample, .cost = 1,
                      .gain_left = 1, .gain_right = 1, .ratio = ratio};
}

/* Any event: every way to start, and to end. */
static inline bp_event random_event(uint64_t *state, uint64_t frame)
{
    bp_event e = start_event(frame, pick(state, 9), pick(state, SAMPLES), 0.25 + pick(state, 300) / 100.0);
    if (pick(state, 4) == 0)
        e.kind = BP_EVENT_RELEASE + pick(state, 3);
    e.start = pick(state, 3) ? 0 : pick(state, SAMPLE_FRAMES);
    e.end = pick(state, 3) ? 0 : pick(state, SAMPLE_FRAMES);
    e.loop_start = pick(state, SAMPLE_FRAMES);
    e.reverse = pick(state, 2);
    e.loop = pick(state, 3);
    e.gate = pick(state, 2);
    e.retrigger = pick(state, 4);
    e.group = pick(state, 3);
    e.cost = 1 + pick(state, 2);
    e.attack = pick(state, 2) * 100;
    e.hold = pick(state, 3) ? 0 : pick(state, 3000);
    e.release = pick(state, 2000);
    return e;
}

#endif
