/* Measuring: the engine's own time, and the bare mix loop, which is what any sampler must do at least. */
#define _GNU_SOURCE
#include "kernels.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 128 };

typedef struct {
    uint64_t frame, inc;
    uint32_t frac;
} stream;

static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Pitch ratios 0.64 to 1.51, spread evenly. */
static void spread(stream *streams, uint32_t voices, uint64_t pcm_frames)
{
    for (uint32_t v = 0; v < voices; v++) {
        double ratio = 0.64 + 0.87 * v / (voices > 1 ? voices - 1 : 1);
        streams[v] = (stream){pcm_frames / voices * v, (uint64_t)(ratio * 4294967296.0), 0};
    }
}

static void mix_block(const bp_kernels *k, uint32_t quality, const float *table, stream *s, const int16_t *pcm,
                      uint64_t pcm_frames, float *scratch, float *out)
{
    uint32_t before = bp_taps_before(quality), taps = before + bp_taps_after(quality) + 1;
    uint32_t frames = (uint32_t)((s->frac + (BLOCK - 1) * s->inc) >> 32) + taps;
    if (s->frame + frames > pcm_frames)
        s->frame = 0;
    k->decode[BP_S16_LE][1](scratch, (const unsigned char *)(pcm + 2 * s->frame), frames);
    bp_mix_job job = {out, scratch, NULL, table, s->inc, s->frac, BLOCK, 0x1p-15f, 0x1p-15f};
    k->interpolate[quality](&job);
    uint64_t low = s->frac + s->inc * BLOCK;
    s->frame += low >> 32;
    s->frac = (uint32_t)low;
}

int bp_bare_loop(uint32_t path, uint32_t quality, uint32_t voices, uint32_t blocks, const int16_t *pcm,
                 uint64_t pcm_frames, double *seconds, float *checksum)
{
    const bp_kernels *k = bp_kernels_get(path);
    if (!k || quality >= BP_QUALITIES || voices < 1 || voices > 4096 || pcm_frames < 1024)
        return BP_EINVAL;
    stream *streams = malloc(voices * sizeof *streams);
    float *table = malloc(BP_SINC_FLOATS * sizeof *table);
    if (!streams || !table) {
        free(streams);
        free(table);
        return BP_ENOMEM;
    }
    _Alignas(64) float out[2 * BLOCK], scratch[2 * (2 * BLOCK + 2 * BP_SINC_TAPS)];
    bp_sinc_fill(table);
    spread(streams, voices, pcm_frames);
    *checksum = 0;
    double begun = thread_seconds();
    for (uint32_t b = 0; b < blocks; b++) {
        memset(out, 0, sizeof out);
        for (uint32_t v = 0; v < voices; v++)
            mix_block(k, quality, table, &streams[v], pcm, pcm_frames, scratch, out);
        *checksum += out[0] + out[2 * BLOCK - 1];
    }
    *seconds = thread_seconds() - begun;
    free(streams);
    free(table);
    return BP_OK;
}

double bp_render_loop(bp_engine *engine, uint32_t blocks)
{
    _Alignas(64) float out[2 * BLOCK];
    double begun = thread_seconds();
    for (uint32_t b = 0; b < blocks; b++)
        bp_engine_render(engine, out, BLOCK);
    return thread_seconds() - begun;
}
