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

typedef __m256 vec;
enum { FRAMES = 4 };
#define ADD _mm256_add_ps
#define SUB _mm256_sub_ps
#define MUL _mm256_mul_ps
#define SET1 _mm256_set1_ps
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define UNPACK_LOW(a, b) _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)))
#define UNPACK_HIGH(a, b) _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)))

typedef struct {
    __m256i raw, step; /* each frame's twice */
} fractions;

static inline __m256 halves(__m128 low, __m128 high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
}

static inline vec gain_vector(float left, float right)
{
    __m128 pair = _mm_setr_ps(left, right, left, right);
    return halves(pair, pair);
}

static inline fractions first_fractions(uint32_t frac, uint32_t inc)
{
    __m256i steps = _mm256_mullo_epi32(_mm256_set1_epi32((int32_t)inc), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    return (fractions){_mm256_add_epi32(_mm256_set1_epi32((int32_t)frac), steps),
                       _mm256_set1_epi32((int32_t)(4 * inc))};
}

static inline vec next_fractions(fractions *f)
{
    __m256 x = _mm256_cvtepi32_ps(_mm256_srli_epi32(f->raw, 8));
    f->raw = _mm256_add_epi32(f->raw, f->step);
    return _mm256_mul_ps(x, _mm256_set1_ps(1.0f / 16777216.0f));
}

static inline vec env_vector(const float *env)
{
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(env)),
                                    _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}

/* The tap at x[k] + offset of each frame, and the one after it. */
static inline void two_taps(const float *const *x, int offset, vec *first, vec *second)
{
    __m256 a = halves(_mm_loadu_ps(x[0] + offset), _mm_loadu_ps(x[2] + offset));
    __m256 b = halves(_mm_loadu_ps(x[1] + offset), _mm_loadu_ps(x[3] + offset));
    *first = UNPACK_LOW(a, b);
    *second = UNPACK_HIGH(a, b);
}

static inline __m128 sinc_frame(const float *x, const float *row, float fraction)
{
    __m256 between = _mm256_set1_ps(fraction), sum = _mm256_setzero_ps();
    for (int t = 0; t < BP_SINC_ROW; t += 8) {
        __m256 w = _mm256_loadu_ps(row + t), after = _mm256_loadu_ps(row + BP_SINC_ROW + t);
        w = _mm256_add_ps(_mm256_mul_ps(_mm256_sub_ps(after, w), between), w);
        sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_loadu_ps(x + t), w));
    }
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    return _mm_add_ps(half, _mm_movehl_ps(half, half));
}

static inline vec sinc_vector(const float *const *x, const float *const *rows, const float *between)
{
    __m128 y0 = sinc_frame(x[0], rows[0], between[0]), y1 = sinc_frame(x[1], rows[1], between[1]);
    __m128 y2 = sinc_frame(x[2], rows[2], between[2]), y3 = sinc_frame(x[3], rows[3], between[3]);
    return halves(_mm_movelh_ps(y0, y1), _mm_movelh_ps(y2, y3));
}

#include "mix.inc"

const bp_kernels bp_kernels_avx2 = KERNELS("avx2");
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
