/* The render path makes no system call: the kernel itself refuses every one while a thread renders, and the process
 * would die of it. A second thread reads the card meanwhile, as live. */
#define _GNU_SOURCE
#include "engine_fixture.h"

#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 128, BLOCKS = 4000, PATIENCE = 100000 };

static unsigned char bytes[SAMPLES * (HEADER + SAMPLE_BYTES)];
static float audio[2 * BLOCK];

typedef struct stage {
    bp_engine *engine;
    atomic_int over;
} stage;

static void *pump(void *context)
{
    stage *s = context;
    uint64_t state = 3;
    while (!atomic_load(&s->over)) {
        bp_event e = random_event(&state, bp_engine_frame(s->engine) + pick(&state, 500));
        bp_reader_pump(s->engine, 4);
        bp_engine_post(s->engine, &e);
        struct timespec t = {0, 20000 + 1000 * (long)pick(&state, 200)};
        nanosleep(&t, NULL);
    }
    return NULL;
}

/* From now on this thread may only end the process; all else kills it. */
static void forbid(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* The child's whole life. `live`: through what an audio server calls, which reads the time as well. */
static void play(int live, int call)
{
    uint64_t state = 9;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)pick(&state, 256);
    bp_device *card = bp_device_ram(bytes, sizeof bytes);
    bp_config config = small_config();
    stage s = {0};
    pthread_t reader;
    config.threaded_reader = config.measure = 1;
    config.overload = BP_OVERLOAD_QUIETEST;
    CHECK(bp_engine_create(&config, card, &s.engine) == BP_OK);
    add_samples(s.engine);
    bp_live *l = bp_live_create(s.engine);
    CHECK(l && pthread_create(&reader, NULL, pump, &s) == 0);
    bp_live_read(l, audio, 1); /* what is played is kept, too */
    bp_live_render(l, audio, BLOCK);
    forbid();
    if (call)
        syscall(SYS_getpid);
    for (int i = 0; i < BLOCKS; i++) {
        if (live)
            bp_live_callback(NULL, audio, BLOCK, NULL, 4, l);
        else
            bp_engine_render(s.engine, audio, BLOCK);
        for (volatile int wait = 0; wait < PATIENCE; wait++) /* let the reader come in between */
            ;
    }
    bp_counters c;
    bp_engine_counters(s.engine, &c);
    int missing = (c.voices_started < 50) + 2 * (c.voices_stolen == 0) + 4 * (c.underruns == 0) + 8 * (c.evictions == 0);
    syscall(SYS_exit_group, missing);
}

static int status_of(int live, int call)
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        play(live, call);
        _exit(4);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status))
        fprintf(stderr, "what did not come to pass, as bits: %d\n", WEXITSTATUS(status));
    return status;
}

/* Whether the clock is read without a system call here; on some virtual machines it is not. */
static int clock_is_shared(void)
{
    struct timespec t;
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        clock_gettime(CLOCK_MONOTONIC, &t);
        forbid();
        clock_gettime(CLOCK_MONOTONIC, &t);
        syscall(SYS_exit_group, 0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0; /* the sanitizers call the system themselves */
#endif
    int status = status_of(0, 1);
    CHECK(WIFSIGNALED(status)); /* the trap works */
    status = status_of(0, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (!clock_is_shared()) {
        puts("the clock of this machine costs a system call: only rendering was tried");
        return 0;
    }
    status = status_of(1, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}
#else
int main(void)
{
    puts("not on Linux: the kernel cannot be asked");
    return 0;
}
#endif
