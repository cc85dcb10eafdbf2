/* All that runs at once when the device is played: a clock renders, a thread reads a file, and the control thread posts,
 * looks at everything, injects faults and exchanges the card. Under the thread sanitizer nothing may race. */
#define _GNU_SOURCE
#include "engine_fixture.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 400 };

static unsigned char bytes[SAMPLES * (HEADER + SAMPLE_BYTES)];
static char path[] = "/tmp/bp_live_XXXXXX";

/* A real file behind a card with delays that can fail. */
static bp_device *open_card(void)
{
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    bp_backing backing = {fd, 0, sizeof bytes};
    bp_card_model model = {.command_ns = 800000, .read_ps_per_byte = 200000, .body_ns = 400000};
    bp_device *card = bp_device_faulty(bp_device_card(bp_device_files(&backing, 1), &model, 5), 1000000);
    close(fd);
    CHECK(card);
    return card;
}

static void look(bp_engine *engine, bp_live *live)
{
    static bp_state states[128];
    static bp_end ends[64];
    static bp_command commands[256];
    static uint64_t keys[256];
    static float heard[2 * 4096];
    float left, right;
    bp_live_report report;
    bp_counters counters;
    bp_underrun underruns[64];
    int n = bp_engine_states(engine, states, 128);
    CHECK(n >= 0 && n <= 8 + 64);
    for (int i = 0; i < n; i++)
        CHECK(states[i].sample < SAMPLES && states[i].tag < 9 && states[i].mode <= BP_MODE_RETURNING);
    CHECK(bp_engine_ends(engine, ends, 64) >= 0 && bp_engine_underruns(engine, underruns, 64) >= 0);
    n = bp_engine_commands(engine, commands, 256);
    for (int i = 0; i < n; i++)
        CHECK(commands[i].done_ns >= commands[i].start_ns && commands[i].sample < SAMPLES);
    CHECK(bp_engine_accesses(engine, keys, 256) >= 0);
    bp_engine_levels(engine, &left, &right);
    CHECK(left >= 0 && right >= 0);
    bp_engine_counters(engine, &counters);
    bp_live_status(live, &report);
    bp_live_read(live, heard, 4096);
    uint64_t now = bp_live_now(live);
    CHECK(now + 48000 > bp_engine_frame(engine));
}

int main(void)
{
    uint64_t state = 21;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)rnd(&state);
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && close(fd) == 0);
    bp_device *cards[2] = {open_card(), open_card()};
    bp_config config = small_config();
    config.threaded_reader = config.measure = 1;
    config.trace_records = 4096;
    config.overload = BP_OVERLOAD_OLDEST;
    bp_engine *engine;
    CHECK(bp_engine_create(&config, cards[0], &engine) == BP_OK);
    add_samples(engine);
    bp_live *live = bp_live_create(engine);
    CHECK(live && bp_live_start_reader(live) == BP_OK && bp_live_start_clock(live, 64) == BP_OK);
    for (int i = 0; i < ROUNDS; i++) {
        bp_event e = random_event(&state, bp_live_now(live) + 64);
        bp_engine_post(engine, &e);
        if (i % 20 == 7) {
            bp_fault fault = {.kind = pick(&state, 2) ? BP_FAULT_SPIKE : BP_FAULT_READ_ERROR, .times = 3, .ns = 4000000};
            CHECK(bp_faulty_post(cards[i / 100 % 2], &fault) == BP_OK);
        }
        if (i % 100 == 99) { /* another card while it plays */
            bp_live_stop_reader(live);
            bp_engine_set_device(engine, cards[(i + 1) / 100 % 2]);
            CHECK(bp_live_start_reader(live) == BP_OK);
        }
        look(engine, live);
        usleep(2000);
    }
    bp_live_report report;
    bp_counters counters;
    bp_live_status(live, &report);
    bp_live_free(live);
    bp_engine_counters(engine, &counters);
    CHECK(report.blocks > 200 && counters.voices_started > 100 && counters.reads > 100 && counters.read_errors > 0);
    bp_engine_free(engine);
    bp_device_free(cards[0]);
    bp_device_free(cards[1]);
    CHECK(unlink(path) == 0);
    return 0;
}
