/* The baseline kernels of x86-64: SSE2, two stereo frames in a vector. */
#if defined(__x86_64__)
#define SUFFIX sse2
#include "decode.inc"

#include <emmintrin.h>

typedef __m128 vec;
enum { FRAMES = 2 };
#define ADD _mm_add_ps
#define SUB _mm_sub_ps
#define MUL _mm_mul_ps
#define SET1 _mm_set1_ps
#define LOAD _mm_loadu_ps
#define STORE _mm_storeu_ps
#define UNPACK_LOW(a, b) _mm_castpd_ps(_mm_unpacklo_pd(_mm_castps_pd(a), _mm_castps_pd(b)))
#define UNPACK_HIGH(a, b) _mm_castpd_ps(_mm_unpackhi_pd(_mm_castps_pd(a), _mm_castps_pd(b)))

typedef struct {
    __m128i raw, step; /* each frame's twice */
} fractions;

static inline vec gain_vector(float left, float right)
{
    return _mm_setr_ps(left, right, left, right);
}

static inline fractions first_fractions(uint32_t frac, uint32_t inc)
{
    int32_t f0 = (int32_t)frac, f1 = (int32_t)(frac + inc);
    return (fractions){_mm_setr_epi32(f0, f0, f1, f1), _mm_set1_epi32((int32_t)(2 * inc))};
}

static inline vec next_fractions(fractions *f)
{
    __m128 x = _mm_cvtepi32_ps(_mm_srli_epi32(f->raw, 8));
    f->raw = _mm_add_epi32(f->raw, f->step);
    return _mm_mul_ps(x, _mm_set1_ps(1.0f / 16777216.0f));
}

static inline vec env_vector(const float *env)
{
    __m128 e = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)env));
    return _mm_unpacklo_ps(e, e);
}

/* The tap at x[k] + offset of both frames, and the one after it. */
static inline void two_taps(const float *const *x, int offset, vec *first, vec *second)
{
    __m128 a = _mm_loadu_ps(x[0] + offset), b = _mm_loadu_ps(x[1] + offset);
    *first = UNPACK_LOW(a, b);
    *second = UNPACK_HIGH(a, b);
}

static inline __m128 weigh(const float *x, const float *row, __m128 between)
{
    __m128 w = _mm_loadu_ps(row), after = _mm_loadu_ps(row + BP_SINC_ROW);
    w = _mm_add_ps(_mm_mul_ps(_mm_sub_ps(after, w), between), w);
    return _mm_mul_ps(_mm_loadu_ps(x), w);
}

static inline __m128 sinc_frame(const float *x, const float *row, float fraction)
{
    __m128 between = _mm_set1_ps(fraction), low = _mm_setzero_ps(), high = _mm_setzero_ps();
    for (int t = 0; t < BP_SINC_ROW; t += 8) {
        low = _mm_add_ps(low, weigh(x + t, row + t, between));
        high = _mm_add_ps(high, weigh(x + t + 4, row + t + 4, between));
    }
    __m128 sum = _mm_add_ps(low, high);
    return _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
}

static inline vec sinc_vector(const float *const *x, const float *const *rows, const float *between)
{
    __m128 a = sinc_frame(x[0], rows[0], between[0]), b = sinc_frame(x[1], rows[1], between[1]);
    return UNPACK_LOW(a, b);
}

#include "mix.inc"

const bp_kernels bp_kernels_sse2 = KERNELS("baseline");
#endif
