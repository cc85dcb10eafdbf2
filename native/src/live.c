/* See live.h. What the audio thread runs takes no lock, allocates nothing and waits for nobody; the time that it reads
 * comes from memory that the kernel shares (clock_gettime without a system call). */
#define _GNU_SOURCE
#include "live.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BUSY_NS = 300000,  /* between two looks of the reader while voices sound: a fraction of a block */
    IDLE_NS = 5000000, /* and while none does: a pad's head in RAM lasts longer, and waking often costs */
    OUR_PRIORITY = 4,  /* real-time, above the least: below every audio server's own */
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    nanosleep(&t, NULL);
}

/* ---- the audio thread ---- */

/* Eight buckets for each power of two of nanoseconds, from 1,024 ns on. */
static uint32_t time_bucket(uint64_t ns)
{
    uint64_t n = ns < 1024 ? 1024 : ns;
    uint32_t power = 63 - (uint32_t)__builtin_clzll(n);
    uint32_t bucket = (power - 10) * 8 + (uint32_t)(n >> (power - 3) & 7);
    return bucket < TIME_BUCKETS ? bucket : TIME_BUCKETS - 1;
}

static void tap(bp_live *l, const float *out, uint32_t frames)
{
    if (!atomic_load_explicit(&l->tapping, memory_order_acquire))
        return;
    uint64_t at = atomic_load_explicit(&l->tap_written, memory_order_relaxed);
    uint64_t room = l->tap_frames - (at - atomic_load_explicit(&l->tap_read, memory_order_acquire));
    if (frames > room) {
        bp_tally(&l->frames_lost, frames - room);
        frames = (uint32_t)room;
    }
    uint32_t begin = (uint32_t)at & (l->tap_frames - 1);
    uint32_t first = l->tap_frames - begin < frames ? l->tap_frames - begin : frames;
    memcpy(l->tap + 2 * (size_t)begin, out, (size_t)first * 2 * sizeof *out);
    memcpy(l->tap, out + 2 * (size_t)first, (size_t)(frames - first) * 2 * sizeof *out);
    atomic_store_explicit(&l->tap_written, at + frames, memory_order_release);
}

/* Either the audio thread sees that it may not go in, or the control thread sees that it is inside: both orders of
 * the two stores and loads are the same for all (sequentially consistent). */
static int enter(bp_live *l)
{
    atomic_store(&l->inside, 1);
    if (!atomic_load(&l->paused))
        return 1;
    atomic_store(&l->inside, 0);
    return 0;
}

void bp_live_render(bp_live *l, float *out, uint32_t frames)
{
    if (!enter(l)) {
        memset(out, 0, (size_t)frames * 2 * sizeof *out);
        bp_tally(&l->paused_frames, frames);
        return;
    }
    if (!atomic_load_explicit(&l->known, memory_order_relaxed)) {
        l->renders = pthread_self();
        atomic_store(&l->known, 1);
    }
    uint64_t began = now_ns();
    uint64_t zero_ns = began - bp_frames_to_ns(bp_engine_frame(l->engine), l->rate);
    atomic_store_explicit(&l->zero_ns, zero_ns, memory_order_relaxed);
    bp_engine_render(l->engine, out, frames);
    tap(l, out, frames);
    uint64_t took = now_ns() - began;
    bp_tally(&l->blocks, 1);
    atomic_store_explicit(&l->block_frames, frames, memory_order_relaxed);
    if (took > (uint64_t)frames * 1000000000u / l->rate) {
        bp_tally(&l->late_blocks, 1);
        l->engine->late_blocks++;
    } else {
        l->engine->late_blocks = 0;
    }
    if (took > atomic_load_explicit(&l->longest_ns, memory_order_relaxed))
        atomic_store_explicit(&l->longest_ns, took, memory_order_relaxed);
    _Atomic uint32_t *bucket = &l->times[time_bucket(took)];
    atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + 1, memory_order_relaxed);
    atomic_store_explicit(&l->inside, 0, memory_order_release);
}

int bp_live_callback(const void *input, void *output, unsigned long frames, const void *times, unsigned long flags,
                     void *live)
{
    enum { OUTPUT_UNDERFLOW = 4 }; /* portaudio.h: paOutputUnderflow */
    bp_live *l = live;
    (void)input;
    (void)times;
    if (flags & OUTPUT_UNDERFLOW)
        bp_tally(&l->xruns, 1);
    atomic_store(&l->calling, 1); /* see enter() */
    if (!atomic_load(&l->disconnected))
        bp_live_render(l, output, (uint32_t)frames);
    else
        memset(output, 0, (size_t)frames * 2 * sizeof(float));
    atomic_store_explicit(&l->calling, 0, memory_order_release);
    return 0; /* paContinue */
}

/* ---- the other threads ---- */

static void *read_on(void *live)
{
    bp_live *l = live;
    while (atomic_load_explicit(&l->reading, memory_order_acquire)) {
        int sent = bp_reader_pump(l->engine, 16);
        int busy = sent > 0 || atomic_load_explicit(&l->engine->published[0], memory_order_relaxed) > 0;
        if (sent == 0)
            sleep_ns(busy ? BUSY_NS : IDLE_NS);
    }
    return NULL;
}

/* Stands in for an audio server: asks for a block whenever its time has come. */
static void *tick(void *live)
{
    bp_live *l = live;
    float *out = calloc(l->tick_frames, 2 * sizeof *out);
    uint64_t began = now_ns(), frames = 0;
    while (out && atomic_load_explicit(&l->ticking, memory_order_acquire)) {
        uint64_t due = began + bp_frames_to_ns(frames, l->rate), now = now_ns();
        if (now < due) {
            sleep_ns(due - now);
            continue;
        }
        if (now - due > 250000000u) { /* the machine slept: do not race after the time that is lost */
            bp_tally(&l->xruns, 1);
            began += now - due;
        }
        bp_live_render(l, out, l->tick_frames);
        frames += l->tick_frames;
    }
    free(out);
    return NULL;
}

/* Real-time priority, which not everybody may have. */
static int prioritise(bp_live *l, pthread_t thread)
{
    struct sched_param priority = {.sched_priority = sched_get_priority_min(SCHED_FIFO) + OUR_PRIORITY};
    if (pthread_setschedparam(thread, SCHED_FIFO, &priority))
        return 0;
    atomic_fetch_add(&l->realtime, 1);
    return 1;
}

static int start(_Atomic int *running, pthread_t *thread, void *(*run)(void *), bp_live *l)
{
    if (atomic_exchange(running, 1))
        return BP_EINVAL;
    if (pthread_create(thread, NULL, run, l)) {
        atomic_store(running, 0);
        return BP_ENOMEM;
    }
    prioritise(l, *thread);
    return BP_OK;
}

static void stop(bp_live *l, _Atomic int *running, pthread_t *thread)
{
    int policy;
    struct sched_param priority;
    if (!atomic_exchange(running, 0))
        return;
    if (pthread_getschedparam(*thread, &policy, &priority) == 0 && policy == SCHED_FIFO)
        atomic_fetch_sub(&l->realtime, 1);
    pthread_join(*thread, NULL);
}

/* ---- control ---- */

bp_live *bp_live_create(bp_engine *engine)
{
    if (!engine->config.threaded_reader)
        return NULL;
    bp_live *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->engine = engine;
    l->rate = engine->config.rate;
    l->tap_frames = 1;
    while (l->tap_frames < TAP_SECONDS * l->rate)
        l->tap_frames *= 2;
    l->tap = calloc(l->tap_frames, 2 * sizeof *l->tap); /* touched, so that no page is missing later */
    if (!l->tap) {
        free(l);
        return NULL;
    }
    memset(l->tap, 0, (size_t)l->tap_frames * 2 * sizeof *l->tap);
    return l;
}

void bp_live_free(bp_live *l)
{
    if (!l)
        return;
    bp_live_stop_clock(l);
    bp_live_stop_reader(l);
    free(l->tap);
    free(l);
}

int bp_live_start_reader(bp_live *l)
{
    return start(&l->reading, &l->reader, read_on, l);
}

void bp_live_stop_reader(bp_live *l)
{
    stop(l, &l->reading, &l->reader);
}

int bp_live_start_clock(bp_live *l, uint32_t frames)
{
    if (frames < 1 || frames > 65536)
        return BP_EINVAL;
    l->tick_frames = frames;
    return start(&l->ticking, &l->clock, tick, l);
}

void bp_live_stop_clock(bp_live *l)
{
    stop(l, &l->ticking, &l->clock);
}

void bp_live_pause(bp_live *l)
{
    atomic_store(&l->paused, 1);
    while (atomic_load(&l->inside))
        sleep_ns(100000);
    l->was_reading |= atomic_load(&l->reading);
    bp_live_stop_reader(l);
}

void bp_live_disconnect(bp_live *l)
{
    atomic_store(&l->disconnected, 1);
    while (atomic_load(&l->calling))
        sleep_ns(100000);
    atomic_store(&l->known, 0); /* another thread will render */
}

int bp_live_resume(bp_live *l)
{
    int status = l->was_reading ? bp_live_start_reader(l) : BP_OK;
    l->was_reading = 0;
    atomic_store(&l->paused, 0);
    return status;
}

int bp_live_exchange(bp_live *l, bp_engine *engine)
{
    if (!atomic_load(&l->paused) || !engine->config.threaded_reader || engine->config.rate != l->rate)
        return BP_EINVAL;
    l->engine = engine;
    l->posted = 0;
    uint64_t zero_ns = now_ns() - bp_frames_to_ns(bp_engine_frame(engine), l->rate);
    atomic_store_explicit(&l->zero_ns, zero_ns, memory_order_relaxed); /* the audio thread is not inside */
    return BP_OK;
}

uint64_t bp_live_now(const bp_live *l)
{
    uint64_t next = bp_engine_frame(l->engine), block = atomic_load_explicit(&l->block_frames, memory_order_relaxed);
    if (block == 0)
        return next;
    uint64_t past = now_ns() - atomic_load_explicit(&l->zero_ns, memory_order_relaxed);
    uint64_t frame = past / 1000000000u * l->rate + past % 1000000000u * l->rate / 1000000000u;
    return frame < next + block ? frame : next + block; /* a server that stopped does not move the time */
}

int bp_live_post(bp_live *l, bp_event *events, uint32_t count, uint32_t lead, uint64_t *frame)
{
    if (bp_ring_room(&l->engine->events) < count)
        return BP_EFULL;
    *frame = bp_live_now(l) + lead;
    if (*frame < l->posted)
        *frame = l->posted;
    for (uint32_t i = 0; i < count; i++) {
        events[i].frame = *frame;
        int status = bp_engine_post(l->engine, &events[i]);
        if (status != BP_OK)
            return status;
    }
    l->posted = *frame + 1;
    if (count && bp_engine_frame(l->engine) > *frame)
        bp_tally(&l->late_events, 1);
    return BP_OK;
}

int bp_live_prioritise(bp_live *l)
{
    int policy;
    struct sched_param priority;
    if (!atomic_load(&l->known) || pthread_getschedparam(l->renders, &policy, &priority))
        return BP_EINVAL;
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return BP_OK;
    return prioritise(l, l->renders) ? BP_OK : BP_EINVAL;
}

uint32_t bp_live_read(bp_live *l, float *out, uint32_t most)
{
    if (!atomic_load_explicit(&l->tapping, memory_order_relaxed)) { /* from now on */
        atomic_store_explicit(&l->tap_read, atomic_load(&l->tap_written), memory_order_relaxed);
        atomic_store_explicit(&l->tapping, 1, memory_order_release);
        return 0;
    }
    uint64_t at = atomic_load_explicit(&l->tap_read, memory_order_relaxed);
    uint64_t there = atomic_load_explicit(&l->tap_written, memory_order_acquire) - at;
    uint32_t count = there < most ? (uint32_t)there : most;
    for (uint32_t done = 0; done < count;) {
        uint32_t begin = (uint32_t)(at + done) & (l->tap_frames - 1), run = l->tap_frames - begin;
        run = run < count - done ? run : count - done;
        memcpy(out + 2 * (size_t)done, l->tap + 2 * (size_t)begin, (size_t)run * 2 * sizeof *out);
        done += run;
    }
    atomic_store_explicit(&l->tap_read, at + count, memory_order_release);
    return count;
}

/* The time below which `part` (in a million) of the blocks were rendered. */
static uint64_t percentile(const bp_live *l, uint64_t part)
{
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < TIME_BUCKETS; i++)
        total += atomic_load_explicit(&l->times[i], memory_order_relaxed);
    for (uint32_t i = 0; total && i < TIME_BUCKETS; i++) {
        seen += atomic_load_explicit(&l->times[i], memory_order_relaxed);
        if (seen * 1000000u >= total * part)
            return (uint64_t)(9 + i % 8) << (i / 8 + 7); /* the bucket's upper edge */
    }
    return 0;
}

void bp_live_status(const bp_live *l, bp_live_report *out)
{
    *out = (bp_live_report){
        .blocks = atomic_load_explicit(&l->blocks, memory_order_relaxed),
        .late_blocks = atomic_load_explicit(&l->late_blocks, memory_order_relaxed),
        .xruns = atomic_load_explicit(&l->xruns, memory_order_relaxed),
        .frames_lost = atomic_load_explicit(&l->frames_lost, memory_order_relaxed),
        .block_frames = atomic_load_explicit(&l->block_frames, memory_order_relaxed),
        .p50_ns = percentile(l, 500000), .p99_ns = percentile(l, 990000), .p999_ns = percentile(l, 999000),
        .longest_ns = atomic_load_explicit(&l->longest_ns, memory_order_relaxed),
        .late_events = atomic_load_explicit(&l->late_events, memory_order_relaxed),
        .paused_frames = atomic_load_explicit(&l->paused_frames, memory_order_relaxed),
        .realtime = atomic_load_explicit(&l->realtime, memory_order_relaxed)};
}
