/* The baseline kernels of x86-64: SSE2, two stereo frames in a vector. */
#if defined(__x86_64__)
#define SUFFIX sse2
#include "decode.inc"

#include <emmintrin.h>

#define UNPACK_LOW(a, b) _mm_castpd_ps(_mm_unpacklo_pd(_mm_castps_pd(a), _mm_castps_pd(b)))
#define UNPACK_HIGH(a, b) _mm_castpd_ps(_mm_unpackhi_pd(_mm_castps_pd(a), _mm_castps_pd(b)))

/* Everything that a loop needs, in locals: a vector store may alias anything, so what stays behind a pointer
 * would be read again for each vector. */
typedef struct {
    float *mix;
    const float *src, *env;
    __m128 gain;
    uint64_t p, inc;   /* position of the next frame */
    __m128i raw, step; /* the fractions of the next two frames, twice each; they wrap as they should */
} loop;

static inline loop begin(const bp_mix_job *job)
{
    int32_t f0 = (int32_t)job->frac, f1 = (int32_t)(job->frac + (uint32_t)job->inc);
    return (loop){.mix = job->mix, .src = job->src, .env = job->env, .p = job->frac, .inc = job->inc,
                  .gain = _mm_setr_ps(job->left, job->right, job->left, job->right),
                  .raw = _mm_setr_epi32(f0, f0, f1, f1),
                  .step = _mm_set1_epi32((int32_t)(2 * (uint32_t)job->inc))};
}

/* Adds the next two frames, as [L R L R]. */
static inline void add_two(loop *l, int with_env, __m128 y)
{
    __m128 gain = l->gain;
    if (with_env) {
        __m128 env = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)l->env));
        gain = _mm_mul_ps(gain, _mm_unpacklo_ps(env, env));
        l->env += 2;
    }
    _mm_storeu_ps(l->mix, _mm_add_ps(_mm_loadu_ps(l->mix), _mm_mul_ps(y, gain)));
    l->mix += 4;
}

/* Where the taps of the next frame begin. */
static inline const float *next(loop *l)
{
    const float *x = l->src + 2 * (l->p >> 32);
    l->p += l->inc;
    return x;
}

static inline __m128 fractions(loop *l)
{
    __m128 f = _mm_cvtepi32_ps(_mm_srli_epi32(l->raw, 8));
    l->raw = _mm_add_epi32(l->raw, l->step);
    return _mm_mul_ps(f, _mm_set1_ps(1.0f / 16777216.0f));
}

/* One loop with an envelope and one without: the choice is made once, not for each vector. */
#define BOTH(name)                                  \
    static void name##_sse2(const bp_mix_job *job)  \
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
    for (; i + 2 <= job->n; i += 2)
        add_two(&l, with_env, _mm_loadu_ps(l.src + 2 * i));
    rest(job, i, (uint64_t)i << 32, bp_mix_copy_scalar);
}
BOTH(copy)

static inline void linear(const bp_mix_job *job, int with_env)
{
    loop l = begin(job);
    uint32_t i = 0, n = job->n;
    for (; i + 2 <= n; i += 2) {
        __m128 a = _mm_loadu_ps(next(&l)), b = _mm_loadu_ps(next(&l));
        __m128 here = UNPACK_LOW(a, b), after = UNPACK_HIGH(a, b);
        add_two(&l, with_env, _mm_add_ps(_mm_mul_ps(_mm_sub_ps(after, here), fractions(&l)), here));
    }
    rest(job, i, l.p, bp_mix_linear_scalar);
}
BOTH(linear)

static inline __m128 curve(__m128 before, __m128 x0, __m128 x1, __m128 after, __m128 f)
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

static inline void hermite(const bp_mix_job *job, int with_env)
{
    loop l = begin(job);
    uint32_t i = 0, n = job->n;
    for (; i + 2 <= n; i += 2) {
        const float *x = next(&l), *y = next(&l);
        __m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(y), c = _mm_loadu_ps(x + 4), d = _mm_loadu_ps(y + 4);
        add_two(&l, with_env, curve(UNPACK_LOW(a, b), UNPACK_HIGH(a, b), UNPACK_LOW(c, d), UNPACK_HIGH(c, d),
                            fractions(&l)));
    }
    rest(job, i, l.p, bp_mix_hermite_scalar);
}
BOTH(hermite)

static inline __m128 weigh(const float *x, const float *row, __m128 between)
{
    __m128 w = _mm_loadu_ps(row), next = _mm_loadu_ps(row + BP_SINC_ROW);
    w = _mm_add_ps(_mm_mul_ps(_mm_sub_ps(next, w), between), w);
    return _mm_mul_ps(_mm_loadu_ps(x), w);
}

static inline __m128 sinc_frame(loop *l, const float *table)
{
    uint32_t frac = (uint32_t)l->p;
    const float *x = next(l), *row = table + (size_t)(frac >> 22) * BP_SINC_ROW;
    __m128 between = _mm_set1_ps((float)(int32_t)(frac & 0x3FFFFF) * (1.0f / 4194304.0f));
    __m128 low = _mm_setzero_ps(), high = _mm_setzero_ps();
    for (int t = 0; t < BP_SINC_ROW; t += 8) {
        low = _mm_add_ps(low, weigh(x + t, row + t, between));
        high = _mm_add_ps(high, weigh(x + t + 4, row + t + 4, between));
    }
    __m128 sum = _mm_add_ps(low, high);
    return _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
}

static inline void sinc(const bp_mix_job *job, int with_env)
{
    loop l = begin(job);
    const float *table = job->table;
    uint32_t i = 0, n = job->n;
    for (; i + 2 <= n; i += 2) {
        __m128 a = sinc_frame(&l, table), b = sinc_frame(&l, table);
        add_two(&l, with_env, UNPACK_LOW(a, b));
    }
    rest(job, i, l.p, bp_mix_sinc_scalar);
}
BOTH(sinc)

const bp_kernels bp_kernels_sse2 = {
    .name = "baseline",
    .decode = DECODERS,
    .interpolate = {linear_sse2, hermite_sse2, sinc_sse2},
    .copy = copy_sse2,
};
#endif
