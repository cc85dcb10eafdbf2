/* Every path equals the scalar one bit for bit, and the decoders equal arithmetic done byte by byte. */
#include "kernels.h"
#include "test.h"

#include <string.h>

enum { FRAMES = 4096, MOST = 300, JOBS = 3000, GUARD = 16 };

static float table[BP_SINC_FLOATS];
static float source[2 * FRAMES], gains[MOST];
static unsigned char bytes[8 * FRAMES + 64];
static uint64_t state = 11;

static float noise(void)
{
    return (float)((double)pick(&state, 1u << 24) / (1 << 23) - 1);
}

static void run(bp_mix_fn *kernel, bp_mix_job job, float *out)
{
    for (uint32_t i = 0; i < 2 * (MOST + GUARD); i++)
        out[i] = (float)i / 777;
    job.mix = out + GUARD;
    kernel(&job);
}

static void compare(bp_mix_fn *kernel, bp_mix_fn *scalar, const bp_mix_job *job)
{
    static float ours[2 * (MOST + GUARD)], theirs[2 * (MOST + GUARD)];
    run(kernel, *job, ours);
    run(scalar, *job, theirs);
    CHECK(memcmp(ours, theirs, sizeof ours) == 0); /* nothing written beside it either */
}

static void mixing(const bp_kernels *k)
{
    for (int i = 0; i < JOBS; i++) {
        uint32_t n = 1 + pick(&state, i % 3 ? 9 : MOST);
        uint64_t inc = i % 5 ? rnd(&state) >> 30 : rnd(&state) >> 27; /* up to 4, up to 32 */
        while (inc * n >> 32 > FRAMES - 2 * BP_SINC_TAPS)
            n = n / 2;
        bp_mix_job job = {NULL, source + 2 * pick(&state, 7), pick(&state, 2) ? gains + pick(&state, 5) : NULL, table,
                          inc, (uint32_t)rnd(&state), n, noise(), noise()};
        if (job.env && n > MOST - 5)
            job.n = n = MOST - 5;
        for (int q = 0; q < BP_QUALITIES; q++)
            compare(k->interpolate[q], bp_kernels_scalar.interpolate[q], &job);
        compare(k->copy, bp_kernels_scalar.copy, &job);
    }
}

/* One value as the format's definition has it. */
static double value(uint32_t encoding, const unsigned char *p)
{
    static const int sizes[] = {1, 2, 2, 3, 3, 4, 4, 4, 4};
    int size = sizes[encoding], big = encoding >= 1 && encoding % 2 == 0;
    uint32_t x = 0;
    for (int i = 0; i < size; i++)
        x |= (uint32_t)p[big ? size - 1 - i : i] << (8 * i);
    if (encoding >= BP_F32_LE) {
        float f;
        memcpy(&f, &x, 4);
        return f - f == 0 ? (double)f : 0; /* not finite: silence */
    }
    if (encoding == BP_U8)
        return (double)x - 128;
    uint32_t top = 1u << (8 * size - 1);
    return x >= top ? (double)x - 2.0 * top : (double)x;
}

static void decoding(const bp_kernels *k)
{
    static const uint32_t sizes[] = {1, 2, 2, 3, 3, 4, 4, 4, 4};
    static float out[2 * MOST + 2];
    for (uint32_t e = 0; e < BP_ENCODINGS; e++)
        for (uint32_t channels = 1; channels <= 2; channels++)
            for (uint32_t n = 1; n < MOST; n += n < 40 ? 1 : 37) {
                const unsigned char *from = bytes + pick(&state, 64);
                out[2 * n] = 1234.5f;
                k->decode[e][channels - 1](out, from, n);
                CHECK(out[2 * n] > 1234.4f && out[2 * n] < 1234.6f);
                for (uint32_t i = 0; i < 2 * n; i++) {
                    uint32_t index = channels == 2 ? i : i / 2;
                    float expected = (float)value(e, from + (size_t)index * sizes[e]);
                    CHECK(memcmp(&out[i], &expected, 4) == 0 || (out[i] - expected == 0));
                }
            }
}

static void weights(void)
{
    for (uint32_t p = 0; p <= BP_SINC_PHASES; p++) {
        double sum = 0;
        for (uint32_t t = 0; t < BP_SINC_TAPS; t++) {
            const float *row = table + (size_t)p * BP_SINC_ROW;
            CHECK(memcmp(&row[2 * t], &row[2 * t + 1], 4) == 0);
            sum += (double)row[2 * t];
        }
        CHECK(sum > 1 - 1e-6 && sum < 1 + 1e-6);
    }
    for (uint32_t t = 0; t < BP_SINC_TAPS; t++) { /* on a frame it is that frame */
        double first = (double)table[2 * t], last = (double)table[(size_t)BP_SINC_PHASES * BP_SINC_ROW + 2 * t];
        CHECK((first > 0.5) == (t == BP_SINC_TAPS / 2 - 1) && (last > 0.5) == (t == BP_SINC_TAPS / 2));
    }
}

int main(void)
{
    bp_sinc_fill(table);
    for (uint32_t i = 0; i < 2 * FRAMES; i++)
        source[i] = noise() * (i % 11 ? 1 : 32768);
    for (uint32_t i = 0; i < MOST; i++)
        gains[i] = noise();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i % 97 < 4 ? 0xFF : (unsigned char)rnd(&state); /* some of the floats are not finite */
    weights();
    int paths = 0;
    for (uint32_t path = BP_PATH_AUTO; path <= BP_PATH_SCALAR; path++) {
        const bp_kernels *k = bp_kernels_get(path);
        if (!k)
            continue; /* a machine without these instructions */
        paths++;
        decoding(k);
        mixing(k);
    }
    CHECK(paths >= 3);
    return 0;
}
