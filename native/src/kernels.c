/* The scalar kernels, which every other path must equal bit for bit, and the choice of a path. */
#define SUFFIX scalar
#include "decode.inc"

#include <math.h>

static const float FRAC_SCALE = 1.0f / 16777216.0f; /* the upper 24 bits of a fraction are exact in a float */

static inline void add_frame(const bp_mix_job *job, uint32_t i, float left, float right)
{
    float gain_left = job->left, gain_right = job->right;
    if (job->env) {
        gain_left *= job->env[i];
        gain_right *= job->env[i];
    }
    job->mix[2 * i] += left * gain_left;
    job->mix[2 * i + 1] += right * gain_right;
}

void bp_mix_copy_scalar(const bp_mix_job *job)
{
    for (uint32_t i = 0; i < job->n; i++)
        add_frame(job, i, job->src[2 * i], job->src[2 * i + 1]);
}

void bp_mix_linear_scalar(const bp_mix_job *job)
{
    uint64_t position = job->frac;
    for (uint32_t i = 0; i < job->n; i++, position += job->inc) {
        const float *x = job->src + 2 * (position >> 32);
        float f = (float)(int32_t)((uint32_t)position >> 8) * FRAC_SCALE, y[2];
        for (int c = 0; c < 2; c++)
            y[c] = (x[2 + c] - x[c]) * f + x[c];
        add_frame(job, i, y[0], y[1]);
    }
}

/* 4-point, 3rd-order Hermite (Catmull-Rom), in the form with the fewest multiplications
 * (O. Niemitalo, "Polynomial interpolators for high-quality resampling", 2001). */
void bp_mix_hermite_scalar(const bp_mix_job *job)
{
    uint64_t position = job->frac;
    for (uint32_t i = 0; i < job->n; i++, position += job->inc) {
        const float *x = job->src + 2 * (position >> 32);
        float f = (float)(int32_t)((uint32_t)position >> 8) * FRAC_SCALE, y[2];
        for (int c = 0; c < 2; c++) {
            float before = x[c], x0 = x[2 + c], x1 = x[4 + c], after = x[6 + c];
            float c1 = (x1 - before) * 0.5f;
            float v = x0 - x1;
            float w = c1 + v;
            float c3 = (w + v) + (after - x0) * 0.5f;
            float c2 = w + c3;
            y[c] = ((c3 * f - c2) * f + c1) * f + x0;
        }
        add_frame(job, i, y[0], y[1]);
    }
}

/* Sums in eight lanes, as a vector of eight does. */
void bp_mix_sinc_scalar(const bp_mix_job *job)
{
    uint64_t position = job->frac;
    for (uint32_t i = 0; i < job->n; i++, position += job->inc) {
        const float *x = job->src + 2 * (position >> 32);
        uint32_t frac = (uint32_t)position;
        const float *row = job->table + (size_t)(frac >> 22) * BP_SINC_ROW;
        float between = (float)(int32_t)(frac & 0x3FFFFF) * (1.0f / 4194304.0f);
        float sum[8] = {0};
        for (int t = 0; t < BP_SINC_ROW; t += 8)
            for (int k = 0; k < 8; k++)
                sum[k] += x[t + k] * ((row[BP_SINC_ROW + t + k] - row[t + k]) * between + row[t + k]);
        add_frame(job, i, (sum[0] + sum[4]) + (sum[2] + sum[6]), (sum[1] + sum[5]) + (sum[3] + sum[7]));
    }
}

const bp_kernels bp_kernels_scalar = {
    .name = "scalar",
    .decode = DECODERS,
    .interpolate = {bp_mix_linear_scalar, bp_mix_hermite_scalar, bp_mix_sinc_scalar},
    .copy = bp_mix_copy_scalar,
};

float bp_decode_scale(uint32_t encoding)
{
    static const float scales[BP_ENCODINGS] = {0x1p-7f, 0x1p-15f, 0x1p-15f, 0x1p-23f, 0x1p-23f,
                                               0x1p-31f, 0x1p-31f, 1.0f, 1.0f};
    return scales[encoding];
}

/* Modified Bessel function of the first kind, order 0, by its power series. */
static double bessel_i0(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; k < 64; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* Windowed sinc with a Kaiser window. beta = 12 puts the stop band beyond -118 dB (Kaiser 1974:
 * A = beta / 0.1102 + 8.7); 32 taps then pass up to about 0.37 of the file's rate. Row 0 is exactly one frame. */
void bp_sinc_fill(float *table)
{
    const double pi = 3.14159265358979323846, beta = 12.0, half = BP_SINC_TAPS / 2;
    for (int p = 0; p <= BP_SINC_PHASES; p++) {
        double weights[BP_SINC_TAPS], sum = 0;
        for (int t = 0; t < BP_SINC_TAPS; t++) {
            double x = (double)p / BP_SINC_PHASES - (t - (half - 1));
            double r = x / half, window = r * r < 1 ? bessel_i0(beta * sqrt(1 - r * r)) / bessel_i0(beta) : 0;
            int whole = p == 0 || p == BP_SINC_PHASES;
            weights[t] = x == 0 ? 1 : whole ? 0 : sin(pi * x) / (pi * x) * window;
            sum += weights[t];
        }
        for (int t = 0; t < BP_SINC_ROW; t++)
            table[(size_t)p * BP_SINC_ROW + (size_t)t] = (float)(weights[t / 2] / sum);
    }
}

const bp_kernels *bp_kernels_get(uint32_t path)
{
#if defined(__x86_64__)
    int has_avx2 = __builtin_cpu_supports("avx2");
    if (path == BP_PATH_AVX2 || (path == BP_PATH_AUTO && has_avx2))
        return has_avx2 ? &bp_kernels_avx2 : NULL;
    if (path == BP_PATH_BASELINE || path == BP_PATH_AUTO)
        return &bp_kernels_sse2;
#else
    if (path == BP_PATH_AVX2)
        return NULL;
#endif
    return &bp_kernels_scalar;
}
