/* Gain over time, as straight lines counted in frames: a value depends on the age of its line alone, so that
 * it is the same however rendering is cut into blocks. */
#include "voice.h"

static float ramp_value(const bp_ramp *r)
{
    return r->from + r->slope * (float)r->age;
}

void bp_envelope_start(bp_voice *v, uint32_t attack)
{
    v->stage = attack ? BP_ATTACK : BP_SUSTAIN;
    v->env = attack ? (bp_ramp){0.0f, 1.0f / (float)attack, 0, attack} : (bp_ramp){.from = 1.0f};
}

void bp_envelope_release(bp_voice *v, uint32_t frames)
{
    if (v->stage == BP_ENDED)
        return;
    if (v->stage == BP_RELEASE && v->env.length - v->env.age <= frames)
        return; /* it ends sooner as it is */
    float now = ramp_value(&v->env);
    v->stage = BP_RELEASE;
    v->env = (bp_ramp){now, -now / (float)frames, 0, frames};
}

float bp_envelope_value(const bp_voice *v)
{
    float fade = v->duck == BP_PLAYING ? 1.0f : v->duck == BP_SILENT ? 0.0f : ramp_value(&v->fade);
    return fade * ramp_value(&v->env);
}

/* How many frames until the line changes, at most n. */
static uint32_t until_change(const bp_voice *v, uint32_t n)
{
    uint64_t left = n;
    if (v->stage == BP_ATTACK || v->stage == BP_RELEASE)
        left = v->env.length - v->env.age;
    if (v->auto_release > v->age && v->auto_release - v->age < left)
        left = v->auto_release - v->age;
    if (v->cut_fade > v->age && v->cut_fade - v->age < left)
        left = v->cut_fade - v->age;
    return left < n ? (uint32_t)left : n;
}

static void change(bp_voice *v)
{
    if (v->age == v->auto_release)
        bp_envelope_release(v, v->release);
    if (v->age == v->cut_fade) /* also in a release that is too long to end in time */
        bp_envelope_release(v, v->cut_fade_frames);
    if (v->stage == BP_ATTACK && v->env.age == v->env.length)
        bp_envelope_start(v, 0);
    else if (v->stage == BP_RELEASE && v->env.age == v->env.length)
        v->stage = BP_ENDED;
}

static void fill(const bp_ramp *r, float *env, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        env[i] = r->from + r->slope * (float)(r->age + i);
}

/* Lays the fade of an underrun over the gains. */
static void duck(bp_voice *v, float *env, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        env[i] *= v->fade.from + v->fade.slope * (float)(v->fade.age + i);
    v->fade.age += n;
}

uint32_t bp_envelope_render(bp_voice *v, float *env, uint32_t n, int *constant)
{
    uint32_t done = 0;
    change(v);
    *constant = v->stage == BP_SUSTAIN && v->duck == BP_PLAYING && until_change(v, n) == n;
    if (*constant) {
        v->age += n;
        return n;
    }
    while (done < n && v->stage != BP_ENDED) {
        uint32_t run = until_change(v, n - done);
        fill(&v->env, env + done, run);
        v->env.age += run;
        v->age += run;
        done += run;
        change(v);
    }
    if (v->duck == BP_FADING_OUT || v->duck == BP_FADING_IN)
        duck(v, env, done);
    return done;
}
