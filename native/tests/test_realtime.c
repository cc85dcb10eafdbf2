/* RealtimeSanitizer watches the audio side: note-on, steal, underrun, loop, a card that is pulled and put back. It
 * stops the program at any call that may block: allocation, lock, system call, log. Built with -DRTSAN and linked
 * with its runtime (`make realtime`); otherwise there is nothing to run. */
#define _GNU_SOURCE
#include "engine_fixture.h"

#ifdef RTSAN
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

void __rtsan_init(void);
void __rtsan_realtime_enter(void);
void __rtsan_realtime_exit(void);

enum { BLOCK = 128, BLOCKS = 6000 };

static unsigned char bytes[SAMPLES * (HEADER + SAMPLE_BYTES)];
static atomic_int over;

static void *pump(void *engine)
{
    while (!atomic_load(&over)) {
        bp_reader_pump(engine, 8);
        usleep(20);
    }
    return NULL;
}

/* The card away for a while, again and again, and bad in between. */
static void plan_faults(bp_device *card)
{
    for (uint64_t i = 0; i < 20; i++) {
        bp_fault away = {.kind = BP_FAULT_REMOVED, .at_ns = i * 700000000, .until_ns = i * 700000000 + 150000000};
        bp_fault slow = {.kind = BP_FAULT_SPIKE, .at_ns = i * 700000000 + 300000000, .ns = 90000000};
        CHECK(bp_faulty_post(card, &away) == BP_OK && bp_faulty_post(card, &slow) == BP_OK);
    }
}

static void play(uint32_t on_miss, uint32_t overload)
{
    static float out[2 * BLOCK];
    bp_config config = small_config();
    config.threaded_reader = config.measure = 1;
    config.trace_records = 1024;
    config.on_miss = on_miss;
    config.overload = overload;
    bp_card_model model = {.command_ns = 1000000, .read_ps_per_byte = 300000};
    bp_device *card = bp_device_faulty(bp_device_card(bp_device_ram(bytes, sizeof bytes), &model, 1), 100000);
    bp_engine *engine;
    pthread_t reader;
    CHECK(card && bp_engine_create(&config, card, &engine) == BP_OK);
    plan_faults(card);
    add_samples(engine);
    bp_live *live = bp_live_create(engine);
    atomic_store(&over, 0);
    CHECK(live && pthread_create(&reader, NULL, pump, engine) == 0);
    bp_live_read(live, out, 1);
    uint64_t state = 11 + on_miss;
    for (int i = 0; i < BLOCKS; i++) {
        bp_event e = random_event(&state, bp_engine_frame(engine) + pick(&state, BLOCK));
        if (pick(&state, 4) == 0)
            bp_engine_post(engine, &e);
        __rtsan_realtime_enter();
        bp_live_callback(NULL, out, BLOCK, NULL, 0, live);
        __rtsan_realtime_exit();
        usleep(30);
    }
    atomic_store(&over, 1);
    CHECK(pthread_join(reader, NULL) == 0);
    bp_counters c;
    bp_engine_counters(engine, &c);
    CHECK(c.voices_started > 500 && c.voices_stolen > 0 && c.underruns > 50 && c.read_errors > 0);
    bp_live_free(live);
    bp_engine_free(engine);
    bp_device_free(card);
}

int main(int count, char **arguments)
{
    __rtsan_init();
    if (count > 1 && strcmp(arguments[1], "allocate") == 0) { /* the sanitizer must stop this */
        __rtsan_realtime_enter();
        void *volatile memory = malloc(100);
        __rtsan_realtime_exit();
        free(memory);
        return 0;
    }
    uint64_t state = 3;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)rnd(&state);
    for (uint32_t on_miss = 0; on_miss < BP_MISSES; on_miss++)
        play(on_miss, on_miss % BP_OVERLOADS);
    return 0;
}
#else
int main(void)
{
    return 0;
}
#endif
