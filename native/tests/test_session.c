/* A session's life under the thread sanitizer: an audio server calls, the control thread posts, pauses, exchanges the
 * engine, and at last keeps the server out and lets a clock take over. */
#define _GNU_SOURCE
#include "engine_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { BLOCK = 64, ROUNDS = 200 };

static unsigned char bytes[SAMPLES * (HEADER + SAMPLE_BYTES)];
static _Atomic int serving = 1;
static _Atomic uint64_t calls;

/* What an audio server does, also when nobody wants it any more. */
static void *serve(void *live)
{
    float out[2 * BLOCK];
    while (atomic_load(&serving)) {
        CHECK(bp_live_callback(NULL, out, BLOCK, NULL, 0, live) == 0);
        atomic_fetch_add(&calls, 1);
        usleep(300);
    }
    return NULL;
}

static bp_engine *make_engine(bp_device *device)
{
    bp_config config = small_config();
    config.threaded_reader = 1;
    bp_engine *engine;
    CHECK(bp_engine_create(&config, device, &engine) == BP_OK);
    add_samples(engine);
    return engine;
}

static void wait_for_calls(uint64_t more)
{
    uint64_t until = atomic_load(&calls) + more;
    while (atomic_load(&calls) < until)
        usleep(200);
}

static void play(bp_live *live, uint64_t *state)
{
    bp_event both[2] = {random_event(state, 0), random_event(state, 0)};
    uint64_t first, second;
    if (bp_live_post(live, both, 2, BLOCK, &first) == BP_OK) {
        CHECK(both[0].frame == first && both[1].frame == first);
        CHECK(bp_live_post(live, both, 0, BLOCK, &second) == BP_OK && second > first);
    }
}

int main(void)
{
    uint64_t state = 9;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)rnd(&state);
    bp_device *device = bp_device_ram(bytes, sizeof bytes);
    bp_engine *engines[2] = {make_engine(device), make_engine(device)};
    bp_live *live = bp_live_create(engines[0]);
    CHECK(live && bp_live_start_reader(live) == BP_OK);
    CHECK(bp_live_exchange(live, engines[1]) == BP_EINVAL); /* not while it may play */
    pthread_t server;
    CHECK(pthread_create(&server, NULL, serve, live) == 0);
    wait_for_calls(3);
    bp_live_prioritise(live); /* allowed or not */
    for (int i = 0; i < ROUNDS; i++) {
        play(live, &state);
        if (i % 10 == 9) {
            bp_live_pause(live);
            bp_engine_pin(engines[i / 20 % 2], (uint32_t)i % SAMPLES, 0, 500);
            if (i % 20 == 19)
                CHECK(bp_live_exchange(live, engines[(i / 20 + 1) % 2]) == BP_OK);
            if (i % 40 == 39)
                wait_for_calls(2);
            CHECK(bp_live_resume(live) == BP_OK);
        }
        usleep(500);
    }
    bp_live_disconnect(live);
    CHECK(bp_live_start_clock(live, BLOCK) == BP_OK); /* beside a server that calls on */
    for (int i = 0; i < ROUNDS / 4; i++) {
        play(live, &state);
        usleep(1000);
    }
    wait_for_calls(2);
    bp_live_report report;
    bp_live_status(live, &report);
    CHECK(report.paused_frames > 0 && report.blocks > 100);
    atomic_store(&serving, 0);
    CHECK(pthread_join(server, NULL) == 0);
    bp_live_free(live);
    bp_engine_free(engines[0]);
    bp_engine_free(engines[1]);
    bp_device_free(device);
    return 0;
}
