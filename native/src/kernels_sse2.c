/* The baseline kernels of x86-64: SSE2, two stereo frames in a vector. */
#if defined(__x86_64__)
#define SUFFIX sse2
#include "decode.inc"

#include <emmintrin.h>

#define UNPACK_LOW(a, b) _mm_castpd_ps(_mm_unpacklo_pd(_mm_castps_pd(a), _mm_castps_pd(b)))
#define UNPACK_HIGH(a, b) _mm_castpd_ps(_mm_unpackhi_pd(_mm_castps_pd(a), _mm_castps_pd(b)))

/* Adds frames i and i + 1, as [L R L R]. */
static inline void add_pair(const bp_mix_job *job, uint32_t i, __m128 y)
{
    __m128 gain = _mm_setr_ps(job->left, job->right, job->left, job->right);
    if (job->env) {
        __m128 env = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(job->env + i)));
        gain = _mm_mul_ps(gain, _mm_unpacklo_ps(env, env));
    }
    float *to = job->mix + 2 * i;
    _mm_storeu_ps(to, _mm_add_ps(_mm_loadu_ps(to), _mm_mul_ps(y, gain)));
}

/* The fractions of two positions as [f0 f0 f1 f1]. */
static inline __m128 fractions(uint64_t p0, uint64_t p1)
{
    __m128i raw = _mm_unpacklo_epi32(_mm_cvtsi32_si128((int32_t)p0), _mm_cvtsi32_si128((int32_t)p1));
    __m128 f = _mm_mul_ps(_mm_cvtepi32_ps(_mm_srli_epi32(raw, 8)), _mm_set1_ps(1.0f / 16777216.0f));
    return _mm_unpacklo_ps(f, f);
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

static void copy_sse2(const bp_mix_job *job)
{
    uint32_t i = 0;
    for (; i + 2 <= job->n; i += 2)
        add_pair(job, i, _mm_loadu_ps(job->src + 2 * i));
    rest(job, i, (uint64_t)i << 32, bp_mix_copy_scalar);
}

static void linear_sse2(const bp_mix_job *job)
{
    uint64_t p = job->frac;
    uint32_t i = 0;
    for (; i + 2 <= job->n; i += 2, p += 2 * job->inc) {
        uint64_t q = p + job->inc;
        __m128 a = _mm_loadu_ps(job->src + 2 * (p >> 32)), b = _mm_loadu_ps(job->src + 2 * (q >> 32));
        __m128 x0 = UNPACK_LOW(a, b), x1 = UNPACK_HIGH(a, b);
        add_pair(job, i, _mm_add_ps(_mm_mul_ps(_mm_sub_ps(x1, x0), fractions(p, q)), x0));
    }
    rest(job, i, p, bp_mix_linear_scalar);
}

static inline __m128 hermite(__m128 before, __m128 x0, __m128 x1, __m128 after, __m128 f)
{
    const __m128 half = _mm_set1_ps(0.5f);
    __m128 c1 = _mm_mul_ps(_mm_sub_ps(x1, before), half);
    __m128 v = _mm_sub_ps(x0, x1), w = _mm_add_ps(c1, v);
    __m128 c3 = _mm_add_ps(_mm_add_ps(w, v), _mm_mul_ps(_mm_sub_ps(after, x0), half));
    __m128 c2 = _mm_add_ps(w, c3);
    __m128 y = _mm_sub_ps(_mm_mul_ps(c3, f), c2);
    y = _mm_add_ps(_mm_mul_ps(y, f), c1);
    return _mm_add_ps(_mm_mul_ps(y, f), x0);
}

static void hermite_sse2(const bp_mix_job *job)
{
    uint64_t p = job->frac;
    uint32_t i = 0;
    for (; i + 2 <= job->n; i += 2, p += 2 * job->inc) {
        uint64_t q = p + job->inc;
        const float *x = job->src + 2 * (p >> 32), *y = job->src + 2 * (q >> 32);
        __m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(y), c = _mm_loadu_ps(x + 4), d = _mm_loadu_ps(y + 4);
        add_pair(job, i, hermite(UNPACK_LOW(a, b), UNPACK_HIGH(a, b), UNPACK_LOW(c, d), UNPACK_HIGH(c, d),
                                 fractions(p, q)));
    }
    rest(job, i, p, bp_mix_hermite_scalar);
}

static inline __m128 weigh(const float *x, const float *row, __m128 between)
{
    __m128 w = _mm_loadu_ps(row), next = _mm_loadu_ps(row + BP_SINC_ROW);
    w = _mm_add_ps(_mm_mul_ps(_mm_sub_ps(next, w), between), w);
    return _mm_mul_ps(_mm_loadu_ps(x), w);
}

static inline __m128 sinc_frame(const bp_mix_job *job, uint64_t p)
{
    const float *x = job->src + 2 * (p >> 32);
    uint32_t frac = (uint32_t)p;
    const float *row = job->table + (size_t)(frac >> 22) * BP_SINC_ROW;
    __m128 between = _mm_set1_ps((float)(int32_t)(frac & 0x3FFFFF) * (1.0f / 4194304.0f));
    __m128 low = _mm_setzero_ps(), high = _mm_setzero_ps();
    for (int t = 0; t < BP_SINC_ROW; t += 8) {
        low = _mm_add_ps(low, weigh(x + t, row + t, between));
        high = _mm_add_ps(high, weigh(x + t + 4, row + t + 4, between));
    }
    __m128 sum = _mm_add_ps(low, high);
    return _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
}

static void sinc_sse2(const bp_mix_job *job)
{
    uint64_t p = job->frac;
    uint32_t i = 0;
    for (; i + 2 <= job->n; i += 2, p += 2 * job->inc)
        add_pair(job, i, UNPACK_LOW(sinc_frame(job, p), sinc_frame(job, p + job->inc)));
    rest(job, i, p, bp_mix_sinc_scalar);
}

const bp_kernels bp_kernels_sse2 = {
    .name = "baseline",
    .decode = DECODERS,
    .interpolate = {linear_sse2, hermite_sse2, sinc_sse2},
    .copy = copy_sse2,
};
#endif
