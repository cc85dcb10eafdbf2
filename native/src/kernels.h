/* The arithmetic of rendering: decode PCM, interpolate, apply gain, mix. No state, no branches on data.
 *
 * Each path does the same float operations in the same order (no fused multiply-add, no reassociation), so all
 * paths give the same bits and a render does not depend on the machine. */
#ifndef BP_KERNELS_H
#define BP_KERNELS_H

#include "benchpad.h"

enum {
    BP_SINC_TAPS = 32,
    BP_SINC_PHASES = 1024,
    BP_SINC_ROW = 2 * BP_SINC_TAPS, /* each weight twice, for left and right */
};

typedef struct bp_mix_job {
    float *mix;         /* n stereo frames, added to */
    const float *src;   /* stereo frames, the first tap of the first output frame foremost */
    const float *env;   /* n gains, or NULL for 1 */
    const float *table; /* sinc weights */
    uint64_t inc;       /* source frames for each output frame, 32.32 fixed point */
    uint32_t frac;      /* position of the first output frame within src, in 1/2^32 frame */
    uint32_t n;
    float left, right;
} bp_mix_job;

typedef void bp_mix_fn(const bp_mix_job *job);
/* n frames from src as stereo float; integer formats keep their integer scale (see bp_decode_scale). */
typedef void bp_decode_fn(float *dst, const unsigned char *src, uint32_t n);

typedef struct bp_kernels {
    const char *name;
    bp_decode_fn *decode[BP_ENCODINGS][2]; /* by encoding and channels - 1 */
    bp_mix_fn *interpolate[BP_QUALITIES];
    bp_mix_fn *copy; /* inc is 1, frac is 0: src is what to mix */
} bp_kernels;

/* Taps before and after the frame that holds the position. */
static inline uint32_t bp_taps_before(uint32_t quality)
{
    return quality == BP_SINC ? BP_SINC_TAPS / 2 - 1 : quality == BP_HERMITE ? 1 : 0;
}
static inline uint32_t bp_taps_after(uint32_t quality)
{
    return quality == BP_SINC ? BP_SINC_TAPS / 2 : quality == BP_HERMITE ? 2 : 1;
}

/* The kernels of a path; AUTO is the fastest that this machine has; NULL where it has not got the path. */
const bp_kernels *bp_kernels_get(uint32_t path);
/* Bytes of one value. */
static inline uint32_t bp_encoding_bytes(uint32_t encoding)
{
    static const uint8_t bytes[BP_ENCODINGS] = {1, 2, 2, 3, 3, 4, 4, 4, 4};
    return bytes[encoding];
}
/* What brings a decoded value to +-1: an exact power of two. */
float bp_decode_scale(uint32_t encoding);
/* Floats in the sinc table, and its weights. */
enum { BP_SINC_FLOATS = (BP_SINC_PHASES + 1) * BP_SINC_ROW };
void bp_sinc_fill(float *table);

void bp_mix_copy_scalar(const bp_mix_job *job);
void bp_mix_linear_scalar(const bp_mix_job *job);
void bp_mix_hermite_scalar(const bp_mix_job *job);
void bp_mix_sinc_scalar(const bp_mix_job *job);

extern const bp_kernels bp_kernels_scalar;
#if defined(__x86_64__)
extern const bp_kernels bp_kernels_sse2;
extern const bp_kernels bp_kernels_avx2;
#endif

#endif
