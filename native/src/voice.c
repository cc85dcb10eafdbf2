/* Rendering one voice, and what it does when data is missing. See voice.h. */
#include "voice.h"

#include <string.h>

enum { PAD_FRAMES = 8 };

/* ---- fetching frames ---- */

/* The memory of a block that the window holds; NULL where it does not. */
static const unsigned char *block_memory(bp_shared *s, bp_voice *v, uint32_t block)
{
    if (block != v->memo_block) {
        uint32_t slot = bp_cache_find(&s->cache, bp_key(v->sample, block));
        if (slot == BP_NONE || s->cache.slots[slot].state != BP_RESIDENT)
            return NULL;
        v->memo_block = block;
        v->memo_slot = slot;
    }
    return bp_cache_data(&s->cache, v->memo_slot);
}

/* File bytes [at, at + n): in place when one block holds them, else gathered. NULL where one is missing. */
static const unsigned char *file_bytes(bp_shared *s, bp_voice *v, uint64_t at, uint32_t n)
{
    uint32_t done = 0;
    while (done < n) {
        const unsigned char *memory = block_memory(s, v, (uint32_t)((at + done) >> s->cache.block_shift));
        uint32_t inside = (uint32_t)(at + done) & s->cache.block_mask, run = s->cache.block_bytes - inside;
        if (!memory)
            return NULL;
        if (run >= n - done) {
            if (done == 0)
                return memory + inside;
            run = n - done;
        }
        memcpy(s->raw + done, memory + inside, run);
        done += run;
    }
    return s->raw;
}

static void reverse(float *frames, uint32_t n)
{
    for (uint32_t i = 0, j = n - 1; i < j; i++, j--) {
        float left = frames[2 * i], right = frames[2 * i + 1];
        frames[2 * i] = frames[2 * j];
        frames[2 * i + 1] = frames[2 * j + 1];
        frames[2 * j] = left;
        frames[2 * j + 1] = right;
    }
}

/* Asks for the cache lines on the far side of what is being read, where the next interval will read: by the time
 * that this voice comes round again, all the others have been rendered, and the lines are there. */
static void prefetch(const unsigned char *from, const unsigned char *to)
{
    for (; from < to; from += 64)
        __builtin_prefetch(from, 0, 3);
}

/* How many frames to decode: `run` rounded up to whole vectors, where the source has bytes for it. What is decoded
 * too much is overwritten by the next piece or never read, and a loop without a tail is faster. */
static uint32_t padded(const bp_shared *s, const bp_voice *v, const unsigned char *bytes, uint32_t run, int step)
{
    uint32_t more = (run + PAD_FRAMES - 1) & ~(uint32_t)(PAD_FRAMES - 1), size = run * v->frame_bytes;
    if (bytes == s->raw)
        return more;
    uint32_t inside = (uint32_t)(bytes - s->cache.data) & s->cache.block_mask;
    uint32_t left = s->cache.block_bytes - inside;
    if (step > 0)
        prefetch(bytes + size, bytes + (left < 2 * size ? left : 2 * size));
    else
        prefetch(bytes - (inside < size ? inside : size), bytes);
    return more * v->frame_bytes <= left ? more : run;
}

/* Decodes virtual frames [u, u + n) into dst; what lies beyond the end, or is missing, is silence. */
static void fetch(bp_shared *s, bp_voice *v, uint64_t u, uint32_t n, float *dst)
{
    bp_decode_fn *decode = s->kernels->decode[v->file->format.encoding][v->file->format.channels - 1];
    while (n) {
        bp_piece p = bp_region_piece(&v->region, u);
        uint32_t run = p.count < n ? (uint32_t)p.count : n;
        uint64_t low = p.step > 0 ? p.file : p.file - (run ? run - 1 : 0);
        const unsigned char *bytes =
            run ? file_bytes(s, v, v->file->format.data_offset + low * v->frame_bytes, run * v->frame_bytes) : NULL;
        if (!bytes) {
            run = run ? run : n;
            memset(dst, 0, (size_t)run * 2 * sizeof *dst);
        } else {
            decode(dst, bytes, padded(s, v, bytes, run, p.step));
            if (p.step < 0)
                reverse(dst, run);
        }
        dst += 2 * run;
        u += run;
        n -= run;
    }
}

/* ---- rendering ---- */

static void mix(bp_shared *s, bp_voice *v, float *out, uint32_t n, const float *env)
{
    bp_mix_job job = {out, s->scratch, env, s->table, v->inc, v->frac, n, v->left, v->right};
    if (v->inc == (uint64_t)1 << 32 && v->frac == 0) {
        fetch(s, v, v->u, n, s->scratch);
        s->kernels->copy(&job);
        return;
    }
    uint32_t before = bp_taps_before(s->quality), missing = v->u < before ? before - (uint32_t)v->u : 0;
    uint32_t frames = (uint32_t)((v->frac + (n - 1) * v->inc) >> 32) + 1 + before + bp_taps_after(s->quality);
    if (missing) /* before the first frame: silence */
        memset(s->scratch, 0, (size_t)missing * 2 * sizeof *s->scratch);
    fetch(s, v, v->u + missing - before, frames - missing, s->scratch + 2 * missing);
    s->kernels->interpolate[s->quality](&job);
}

/* Output frames until the position passes the end, at most n. */
static uint32_t until_end(const bp_voice *v, uint32_t n)
{
    if (v->u >= v->last)
        return 0;
    if (v->last - v->u > (uint64_t)n * BP_MAX_RATIO)
        return n;
    uint64_t left = (((v->last - v->u) << 32) - v->frac + v->inc - 1) / v->inc;
    return left < n ? (uint32_t)left : n;
}

static void move_on(bp_voice *v, uint32_t n)
{
    uint64_t low = v->frac + (v->inc & UINT32_MAX) * n; /* n is at most BP_GRID: no overflow */
    v->u += (v->inc >> 32) * n + (low >> 32);
    v->frac = (uint32_t)low;
}

/* Whether time stands still for the voice: it waits for its data where it stopped, or has not begun. */
static int waits(const bp_shared *s, const bp_voice *v)
{
    return v->duck == BP_SILENT && (s->on_miss == BP_MISS_HOLD || (s->on_miss == BP_MISS_DROP && v->age == 0)) &&
           v->stage != BP_RELEASE;
}

void bp_voice_render(bp_shared *s, bp_voice *v, float *out, uint32_t n)
{
    int constant = 0;
    if (waits(s, v)) {
        bp_tally(&s->held_frames, n);
        return;
    }
    uint32_t run = until_end(v, n);
    run = bp_envelope_render(v, s->env, run, &constant);
    if (run && v->duck != BP_SILENT && !s->dry)
        mix(s, v, out, run, constant ? NULL : s->env);
    move_on(v, run);
    if (v->u >= v->last)
        v->stage = BP_ENDED;
    if (v->stage == BP_ENDED)
        v->ended = s->frame + run;
}

/* ---- missing data ---- */

/* The first virtual frame that the next `frames` output frames do not touch. */
static uint64_t reach_of(const bp_shared *s, const bp_voice *v, uint64_t frames)
{
    return v->u + ((v->frac + frames * v->inc) >> 32) + 1 + bp_taps_after(s->quality);
}

bp_cause bp_voice_cause(const bp_shared *s, const bp_voice *v)
{
    const bp_window *w = &v->window;
    if (w->check != BP_NONE && s->cache.slots[s->entries[w->check].slot].state == BP_FAILED)
        return BP_READ_ERROR;
    if (w->check == BP_NONE && w->no_room)
        return BP_NO_ROOM;
    return v->age == 0 ? BP_COLD : BP_LATE;
}

static void fade(bp_voice *v, uint8_t duck, float from, float to, uint32_t frames)
{
    v->duck = duck;
    v->fade = (bp_ramp){from, (to - from) / (float)frames, 0, frames};
}

int bp_voice_check_start(bp_shared *s, bp_voice *v)
{
    v->duck = BP_PLAYING;
    if (bp_window_covers(s, v, reach_of(s, v, BP_GRID + s->fade_frames)))
        return 0;
    v->duck = BP_SILENT;
    return 1;
}

/* Data must reach over the coming grid interval and a fade after it, so that the next check can still fade. */
int bp_voice_check(bp_shared *s, bp_voice *v)
{
    uint64_t needed = BP_GRID + s->fade_frames;
    if (v->duck == BP_FADING_OUT && v->fade.age == v->fade.length)
        v->duck = BP_SILENT;
    if (v->duck == BP_FADING_IN && v->fade.age == v->fade.length)
        v->duck = BP_PLAYING;
    if (v->duck == BP_SILENT) {
        if (!bp_window_begun(s, v) || !bp_window_covers(s, v, reach_of(s, v, needed + s->fade_frames))) {
            bp_window_retry(s, v);
            return 0;
        }
        v->window.skip /= 2;
        if (v->age == 0 && waits(s, v))
            v->duck = BP_PLAYING; /* it begins with the sample's own beginning */
        else
            fade(v, BP_FADING_IN, 0.0f, 1.0f, s->fade_frames);
        return 0;
    }
    if (v->duck == BP_FADING_OUT || bp_window_covers(s, v, reach_of(s, v, needed)))
        return 0;
    float now = v->duck == BP_PLAYING ? 1.0f : v->fade.from + v->fade.slope * (float)v->fade.age;
    fade(v, BP_FADING_OUT, now, 0.0f, s->fade_frames);
    return 1;
}
