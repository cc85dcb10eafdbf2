/* Nothing is allocated, freed or mapped while rendering: these definitions stand in for the C library's. */
#define _GNU_SOURCE
#include "engine_fixture.h"

#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long calls;

/* A sanitizer brings its own malloc: there the same run looks for other errors only. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { COUNTING = 0 };
#else
enum { COUNTING = 1 };

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t n)
{
    calls++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    calls++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
    calls++;
    return __libc_realloc(p, n);
}
void *aligned_alloc(size_t alignment, size_t n)
{
    calls++;
    return __libc_memalign(alignment, n);
}
int posix_memalign(void **p, size_t alignment, size_t n)
{
    calls++;
    *p = __libc_memalign(alignment, n);
    return *p == NULL;
}
void free(void *p)
{
    calls++;
    __libc_free(p);
}
void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    calls++;
    return (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}
int munmap(void *at, size_t n)
{
    calls++;
    return (int)syscall(SYS_munmap, at, n);
}
#endif

static unsigned char bytes[SAMPLES * (HEADER + SAMPLE_BYTES)];

/* A card that is too slow, too little RAM, too many voices: every path through the render is taken. */
static void run(uint32_t quality, uint32_t steal, uint64_t command_ns, bp_counters *all)
{
    unsigned long before_all = calls;
    bp_config config = small_config();
    config.quality = quality;
    config.steal = steal;
    bp_card_model model = {.command_ns = command_ns, .read_ps_per_byte = 100000, .body_ns = command_ns / 10,
                           .spike_every_ns = 50000000, .spike_ns = command_ns};
    bp_device *device = bp_device_card(bp_device_ram(bytes, sizeof bytes), &model, 1);
    bp_engine *engine;
    CHECK(device && bp_engine_create(&config, device, &engine) == BP_OK);
    add_samples(engine);
    CHECK(!COUNTING || calls > before_all + 5); /* the counter is alive */
    CHECK(bp_engine_pin(engine, 0, 0, 3000) > 0);
    bp_preload loaded;
    CHECK(bp_engine_preload(engine, &loaded) == BP_OK && loaded.errors == 0);
    static float out[2 * 700];
    uint64_t state = quality + 1, frame = 0;
    unsigned long before = calls;
    for (int i = 0; i < (COUNTING ? 3000 : 600); i++) {
        bp_event e = random_event(&state, frame + pick(&state, 100));
        if (pick(&state, 3) == 0)
            CHECK(bp_engine_post(engine, &e) == BP_OK);
        uint32_t frames = 1 + pick(&state, 700);
        CHECK(bp_engine_render(engine, out, frames) == BP_OK);
        frame += frames;
        bp_underrun reports[64];
        while (bp_engine_underruns(engine, reports, 64) == 64) {
        }
    }
    bp_counters c;
    bp_engine_counters(engine, &c);
    CHECK(calls == before);
    all->voices_started += c.voices_started;
    all->voices_stolen += c.voices_stolen;
    all->underruns += c.underruns;
    all->evictions += c.evictions;
    bp_engine_free(engine);
    bp_device_free(device);
}

int main(void)
{
    uint64_t state = 3;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)rnd(&state);
    bp_counters all = {0};
    run(BP_LINEAR, BP_STEAL_OLDEST, 5000000, &all);
    run(BP_HERMITE, BP_STEAL_QUIETEST, 1000000, &all);
    run(BP_SINC, BP_STEAL_REFUSE, 200000, &all);
    run(BP_SINC, BP_STEAL_OLDEST, 0, &all);
    printf("%lu voices, %lu stolen, %lu underruns, %lu evictions\n", (unsigned long)all.voices_started,
           (unsigned long)all.voices_stolen, (unsigned long)all.underruns, (unsigned long)all.evictions);
    CHECK(all.voices_started > (COUNTING ? 1000u : 200u) && all.voices_stolen > 5 && all.underruns > 100 && all.evictions > 1000);
    return 0;
}
