/* Which voices sound: starting, releasing, stealing, and their share of the cache. */
#include "engine.h"

enum {
    RELIEF_FRAMES = 32 * BP_GRID,
    LATE_BLOCKS = 4, /* one after the other: a stall of the machine makes one late */
    LONG_BEHIND_FRAMES = 256 * BP_GRID, /* a third of a second: longer than spikes and what follows them */
};

/* ---- counting ---- */

uint32_t bp_voices_cost(const bp_engine *e)
{
    uint32_t cost = 0;
    for (uint32_t i = 0; i < e->active_count; i++) {
        const bp_voice *v = &e->voices[e->active[i]];
        cost += v->stage == BP_ENDED || v->killed ? 0 : v->cost;
    }
    return cost;
}

uint32_t bp_voices_sounding(const bp_engine *e)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->active_count; i++)
        count += e->voices[e->active[i]].stage != BP_ENDED;
    return count;
}

static void report(bp_engine *e, bp_voice *v)
{
    bp_underrun u = {e->shared.frame, v->tag, v->sample, bp_voice_cause(&e->shared, v)};
    v->underruns++;
    bp_count(&e->underruns, 1);
    if (!bp_ring_push(&e->reports, &u))
        bp_count(&e->reports_lost, 1);
}

/* ---- ending ---- */

/* Out within one fade; the voice no longer counts. */
static void kill(bp_engine *e, bp_voice *v, bp_end_cause cause)
{
    if (v->stage == BP_ENDED || v->killed)
        return;
    v->killed = 1;
    v->end_cause = (uint8_t)cause;
    if (v->age == 0 || v->duck == BP_SILENT)
        v->stage = BP_ENDED; /* not heard yet, or not heard now: there is nothing to fade */
    v->ended = e->shared.frame;
    e->shares_stale = 1;
    if (v->stage != BP_ENDED)
        bp_envelope_release(v, e->config.fade_frames);
}

static void release(bp_voice *v)
{
    if (v->stage == BP_ENDED || v->killed)
        return;
    v->end_cause = BP_END_RELEASED;
    bp_envelope_release(v, v->release);
}

static int alive(const bp_voice *v)
{
    return v->stage != BP_ENDED && v->stage != BP_RELEASE;
}

/* What a start means for the voices of its own pad. Returns 1 when the start itself is dropped. */
static int retrigger(bp_engine *e, const bp_event *ev)
{
    int dropped = 0;
    for (uint32_t i = 0; i < e->active_count; i++) {
        bp_voice *v = &e->voices[e->active[i]];
        if (v->tag != ev->tag || !alive(v))
            continue;
        if (ev->retrigger == BP_RESTART)
            kill(e, v, BP_END_RETRIGGERED);
        else if (ev->retrigger == BP_TOGGLE)
            release(v);
        dropped |= ev->retrigger == BP_IGNORE || ev->retrigger == BP_TOGGLE;
    }
    return dropped;
}

static void mute_group(bp_engine *e, uint32_t group)
{
    for (uint32_t i = 0; i < e->active_count; i++) {
        bp_voice *v = &e->voices[e->active[i]];
        if (v->group == group)
            kill(e, v, BP_END_CHOKED);
    }
}

/* ---- stealing ---- */

static float loudness(const bp_voice *v)
{
    return bp_envelope_value(v) * v->level;
}

/* Whether voice a gives way before voice b, which started earlier. */
static int weaker(const bp_voice *a, const bp_voice *b, bp_overload rule)
{
    if (rule == BP_OVERLOAD_PRIORITY)
        return a->priority < b->priority;
    return rule == BP_OVERLOAD_QUIETEST && loudness(a) < loudness(b);
}

/* The voice to take; equals go to the one that started first. NULL when there is none. */
static bp_voice *victim(bp_engine *e, bp_overload rule)
{
    bp_voice *best = NULL;
    for (uint32_t i = 0; i < e->active_count; i++) {
        bp_voice *v = &e->voices[e->active[i]];
        if (v->stage != BP_ENDED && !v->killed && (!best || weaker(v, best, rule)))
            best = v;
    }
    return best;
}

static int make_room(bp_engine *e, uint32_t cost)
{
    if (cost > e->config.max_voices)
        return 0;
    for (uint32_t used = bp_voices_cost(e); used + cost > e->config.max_voices;) {
        bp_overload rule = e->config.steal == BP_STEAL_QUIETEST ? BP_OVERLOAD_QUIETEST : BP_OVERLOAD_OLDEST;
        bp_voice *v = e->config.steal == BP_STEAL_REFUSE ? NULL : victim(e, rule);
        if (!v)
            return 0;
        used -= v->cost;
        kill(e, v, BP_END_STOLEN);
        bp_count(&e->stolen, 1);
    }
    return 1;
}

/* ---- starting ---- */

static bp_region make_region(const bp_file *f, const bp_event *ev)
{
    uint64_t frames = f->format.frames;
    bp_region r = {ev->start, ev->end ? ev->end : frames, ev->loop_start, ev->reverse, ev->loop};
    if (r.end > frames)
        r.end = frames;
    if (r.start >= r.end)
        r.start = r.end - 1;
    if (r.loop_start < r.start)
        r.loop_start = r.start;
    if (r.loop_start >= r.end)
        r.loop_start = r.end - 1;
    return r;
}

static uint64_t increment(const bp_engine *e, const bp_file *f, double ratio)
{
    double inc = ratio * f->format.rate / e->config.rate * 4294967296.0;
    const double most = BP_MAX_RATIO * 4294967296.0;
    return inc < 1 ? 1 : inc > most ? (uint64_t)most : (uint64_t)(inc + 0.5);
}

static uint32_t at_least(uint32_t value, uint32_t least)
{
    return value > least ? value : least;
}

/* What the voice takes of card and pool at its speed. */
static void set_needs(const bp_engine *e, bp_voice *v)
{
    v->rate = (v->inc >> 16) * v->frame_bytes * e->config.rate >> 16;
    v->rate += v->rate == 0;
    uint64_t reach = ((BP_GRID + 2 * e->config.fade_frames) * v->inc >> 32) + 2 * BP_SINC_TAPS;
    v->least_blocks = (uint32_t)(reach * v->frame_bytes / e->config.block_bytes) + 3;
    uint64_t cycle = v->region.end - v->region.loop_start;
    if (v->region.loop != BP_LOOP_NONE && cycle * v->frame_bytes > e->config.block_bytes) /* else it is held whole */
        v->least_blocks += (uint32_t)(2 * (reach / cycle)); /* each pass begins and ends within a block */
}

/* Another speed while it sounds: the fade before a cut end moves with the end. */
static void tune(bp_engine *e, bp_voice *v, double ratio)
{
    double inc = (double)v->base_inc * ratio;
    const double most = BP_MAX_RATIO * 4294967296.0;
    if (v->stage == BP_ENDED || v->killed)
        return;
    e->total_rate -= v->rate;
    v->inc = inc < 1 ? 1 : inc > most ? (uint64_t)most : (uint64_t)(inc + 0.5);
    set_needs(e, v);
    e->total_rate += v->rate;
    e->shares_stale = 1;
    if (bp_ring_room(e->shared.orders) > e->shared.order_reserve) /* the reader's plan may lag; voices' ends may not */
        bp_order_rate(&e->shared, v, v->rate);
    if (v->cut_fade != UINT64_MAX && v->cut_fade > v->age) {
        uint64_t left = (((v->last - v->u) << 32) - v->frac + v->inc - 1) / v->inc;
        v->cut_fade = v->age + (left > v->cut_fade_frames ? left - v->cut_fade_frames : 1);
    }
}

/* A region cut inside the file would start or end with a step: it gets a fade there. The file's own first and
 * last frames are played as they are. */
static void start_envelope(const bp_engine *e, bp_voice *v, const bp_event *ev)
{
    uint64_t frames = v->file->format.frames;
    uint32_t fade = e->config.fade_frames;
    int cut_start = v->region.reverse ? v->region.end < frames : v->region.start > 0;
    int cut_end = v->region.reverse ? v->region.start > 0 : v->region.end < frames;
    v->release = at_least(ev->release, fade);
    uint64_t total = v->last == UINT64_MAX ? UINT64_MAX : ((v->last << 32) + v->inc - 1) / v->inc;
    if (total / 2 < fade)
        fade = (uint32_t)(total / 2); /* both fades must fit */
    bp_envelope_start(v, cut_start ? at_least(ev->attack, fade) : ev->attack);
    v->auto_release = ev->hold ? ev->hold : UINT64_MAX;
    v->cut_fade = cut_end && total != UINT64_MAX && fade ? total - fade : UINT64_MAX;
    v->cut_fade_frames = fade;
}

static void start(bp_engine *e, const bp_event *ev)
{
    bp_count(&e->started, 1);
    uint32_t place = e->idle[--e->idle_count];
    bp_voice *v = &e->voices[place];
    const bp_file *f = &e->files[ev->sample];
    float scale = bp_decode_scale(f->format.encoding);
    *v = (bp_voice){.region = make_region(f, ev), .file = f, .inc = increment(e, f, ev->ratio), .sample = ev->sample,
                    .tag = ev->tag, .cost = ev->cost, .group = ev->group, .priority = ev->priority,
                    .stream = place, .started = e->shared.frame,
                    .left = ev->gain_left * scale, .right = ev->gain_right * scale,
                    .level = ev->gain_left + ev->gain_right,
                    .gate = ev->gate || ev->loop != BP_LOOP_NONE};
    v->frame_bytes = f->format.channels * bp_encoding_bytes(f->format.encoding);
    v->last = bp_region_length(&v->region);
    v->base_inc = v->inc;
    set_needs(e, v);
    start_envelope(e, v, ev);
    e->active[e->active_count++] = place;
    e->total_rate += v->rate;
    e->shares_stale = 1;
    bp_order_rate(&e->shared, v, v->rate);
    bp_window_open(v);
    bp_measure_begin(e, v);
    bp_share_out(e);
    /* Of many voices that start at once, none may take what the next one needs; the rest comes at the grid. */
    bp_window_update(&e->shared, v, v->least_blocks);
    if (v->window.no_room) {
        bp_share_make_way(e, v);
        bp_window_update(&e->shared, v, v->least_blocks);
    }
    bp_engine_serve_now(e);
    if (bp_voice_check_start(&e->shared, v))
        report(e, v);
}

static void forget_ended(bp_engine *e)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < e->active_count; i++) {
        uint32_t place = e->active[i];
        bp_voice *v = &e->voices[place];
        if (v->stage != BP_ENDED) {
            e->active[kept++] = place;
            continue;
        }
        bp_measure_end(e, v);
        bp_window_close(&e->shared, v);
        bp_order_rate(&e->shared, v, 0);
        e->total_rate -= v->rate;
        e->shares_stale = 1;
        e->idle[e->idle_count++] = place;
    }
    e->active_count = kept;
}

/* Whether a place is free, ended voices' places included. Their orders must find room in the reader's queue. */
static int has_place(bp_engine *e)
{
    bp_shared *s = &e->shared;
    if (e->idle_count == 0 && bp_ring_room(s->orders) >= s->order_reserve + s->cache.loading)
        forget_ended(e);
    return e->idle_count > 0;
}

static void begin(bp_engine *e, const bp_event *ev)
{
    if (retrigger(e, ev))
        return;
    if (!has_place(e)) { /* every place sounds or fades: refuse rather than click, and take nobody's place */
        bp_count(&e->refused, 1);
        return;
    }
    if (ev->group)
        mute_group(e, ev->group);
    if (!make_room(e, ev->cost)) {
        bp_count(&e->refused, 1);
        return;
    }
    start(e, ev);
    uint64_t now = bp_voices_cost(e);
    if (now > atomic_load_explicit(&e->peak, memory_order_relaxed))
        atomic_store_explicit(&e->peak, now, memory_order_relaxed);
}

void bp_voices_event(bp_engine *e, const bp_event *ev)
{
    if (ev->kind == BP_EVENT_START) {
        begin(e, ev);
        return;
    }
    for (uint32_t i = 0; i < e->active_count; i++) {
        bp_voice *v = &e->voices[e->active[i]];
        if (ev->kind != BP_EVENT_STOP_ALL && v->tag != ev->tag)
            continue;
        if (ev->kind == BP_EVENT_TUNE)
            tune(e, v, ev->ratio);
        else if (ev->kind != BP_EVENT_RELEASE)
            kill(e, v, BP_END_STOPPED);
        else if (v->gate)
            release(v);
    }
}

/* ---- when the card is too slow ---- */

static bp_end_cause end_of(bp_cause cause)
{
    return cause == BP_NO_ROOM ? BP_END_NO_ROOM : cause == BP_READ_ERROR ? BP_END_READ_ERROR : BP_END_LATE;
}

/* An underrun has begun. */
static void miss(bp_engine *e, bp_voice *v)
{
    report(e, v);
    if (e->config.on_miss != BP_MISS_DROP || v->age == 0)
        return;
    kill(e, v, end_of(bp_voice_cause(&e->shared, v)));
    bp_count(&e->dropped, 1);
}

/* Whether the card cannot keep up, and not only with a spike: the voices need more than it has, or the reader has
 * seen for a while that requests would come too late. */
static int overloaded(bp_engine *e)
{
    uint64_t behind = atomic_load_explicit(&e->reader.behind, memory_order_relaxed), now = e->shared.frame;
    if (behind == e->behind_seen)
        return 0;
    e->behind_seen = behind;
    if (now - e->behind_last > RELIEF_FRAMES)
        e->behind_from = now;
    e->behind_last = now;
    return e->needed_ppm > 1000000 || now - e->behind_from > LONG_BEHIND_FRAMES;
}

/* What one voice gives way for now, so that the others keep their data or their time; BP_END_OWN: for nothing. */
static bp_end_cause relief(bp_engine *e)
{
    int card = overloaded(e);
    if (e->late_blocks >= LATE_BLOCKS)
        return BP_END_CPU;
    return card ? BP_END_BANDWIDTH : BP_END_OWN;
}

/* Whether one voice less was enough shows only after a while. A voice alone stays: nobody would gain. */
static void relieve(bp_engine *e)
{
    if (e->config.overload == BP_OVERLOAD_NONE)
        return;
    bp_end_cause cause = relief(e);
    if (cause == BP_END_OWN || e->shared.frame < e->relieved_until || e->active_count < 2)
        return;
    bp_voice *v = victim(e, (bp_overload)e->config.overload);
    if (!v)
        return;
    kill(e, v, cause);
    bp_count(&e->dropped, 1);
    e->late_blocks = 0;
    e->relieved_until = e->shared.frame + RELIEF_FRAMES;
}

/* ---- grid ---- */

void bp_voices_tidy(bp_engine *e)
{
    relieve(e);
    forget_ended(e);
    bp_share_out(e);
}

void bp_voices_render(bp_engine *e, float *out, uint32_t n, int on_grid)
{
    for (uint32_t i = 0; i < e->active_count; i++) {
        bp_voice *v = &e->voices[e->active[i]];
        if (v->stage == BP_ENDED)
            continue;
        if (on_grid) {
            bp_window_update(&e->shared, v, v->share);
            if (bp_voice_check(&e->shared, v))
                miss(e, v);
            bp_measure_grid(e, v);
        }
        bp_voice_render(&e->shared, v, out, n);
    }
}
