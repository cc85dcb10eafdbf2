/* The AVX2 kernels: four stereo frames in a vector. Chosen at run time where the processor has them. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define SUFFIX avx2
#include "decode.inc"

#include <immintrin.h>

#define UNPACK_LOW(a, b) _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)))
#define UNPACK_HIGH(a, b) _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)))
#define LOW_HALVES(a, b) _mm256_permute2f128_ps(a, b, 0x20)
#define HIGH_HALVES(a, b) _mm256_permute2f128_ps(a, b, 0x31)

/* [e0 e1 e2 e3] as [e0 e0 e1 e1 e2 e2 e3 e3]. */
static inline __m256 twice(__m128 e)
{
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(e), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}

/* Everything that a loop needs, in locals: a vector store may alias anything, so what stays behind a pointer
 * would be read again for each vector. */
typedef struct {
    float *mix;
    const float *src, *env;
    __m256 gain;
    uint64_t p, inc;   /* position of the next frame */
    __m256i raw, step; /* the fractions of the next four frames, twice each; they wrap as they should */
} loop;

static inline loop begin(const bp_mix_job *job)
{
    __m128 pair = _mm_setr_ps(job->left, job->right, job->left, job->right);
    __m256i inc = _mm256_set1_epi32((int32_t)job->inc);
    return (loop){
        .mix = job->mix, .src = job->src, .env = job->env, .p = job->frac, .inc = job->inc,
        .gain = LOW_HALVES(_mm256_castps128_ps256(pair), _mm256_castps128_ps256(pair)),
        .raw = _mm256_add_epi32(_mm256_set1_epi32((int32_t)job->frac),
                                _mm256_mullo_epi32(inc, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3))),
        .step = _mm256_slli_epi32(inc, 2)};
}

/* Adds the next four frames, as [L R L R L R L R]. */
static inline void add_four(loop *l, int with_env, __m256 y)
{
    __m256 gain = l->gain;
    if (with_env) {
        gain = _mm256_mul_ps(gain, twice(_mm_loadu_ps(l->env)));
        l->env += 4;
    }
    _mm256_storeu_ps(l->mix, _mm256_add_ps(_mm256_loadu_ps(l->mix), _mm256_mul_ps(y, gain)));
    l->mix += 8;
}

/* Where the taps of the next frame begin. */
static inline const float *next(loop *l)
{
    const float *x = l->src + 2 * (l->p >> 32);
    l->p += l->inc;
    return x;
}

static inline __m256 fractions(loop *l)
{
    __m256 f = _mm256_cvtepi32_ps(_mm256_srli_epi32(l->raw, 8));
    l->raw = _mm256_add_epi32(l->raw, l->step);
    return _mm256_mul_ps(f, _mm256_set1_ps(1.0f / 16777216.0f));
}

/* One loop with an envelope and one without: the choice is made once, not for each vector. */
#define BOTH(name)                                  \
    static void name##_avx2(const bp_mix_job *job)  \
    {                                               \
        if (job->env)                               \
            name(job, 1);                           \
        else                                        \
            name(job, 0);                           \
    }

/* What is left after whole vectors: the same arithmetic, frame by frame. */
static void rest(const bp_mix_job *job, uint32_t done, uint64_t position, bp_mix_fn *scalar)
{
    if (done == job->n)
        return;
    bp_mix_job tail = *job;
    tail.mix += 2 * done;
    tail.src += 2 * (position >> 32);
    tail.env = job->env ? job->env + done : NULL;
    tail.frac = (uint32_t)position;
    tail.n -= done;
    scalar(&tail);
}

static inline void copy(const bp_mix_job *job, int with_env)
{
    loop l = begin(job);
    uint32_t i = 0;
    for (; i + 4 <= job->n; i += 4)
        add_four(&l, with_env, _mm256_loadu_ps(l.src + 2 * i));
    rest(job, i, (uint64_t)i << 32, bp_mix_copy_scalar);
}
BOTH(copy)

static inline __m256 two_frames(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

static inline void linear(const bp_mix_job *job, int with_env)
{
    loop l = begin(job);
    uint32_t i = 0, n = job->n;
    for (; i + 4 <= n; i += 4) {
        const float *x0 = next(&l), *x1 = next(&l), *x2 = next(&l), *x3 = next(&l);
        __m256 a = two_frames(x0, x2), b = two_frames(x1, x3);
        __m256 here = UNPACK_LOW(a, b), after = UNPACK_HIGH(a, b);
        add_four(&l, with_env, _mm256_add_ps(_mm256_mul_ps(_mm256_sub_ps(after, here), fractions(&l)), here));
    }
    rest(job, i, l.p, bp_mix_linear_scalar);
}
BOTH(linear)

static inline __m256 curve(__m256 before, __m256 x0, __m256 x1, __m256 after, __m256 f)
{
    const __m256 half = _mm256_set1_ps(0.5f);
    __m256 c1 = _mm256_mul_ps(_mm256_sub_ps(x1, before), half);
    __m256 v = _mm256_sub_ps(x0, x1), w = _mm256_add_ps(c1, v);
    __m256 c3 = _mm256_add_ps(_mm256_add_ps(w, v), _mm256_mul_ps(_mm256_sub_ps(after, x0), half));
    __m256 c2 = _mm256_add_ps(w, c3);
    __m256 y = _mm256_sub_ps(_mm256_mul_ps(c3, f), c2);
    y = _mm256_add_ps(_mm256_mul_ps(y, f), c1);
    return _mm256_add_ps(_mm256_mul_ps(y, f), x0);
}

static inline void hermite(const bp_mix_job *job, int with_env)
{
    loop l = begin(job);
    uint32_t i = 0, n = job->n;
    for (; i + 4 <= n; i += 4) {
        const float *x0 = next(&l), *x1 = next(&l), *x2 = next(&l), *x3 = next(&l);
        __m256 a = two_frames(x0, x2), b = two_frames(x1, x3);
        __m256 c = two_frames(x0 + 4, x2 + 4), d = two_frames(x1 + 4, x3 + 4);
        add_four(&l, with_env, curve(UNPACK_LOW(a, b), UNPACK_HIGH(a, b), UNPACK_LOW(c, d), UNPACK_HIGH(c, d),
                             fractions(&l)));
    }
    rest(job, i, l.p, bp_mix_hermite_scalar);
}
BOTH(hermite)

static inline __m128 sinc_frame(loop *l, const float *table)
{
    uint32_t frac = (uint32_t)l->p;
    const float *x = next(l), *row = table + (size_t)(frac >> 22) * BP_SINC_ROW;
    __m256 between = _mm256_set1_ps((float)(int32_t)(frac & 0x3FFFFF) * (1.0f / 4194304.0f));
    __m256 sum = _mm256_setzero_ps();
    for (int t = 0; t < BP_SINC_ROW; t += 8) {
        __m256 w = _mm256_loadu_ps(row + t), after = _mm256_loadu_ps(row + BP_SINC_ROW + t);
        w = _mm256_add_ps(_mm256_mul_ps(_mm256_sub_ps(after, w), between), w);
        sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(x + t), w));
    }
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    return _mm_add_ps(half, _mm_movehl_ps(half, half));
}

static inline void sinc(const bp_mix_job *job, int with_env)
{
    loop l = begin(job);
    const float *table = job->table;
    uint32_t i = 0, n = job->n;
    for (; i + 4 <= n; i += 4) {
        __m128 y0 = sinc_frame(&l, table), y1 = sinc_frame(&l, table);
        __m128 y2 = sinc_frame(&l, table), y3 = sinc_frame(&l, table);
        __m128 a = _mm_movelh_ps(y0, y1), b = _mm_movelh_ps(y2, y3);
        add_four(&l, with_env, LOW_HALVES(_mm256_castps128_ps256(a), _mm256_castps128_ps256(b)));
    }
    rest(job, i, l.p, bp_mix_sinc_scalar);
}
BOTH(sinc)

const bp_kernels bp_kernels_avx2 = {
    .name = "avx2",
    .decode = DECODERS,
    .interpolate = {linear_avx2, hermite_avx2, sinc_avx2},
    .copy = copy_avx2,
};
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
