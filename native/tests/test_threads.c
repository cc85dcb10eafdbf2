/* The engine as it runs live: one thread renders, one pumps the reader, one posts events and reads reports. */
#define _GNU_SOURCE
#include "engine_fixture.h"
#include "script_card.h"

#include <math.h>
#include <stdatomic.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES = 150000, CHUNK = 128 };

static unsigned char bytes[SAMPLES * (HEADER + SAMPLE_BYTES)];
static float audio[2 * FRAMES];

typedef struct {
    bp_engine *engine;
    atomic_int done;
    uint64_t reports;
    int random; /* post a storm, not only the planned start */
} stage;

static void *pump(void *context)
{
    stage *s = context;
    while (!atomic_load(&s->done)) {
        if (bp_reader_pump(s->engine, 4) == 0)
            usleep(50);
    }
    return NULL;
}

static void *control(void *context)
{
    stage *s = context;
    uint64_t state = 17;
    while (!atomic_load(&s->done)) {
        bp_event e = random_event(&state, bp_engine_frame(s->engine) + pick(&state, 2000));
        if (s->random)
            CHECK(bp_engine_post(s->engine, &e) >= BP_EFULL);
        bp_underrun reports[16];
        int n = bp_engine_underruns(s->engine, reports, 16);
        CHECK(n >= 0);
        s->reports += (uint64_t)n;
        bp_counters c;
        bp_engine_counters(s->engine, &c);
        CHECK(c.resident_blocks <= 400 && c.voices <= 8);
        usleep(200);
    }
    return NULL;
}

/* Renders a little faster than real time, so that the reader's delays matter and the test is short. */
static void render(stage *s)
{
    pthread_t threads[2];
    CHECK(pthread_create(&threads[0], NULL, pump, s) == 0 && pthread_create(&threads[1], NULL, control, s) == 0);
    for (uint32_t at = 0; at < FRAMES; at += CHUNK) {
        uint32_t n = FRAMES - at < CHUNK ? FRAMES - at : CHUNK;
        CHECK(bp_engine_render(s->engine, audio + 2 * at, n) == BP_OK);
        usleep(400);
    }
    atomic_store(&s->done, 1);
    CHECK(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
}

static bp_engine *open_engine(bp_device *device)
{
    bp_config config = small_config();
    config.threaded_reader = 1;
    bp_engine *engine;
    CHECK(bp_engine_create(&config, device, &engine) == BP_OK);
    add_samples(engine);
    return engine;
}

static float file_value(uint32_t sample, uint32_t frame, uint32_t channel)
{
    int16_t x;
    memcpy(&x, bytes + (uint64_t)sample * (HEADER + SAMPLE_BYTES) + HEADER + 4 * frame + 2 * channel, 2);
    return (float)x / 32768;
}

/* A voice whose data is pinned sounds right to the last bit while the threads run. */
static void resident_voice(void)
{
    bp_device *device = bp_device_ram(bytes, sizeof bytes);
    stage s = {.engine = open_engine(device)};
    bp_preload loaded;
    CHECK(bp_engine_pin(s.engine, 2, 0, SAMPLE_FRAMES) == (HEADER + SAMPLE_BYTES + 2047) / 2048);
    CHECK(bp_engine_preload(s.engine, &loaded) == BP_OK && loaded.errors == 0);
    bp_event e = start_event(1000, 1, 2, 1.0);
    CHECK(bp_engine_post(s.engine, &e) == BP_OK);
    render(&s);
    for (uint32_t i = 0; i < FRAMES; i++)
        for (uint32_t c = 0; c < 2; c++) {
            int sounds = i >= 1000 && i < 1000 + SAMPLE_FRAMES;
            float expected = sounds ? file_value(2, i - 1000, c) : 0;
            CHECK(memcmp(&audio[2 * i + c], &expected, 4) == 0 || (audio[2 * i + c] - expected == 0));
        }
    CHECK(s.reports == 0);
    bp_engine_free(s.engine);
    bp_device_free(device);
}

/* A streamed voice is silent, fading, or right: never anything else. */
static void streamed_voice(bp_device *device)
{
    stage s = {.engine = open_engine(device)};
    bp_event e = start_event(1000, 1, 4, 1.0);
    CHECK(bp_engine_post(s.engine, &e) == BP_OK);
    render(&s);
    uint32_t exact = 0;
    for (uint32_t i = 0; i < SAMPLE_FRAMES; i++)
        for (uint32_t c = 0; c < 2; c++) {
            float got = audio[2 * (1000 + i) + c], expected = file_value(4, i, c);
            CHECK(got - expected == 0 || (got * expected >= 0 && fabsf(got) <= fabsf(expected)));
            exact += got - expected == 0 && expected != 0;
        }
    CHECK(exact > SAMPLE_FRAMES / 10);
    bp_engine_free(s.engine);
}

static void storm(bp_device *device)
{
    stage s = {.engine = open_engine(device), .random = 1};
    render(&s);
    for (uint32_t i = 0; i < 2 * FRAMES; i++)
        CHECK(isfinite(audio[i]) && fabsf(audio[i]) < 40);
    bp_counters c;
    bp_engine_counters(s.engine, &c);
    CHECK(c.voices_started > 20 && c.reads > 20);
    bp_engine_free(s.engine);
}

static bp_device *real_file(void)
{
    char name[] = "/tmp/benchpad-card-XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes);
    bp_backing backing = {fd, 0, sizeof bytes};
    bp_device *device = bp_device_files(&backing, 1);
    CHECK(device && close(fd) == 0 && unlink(name) == 0);
    return device;
}

static unsigned char card_byte(uint64_t offset)
{
    return bytes[offset];
}

int main(void)
{
    uint64_t state = 3;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)rnd(&state);
    resident_voice();
    bp_device *file = real_file();
    streamed_voice(file);
    storm(file);
    bp_device_free(file);
    script_card card = {.sleep_us = 3000, .byte = card_byte};
    bp_device slow = script_device(&card);
    streamed_voice(&slow);
    storm(&slow);
    return 0;
}
