/* Measuring voices: slack, ends, states, levels. Nothing here decides anything. */
#include "engine.h"

/* ---- memory ---- */

void bp_measure_lay_out(bp_engine *e, bp_arena *a)
{
    const bp_config *c = &e->config;
    bp_ring_init(&e->ends, a, c->measure ? BP_REPORT_QUEUE : 0, sizeof(bp_end));
    bp_ring_init(&e->accesses, a, c->trace_records, sizeof(uint64_t));
    if (!c->measure)
        return;
    e->measures = bp_arena_take(a, e->place_count, sizeof *e->measures);
    for (int i = 0; i < 3; i++)
        e->snapshots[i].states = bp_arena_take(a, e->place_count, sizeof(bp_state));
    e->writing = 0;
    e->reading = 1;
    e->newest = 2;
}

/* ---- slack ---- */

/* Four buckets for each power of two: the leading bit and the two after it. */
static uint32_t bucket_of(uint32_t slack)
{
    uint32_t n = slack + 4, power = 31 - (uint32_t)__builtin_clz(n);
    uint32_t bucket = (power - 2) * 4 + (n >> (power - 2) & 3);
    return bucket < SLACK_BUCKETS ? bucket : SLACK_BUCKETS - 1;
}

/* The least slack that falls into a bucket. */
static uint32_t bucket_floor(uint32_t bucket)
{
    return ((4 + bucket % 4) << bucket / 4) - 4;
}

/* Output frames until the voice needs a block that is not there; BP_NO_SLACK when all is there to its end. */
static uint32_t slack_of(bp_engine *e, bp_voice *v)
{
    bp_shared *s = &e->shared;
    bp_window_covers(s, v, UINT64_MAX);
    if (v->window.safe >= v->last || v->window.safe == UINT64_MAX)
        return (uint32_t)BP_NO_SLACK;
    uint64_t reach = v->u + bp_taps_after(s->quality) + 1;
    if (v->window.safe <= reach)
        return 0;
    uint64_t frames = v->window.safe - reach;
    if (frames >> 31)
        return (uint32_t)BP_NO_SLACK;
    frames = (frames << 32) / v->inc;
    return frames < INT32_MAX ? (uint32_t)frames : INT32_MAX;
}

void bp_measure_begin(bp_engine *e, const bp_voice *v)
{
    if (e->measures)
        e->measures[v->stream] = (bp_measure){.least = (uint32_t)BP_NO_SLACK, .now = (uint32_t)BP_NO_SLACK};
}

void bp_measure_grid(bp_engine *e, bp_voice *v)
{
    if (!e->measures || v->killed)
        return;
    bp_measure *m = &e->measures[v->stream];
    m->now = slack_of(e, v);
    if (m->now == (uint32_t)BP_NO_SLACK || v->duck == BP_SILENT) /* silent: it has underrun already */
        return;
    m->least = m->now < m->least ? m->now : m->least;
    m->points++;
    m->buckets[bucket_of(m->now)]++;
}

static uint32_t first_percentile(const bp_measure *m)
{
    uint32_t seen = 0, bucket = 0;
    if (m->points == 0)
        return (uint32_t)BP_NO_SLACK;
    while (bucket < SLACK_BUCKETS - 1 && (seen += m->buckets[bucket]) * 100ull < m->points)
        bucket++;
    uint32_t floor = bucket_floor(bucket);
    return floor > m->least ? floor : m->least;
}

void bp_measure_end(bp_engine *e, bp_voice *v)
{
    if (!e->measures || v->told)
        return;
    v->told = 1;
    const bp_measure *m = &e->measures[v->stream];
    bp_end end = {v->ended, v->started, v->tag, v->sample, v->end_cause, m->least, first_percentile(m),
                  v->underruns};
    if (!bp_ring_push(&e->ends, &end))
        bp_count(&e->reports_lost, 1);
}

int bp_engine_ends(bp_engine *e, bp_end *out, uint32_t most)
{
    uint32_t count = 0;
    const bp_end *item;
    while (count < most && (item = bp_ring_peek(&e->ends))) {
        out[count++] = *item;
        bp_ring_drop(&e->ends);
    }
    return (int)count;
}

int bp_engine_commands(bp_engine *e, bp_command *out, uint32_t most)
{
    uint32_t count = 0;
    const bp_command *item;
    while (count < most && (item = bp_ring_peek(&e->reader.commands))) {
        out[count++] = *item;
        bp_ring_drop(&e->reader.commands);
    }
    return (int)count;
}

int bp_engine_accesses(bp_engine *e, uint64_t *out, uint32_t most)
{
    uint32_t count = 0;
    const uint64_t *item;
    while (count < most && (item = bp_ring_peek(&e->accesses))) {
        out[count++] = *item;
        bp_ring_drop(&e->accesses);
    }
    return (int)count;
}

/* ---- states and levels ---- */

static bp_state state_of(const bp_engine *e, const bp_voice *v)
{
    static const bp_voice_mode modes[] = {BP_MODE_PLAYING, BP_MODE_FADING, BP_MODE_SILENT, BP_MODE_RETURNING};
    bp_piece p = bp_region_piece(&v->region, v->u);
    return (bp_state){v->tag, v->sample, modes[v->duck], e->measures[v->stream].now, v->window.length, v->share,
                      p.file, bp_envelope_value(v) * v->level};
}

static void publish_level(_Atomic uint32_t *level, float peak)
{
    uint32_t bits, seen = atomic_load_explicit(level, memory_order_relaxed);
    memcpy(&bits, &peak, sizeof bits);
    while (bits > seen && /* floats that are not negative sort as their bits do */
           !atomic_compare_exchange_weak_explicit(level, &seen, bits, memory_order_relaxed, memory_order_relaxed))
        ;
}

void bp_measure_publish(bp_engine *e, const float *out, uint32_t frames)
{
    if (!e->measures)
        return;
    bp_snapshot *s = &e->snapshots[e->writing];
    s->count = 0;
    for (uint32_t i = 0; i < e->active_count; i++) {
        bp_voice *v = &e->voices[e->active[i]];
        if (v->stage == BP_ENDED)
            bp_measure_end(e, v); /* rendering may stop here */
        else
            s->states[s->count++] = state_of(e, v);
    }
    e->writing = atomic_exchange_explicit(&e->newest, e->writing | SNAPSHOT_FRESH, memory_order_acq_rel) &
                 ~(uint32_t)SNAPSHOT_FRESH;
    float left = 0, right = 0;
    for (uint32_t i = 0; i < frames; i++) {
        float l = out[2 * i] < 0 ? -out[2 * i] : out[2 * i], r = out[2 * i + 1] < 0 ? -out[2 * i + 1] : out[2 * i + 1];
        left = l > left ? l : left;
        right = r > right ? r : right;
    }
    publish_level(&e->level[0], left);
    publish_level(&e->level[1], right);
}

int bp_engine_states(bp_engine *e, bp_state *out, uint32_t most)
{
    if (!e->measures)
        return 0;
    if (atomic_load_explicit(&e->newest, memory_order_relaxed) & SNAPSHOT_FRESH)
        e->reading = atomic_exchange_explicit(&e->newest, e->reading, memory_order_acq_rel) & ~(uint32_t)SNAPSHOT_FRESH;
    const bp_snapshot *s = &e->snapshots[e->reading];
    uint32_t count = s->count < most ? s->count : most;
    memcpy(out, s->states, count * sizeof *out);
    return (int)count;
}

void bp_engine_levels(bp_engine *e, float *left, float *right)
{
    uint32_t l = atomic_exchange_explicit(&e->level[0], 0, memory_order_relaxed);
    uint32_t r = atomic_exchange_explicit(&e->level[1], 0, memory_order_relaxed);
    memcpy(left, &l, sizeof l);
    memcpy(right, &r, sizeof r);
}
