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

static inline __m256 gains(const bp_mix_job *job)
{
    __m128 pair = _mm_setr_ps(job->left, job->right, job->left, job->right);
    return LOW_HALVES(_mm256_castps128_ps256(pair), _mm256_castps128_ps256(pair));
}

/* Adds frames i to i + 3, as [L R L R L R L R]. */
static inline void add_four(const bp_mix_job *job, uint32_t i, __m256 y, __m256 gain)
{
    if (job->env)
        gain = _mm256_mul_ps(gain, twice(_mm_loadu_ps(job->env + i)));
    float *to = job->mix + 2 * i;
    _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), _mm256_mul_ps(y, gain)));
}

/* Four positions: where each frame's taps begin, and the fractions twice each. Only the low words of the
 * positions matter to the fractions, and those wrap as they should. */
typedef struct {
    const float *x[4];
    __m256 f;
} taps;

static inline taps locate(const bp_mix_job *job, uint64_t p)
{
    taps t;
    uint64_t inc = job->inc;
    t.x[0] = job->src + 2 * (p >> 32);
    t.x[1] = job->src + 2 * ((p + inc) >> 32);
    t.x[2] = job->src + 2 * ((p + 2 * inc) >> 32);
    t.x[3] = job->src + 2 * ((p + 3 * inc) >> 32);
    __m256i steps = _mm256_mullo_epi32(_mm256_set1_epi32((int32_t)inc), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    __m256i raw = _mm256_add_epi32(_mm256_set1_epi32((int32_t)p), steps);
    t.f = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32(raw, 8)), _mm256_set1_ps(1.0f / 16777216.0f));
    return t;
}

/* What is left after whole vectors: the same arithmetic, frame by frame. */
static void rest(const bp_mix_job *job, uint32_t done, uint64_t position, bp_mix_fn *scalar)
{
    bp_mix_job tail = *job;
    tail.mix += 2 * done;
    tail.src += 2 * (position >> 32);
    tail.env = job->env ? job->env + done : NULL;
    tail.frac = (uint32_t)position;
    tail.n -= done;
    if (tail.n)
        scalar(&tail);
}

static void copy_avx2(const bp_mix_job *job)
{
    __m256 gain = gains(job);
    uint32_t i = 0;
    for (; i + 4 <= job->n; i += 4)
        add_four(job, i, _mm256_loadu_ps(job->src + 2 * i), gain);
    rest(job, i, (uint64_t)i << 32, bp_mix_copy_scalar);
}

static inline __m256 two_frames(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

static void linear_avx2(const bp_mix_job *job)
{
    __m256 gain = gains(job);
    uint64_t p = job->frac;
    uint32_t i = 0;
    for (; i + 4 <= job->n; i += 4, p += 4 * job->inc) {
        taps t = locate(job, p);
        __m256 a = two_frames(t.x[0], t.x[2]), b = two_frames(t.x[1], t.x[3]);
        __m256 x0 = UNPACK_LOW(a, b), x1 = UNPACK_HIGH(a, b);
        add_four(job, i, _mm256_add_ps(_mm256_mul_ps(_mm256_sub_ps(x1, x0), t.f), x0), gain);
    }
    rest(job, i, p, bp_mix_linear_scalar);
}

static inline __m256 hermite(__m256 before, __m256 x0, __m256 x1, __m256 after, __m256 f)
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

static void hermite_avx2(const bp_mix_job *job)
{
    __m256 gain = gains(job);
    uint64_t p = job->frac;
    uint32_t i = 0;
    for (; i + 4 <= job->n; i += 4, p += 4 * job->inc) {
        taps t = locate(job, p);
        __m256 a = two_frames(t.x[0], t.x[2]), b = two_frames(t.x[1], t.x[3]);
        __m256 c = two_frames(t.x[0] + 4, t.x[2] + 4), d = two_frames(t.x[1] + 4, t.x[3] + 4);
        __m256 y = hermite(UNPACK_LOW(a, b), UNPACK_HIGH(a, b), UNPACK_LOW(c, d), UNPACK_HIGH(c, d), t.f);
        add_four(job, i, y, gain);
    }
    rest(job, i, p, bp_mix_hermite_scalar);
}

static inline __m128 sinc_frame(const bp_mix_job *job, uint64_t p)
{
    const float *x = job->src + 2 * (p >> 32);
    uint32_t frac = (uint32_t)p;
    const float *row = job->table + (size_t)(frac >> 22) * BP_SINC_ROW;
    __m256 between = _mm256_set1_ps((float)(int32_t)(frac & 0x3FFFFF) * (1.0f / 4194304.0f));
    __m256 sum = _mm256_setzero_ps();
    for (int t = 0; t < BP_SINC_ROW; t += 8) {
        __m256 w = _mm256_loadu_ps(row + t), next = _mm256_loadu_ps(row + BP_SINC_ROW + t);
        w = _mm256_add_ps(_mm256_mul_ps(_mm256_sub_ps(next, w), between), w);
        sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(x + t), w));
    }
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    return _mm_add_ps(half, _mm_movehl_ps(half, half));
}

static void sinc_avx2(const bp_mix_job *job)
{
    __m256 gain = gains(job);
    uint64_t p = job->frac;
    uint32_t i = 0;
    for (; i + 4 <= job->n; i += 4, p += 4 * job->inc) {
        __m128 a = _mm_movelh_ps(sinc_frame(job, p), sinc_frame(job, p + job->inc));
        __m128 b = _mm_movelh_ps(sinc_frame(job, p + 2 * job->inc), sinc_frame(job, p + 3 * job->inc));
        add_four(job, i, LOW_HALVES(_mm256_castps128_ps256(a), _mm256_castps128_ps256(b)), gain);
    }
    rest(job, i, p, bp_mix_sinc_scalar);
}

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
