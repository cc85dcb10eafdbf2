/* The engine: memory taken at start, samples, pins, time, and the rings to the other threads. */
#define _GNU_SOURCE
#include "engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- creation ---- */

static int valid(const bp_config *c)
{
    int power = c->block_bytes && (c->block_bytes & (c->block_bytes - 1)) == 0;
    return c->rate >= 8000 && c->rate <= 384000 && c->max_voices >= 1 && c->max_voices <= 4096 &&
           c->max_samples >= 1 && c->max_samples <= 65536 && power && c->block_bytes >= 512 &&
           c->block_bytes <= 65536 && c->pool_bytes / c->block_bytes >= 8 &&
           c->pool_bytes / c->block_bytes <= 1u << 24 && c->fade_frames >= BP_GRID && c->fade_frames <= 4096 &&
           c->fade_frames % BP_GRID == 0 && c->max_transfer_blocks >= 1 && c->max_transfer_blocks <= BP_MOST_JOINED &&
           c->max_ahead_blocks >= 2 && c->max_ahead_blocks <= 65536 && c->quality < BP_QUALITIES &&
           c->steal <= BP_STEAL_REFUSE && c->path <= BP_PATH_SCALAR && c->schedule < BP_SCHEDULES &&
           c->on_miss < BP_MISSES && c->overload < BP_OVERLOADS && c->policy < BP_POLICIES &&
           c->trace_records <= 1u << 24;
}

static void link_places(bp_engine *e, uint32_t entries)
{
    for (uint32_t i = 0; i < e->place_count; i++)
        e->idle[i] = e->place_count - 1 - i;
    e->idle_count = e->place_count;
    for (uint32_t i = 0; i < entries; i++)
        e->shared.entries[i].next = i + 1 < entries ? i + 1 : BP_NONE;
    e->shared.free_entry = 0;
}

/* Lays everything out in one arena; called once to measure and once to carve. */
static void lay_out(bp_engine *e, bp_arena *a, bp_device *device)
{
    const bp_config *c = &e->config;
    bp_shared *s = &e->shared;
    uint32_t blocks = (uint32_t)(c->pool_bytes / c->block_bytes);
    uint32_t entries = 2 * blocks + 16 * c->max_voices;
    size_t span = BP_GRID * BP_MAX_RATIO + 2 * BP_SINC_TAPS + 16; /* source frames of one grid interval */
    e->place_count = c->max_voices + (c->max_voices > MOST_FADING ? c->max_voices : MOST_FADING);
    bp_cache_init(&s->cache, a, blocks, c->block_bytes, c->policy);
    e->files = bp_arena_take(a, c->max_samples, sizeof *e->files);
    e->voices = bp_arena_take(a, e->place_count, sizeof *e->voices);
    e->active = bp_arena_take(a, e->place_count, sizeof *e->active);
    e->idle = bp_arena_take(a, e->place_count, sizeof *e->idle);
    s->entries = bp_arena_take(a, entries, sizeof *s->entries);
    s->scratch = bp_arena_take(a, span, 2 * sizeof(float));
    s->env = bp_arena_take(a, BP_GRID, sizeof(float));
    s->raw = bp_arena_take(a, span, 8); /* a frame has at most 8 bytes */
    s->table = bp_arena_take(a, c->quality == BP_SINC ? BP_SINC_FLOATS : 1, sizeof(float));
    bp_ring_init(&e->events, a, BP_EVENT_QUEUE, sizeof(bp_event));
    bp_ring_init(&e->reports, a, BP_REPORT_QUEUE, sizeof(bp_underrun));
    /* One stream for each place, and one for the pins. */
    bp_reader_init(&e->reader, a, c, blocks, e->place_count + 1, device, s->cache.data, e->files);
    bp_measure_lay_out(e, a);
    if (a->base)
        link_places(e, entries);
}

int bp_engine_create(const bp_config *config, bp_device *device, bp_engine **engine)
{
    *engine = NULL;
    if (!valid(config))
        return BP_EINVAL;
    const bp_kernels *kernels = bp_kernels_get(config->path);
    if (!kernels)
        return BP_EINVAL;
    bp_engine *e = aligned_alloc(64, (sizeof *e + 63) & ~(size_t)63);
    if (!e)
        return BP_ENOMEM;
    memset(e, 0, sizeof *e);
    e->config = *config;
    bp_arena measure = {0};
    lay_out(e, &measure, device);
    void *memory = mmap(NULL, measure.used, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        free(e);
        return BP_ENOMEM;
    }
#ifdef MADV_HUGEPAGE
    madvise(memory, measure.used, MADV_HUGEPAGE); /* hundreds of voices touch as many pages in each interval */
#endif
    bp_arena carve = {memory, 0};
    e->memory = memory;
    e->memory_bytes = measure.used;
    lay_out(e, &carve, device);
    bp_shared *s = &e->shared;
    s->orders = &e->reader.orders;
    s->kernels = kernels;
    s->quality = config->quality;
    s->fade_frames = config->fade_frames;
    s->on_miss = config->on_miss;
    s->dry = config->dry;
    s->accesses = config->trace_records ? &e->accesses : NULL;
    s->order_reserve = 4 * e->place_count + 16;
    if (s->quality == BP_SINC)
        bp_sinc_fill(s->table);
    *engine = e;
    return BP_OK;
}

void bp_engine_free(bp_engine *e)
{
    if (!e)
        return;
    for (uint32_t i = 0; i < e->file_count; i++) {
        bp_forget_place(&e->files[i].card);
        bp_forget_place(&e->files[i].mirror);
        free(e->files[i].crc);
    }
    munmap(e->memory, e->memory_bytes);
    free(e);
}

/* ---- deliveries ---- */

/* Takes what the reader has finished by now; all of it when `all` is set. */
static void take_deliveries(bp_engine *e, int all)
{
    const bp_delivery *d;
    while ((d = bp_ring_peek(&e->reader.deliveries)) && (all || d->frame <= e->shared.frame)) {
        if (bp_cache_deliver(&e->shared.cache, d->slot, d->generation, d->status))
            bp_order_block(&e->shared, d->slot, e->place_count, e->shared.frame);
        bp_ring_drop(&e->reader.deliveries);
    }
}

int bp_engine_preload(bp_engine *e, bp_preload *report)
{
    bp_reader *r = &e->reader;
    uint64_t begun = r->free_ns, bytes = r->bytes, errors = r->errors, blocks = e->shared.cache.resident;
    while (bp_reader_step(r, 0, UINT64_MAX, UINT32_MAX) > 0 || bp_ring_peek(&r->deliveries))
        take_deliveries(e, 1);
    *report = (bp_preload){e->shared.cache.resident - blocks, r->bytes - bytes, r->free_ns - begun, r->errors - errors};
    r->free_ns = bp_frames_to_ns(e->shared.frame, e->config.rate); /* the device is idle when time goes on */
    return BP_OK;
}

/* ---- control ---- */

void bp_engine_set_device(bp_engine *e, bp_device *device)
{
    bp_reader_set_device(&e->reader, device);
}

int bp_engine_post(bp_engine *e, const bp_event *event)
{
    if (event->kind > BP_EVENT_UNPIN || (event->kind == BP_EVENT_TUNE && !(event->ratio > 0)))
        return BP_EINVAL;
    if (event->kind >= BP_EVENT_PIN && (event->sample >= e->file_count || event->start >= event->end ||
                                        event->end > e->files[event->sample].format.frames))
        return BP_EINVAL;
    if (event->kind == BP_EVENT_START &&
        (event->sample >= e->file_count || event->loop > BP_LOOP_PING_PONG || event->retrigger > BP_TOGGLE ||
         event->cost < 1 || event->cost > e->config.max_voices || !(event->ratio > 0) ||
         !(event->gain_left >= 0 && event->gain_left <= 64) || !(event->gain_right >= 0 && event->gain_right <= 64) ||
         event->attack > 1u << 24 || event->release > 1u << 24))
        return BP_EINVAL; /* beyond 2^24 frames an age is not exact in a float */
    return bp_ring_push(&e->events, event) ? BP_OK : BP_EFULL;
}

int bp_engine_underruns(bp_engine *e, bp_underrun *out, uint32_t most)
{
    uint32_t count = 0;
    const bp_underrun *u;
    while (count < most && (u = bp_ring_peek(&e->reports))) {
        out[count++] = *u;
        bp_ring_drop(&e->reports);
    }
    return (int)count;
}

uint64_t bp_engine_frame(const bp_engine *e)
{
    return atomic_load_explicit(&e->frame, memory_order_acquire);
}

const char *bp_engine_path(const bp_engine *e)
{
    return e->shared.kernels->name;
}

uint64_t bp_engine_memory(const bp_engine *e)
{
    return e->memory_bytes + sizeof *e;
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void publish(bp_engine *e)
{
    const bp_cache *c = &e->shared.cache;
    const uint64_t now[] = {bp_voices_cost(e), c->hits, c->misses, c->evictions, c->resident, c->pinned,
                            c->wasted_blocks * c->block_bytes, bp_voices_sounding(e)};
    for (int i = 0; i < PUBLISHED; i++)
        atomic_store_explicit(&e->published[i], now[i], memory_order_relaxed);
}

void bp_engine_counters(const bp_engine *e, bp_counters *out)
{
    const bp_reader *r = &e->reader;
    *out = (bp_counters){
        .voices = load(&e->published[0]), .voices_peak = load(&e->peak), .voices_started = load(&e->started),
        .voices_stolen = load(&e->stolen), .voices_refused = load(&e->refused), .underruns = load(&e->underruns),
        .reports_lost = load(&e->reports_lost) + load(&r->traces_lost) + load(&e->shared.accesses_lost),
        .hits = load(&e->published[1]), .misses = load(&e->published[2]),
        .evictions = load(&e->published[3]), .resident_blocks = load(&e->published[4]),
        .pinned_blocks = load(&e->published[5]), .wasted_bytes = load(&e->published[6]),
        .sounding = load(&e->published[7]), .reads = load(&r->reads),
        .read_bytes = load(&r->bytes), .busy_ns = load(&r->busy_ns), .read_errors = load(&r->errors),
        .retries = load(&r->retries), .failovers = load(&r->failovers), .dropped = load(&e->dropped),
        .held_frames = load(&e->shared.held_frames)};
}

/* ---- time ---- */

int bp_reader_pump(bp_engine *e, uint32_t budget)
{
    uint64_t now = bp_engine_frame(e);
    uint32_t rate = e->config.rate;
    return bp_reader_step(&e->reader, bp_frames_to_ns(now, rate), bp_frames_to_ns(now + BP_GRID, rate), budget);
}

void bp_engine_serve_now(bp_engine *e)
{
    const bp_reader *r = &e->reader;
    if (e->config.threaded_reader || bp_relaxed(&r->command_ns) || bp_relaxed(&r->ps_per_byte))
        return;
    bp_reader_pump(e, UINT32_MAX);
    take_deliveries(e, 0);
}

/* Handles the events due now; returns the frame of the next one, at most `limit`. */
static uint64_t take_events(bp_engine *e, uint64_t limit)
{
    const bp_event *ev;
    while ((ev = bp_ring_peek(&e->events))) {
        if (ev->frame > e->shared.frame)
            return ev->frame < limit ? ev->frame : limit;
        if (ev->kind == BP_EVENT_PIN)
            bp_engine_pin(e, ev->sample, ev->start, ev->end - ev->start);
        else if (ev->kind == BP_EVENT_UNPIN)
            bp_unpin_frames(e, ev->sample, ev->start, ev->end);
        else
            bp_voices_event(e, ev);
        bp_ring_drop(&e->events);
    }
    return limit;
}

int bp_engine_render(bp_engine *e, float *out, uint32_t frames)
{
    bp_shared *s = &e->shared;
    float *begin = out;
    uint64_t end = s->frame + frames;
    memset(out, 0, (size_t)frames * 2 * sizeof *out);
    while (s->frame < end) {
        uint64_t next_grid = s->frame / BP_GRID * BP_GRID + BP_GRID;
        int on_grid = s->frame % BP_GRID == 0;
        if (on_grid) {
            take_deliveries(e, 0);
            bp_voices_tidy(e);
        }
        uint64_t stop = take_events(e, next_grid < end ? next_grid : end);
        uint32_t n = (uint32_t)(stop - s->frame);
        bp_voices_render(e, out, n, on_grid);
        if (on_grid && !e->config.threaded_reader)
            bp_reader_pump(e, UINT32_MAX);
        bp_engine_serve_now(e);
        out += 2 * n;
        s->frame += n;
        atomic_store_explicit(&e->frame, s->frame, memory_order_release);
    }
    publish(e);
    bp_measure_publish(e, begin, frames);
    return BP_OK;
}
