/* Faults on the device's clock: what each does to a command that meets it, and the account of them. */
#define _POSIX_C_SOURCE 200809L
#include "script_card.h"

#include <pthread.h>

static unsigned char buffer[4096];

static bp_device *faulty(script_card *inner, uint64_t timeout_ns)
{
    bp_device *d = malloc(sizeof *d);
    CHECK(d);
    *d = script_device(inner);
    d->write = NULL;
    bp_device *f = bp_device_faulty(d, timeout_ns);
    CHECK(f);
    return f;
}

static uint64_t takes(bp_device *d, uint64_t offset, size_t length, uint64_t start_ns, int expected)
{
    uint64_t done_ns = 0;
    bp_iov v = {buffer, length};
    CHECK(d->read(d->context, offset, &v, 1, start_ns, &done_ns) == expected);
    CHECK(done_ns >= start_ns);
    return done_ns - start_ns;
}

static void post(bp_device *d, bp_fault fault)
{
    CHECK(bp_faulty_post(d, &fault) == BP_OK);
}

static bp_fault_counts counts(const bp_device *d)
{
    bp_fault_counts c;
    bp_faulty_counts(d, &c);
    return c;
}

static void check_lateness(void)
{
    script_card inner = {.command_ns = 10};
    bp_device *f = faulty(&inner, 1000);
    post(f, (bp_fault){.kind = BP_FAULT_SPIKE, .at_ns = 100, .times = 2, .ns = 70});
    post(f, (bp_fault){.kind = BP_FAULT_STUCK, .at_ns = 1000, .until_ns = 1500});
    post(f, (bp_fault){.kind = BP_FAULT_STUCK, .at_ns = 2005, .until_ns = 2105});
    post(f, (bp_fault){.kind = BP_FAULT_STUCK, .at_ns = 5000});
    CHECK(takes(f, 0, 1, 50, BP_OK) == 10);
    CHECK(takes(f, 0, 1, 95, BP_OK) == 10);    /* it comes while this one is under way: the next is hit */
    CHECK(takes(f, 0, 1, 105, BP_OK) == 80);
    CHECK(takes(f, 0, 1, 200, BP_OK) == 80);
    CHECK(takes(f, 0, 1, 300, BP_OK) == 10);
    CHECK(takes(f, 0, 1, 1200, BP_OK) == 310); /* waits until 1500 */
    CHECK(takes(f, 0, 1, 1600, BP_OK) == 10);
    CHECK(takes(f, 0, 1, 2000, BP_OK) == 110); /* stuck while under way */
    CHECK(takes(f, 0, 1, 4995, BP_EIO) == 1000);
    CHECK(takes(f, 0, 1, 6000, BP_EIO) == 1000); /* for ever: the time-out */
    bp_fault_counts c = counts(f);
    CHECK(c.begun[BP_FAULT_SPIKE] == 1 && c.met[BP_FAULT_SPIKE] == 1 && c.commands[BP_FAULT_SPIKE] == 2);
    CHECK(c.begun[BP_FAULT_STUCK] == 3 && c.met[BP_FAULT_STUCK] == 3 && c.commands[BP_FAULT_STUCK] == 4);
    CHECK(c.waiting == 0);
    bp_device_free(f);
}

static void check_errors(void)
{
    script_card inner = {.command_ns = 10};
    bp_device *f = faulty(&inner, 1000);
    post(f, (bp_fault){.kind = BP_FAULT_READ_ERROR, .at_ns = 100, .times = 2, .offset = 512, .length = 512});
    post(f, (bp_fault){.kind = BP_FAULT_READ_ERROR, .at_ns = 200, .until_ns = 300, .offset = 4096});
    post(f, (bp_fault){.kind = BP_FAULT_WRONG_DATA, .at_ns = 400, .offset = 100, .length = 50});
    takes(f, 512, 512, 50, BP_OK);
    takes(f, 0, 512, 110, BP_OK); /* touches, and does not reach */
    takes(f, 1024, 512, 110, BP_OK);
    CHECK(takes(f, 0, 513, 120, BP_EIO) == 10);
    takes(f, 1023, 512, 130, BP_EIO);
    takes(f, 512, 512, 140, BP_OK); /* transient */
    takes(f, 9000, 1, 250, BP_EIO);
    takes(f, 9000, 1, 300, BP_OK); /* over */
    takes(f, 90, 100, 500, BP_OK);
    for (uint64_t at = 90; at < 190; at++)
        CHECK((buffer[at - 90] == known_byte(at)) == (at < 100 || at >= 150));
    takes(f, 150, 100, 600, BP_OK);
    CHECK(buffer[0] == known_byte(150));
    bp_fault_counts c = counts(f);
    CHECK(c.begun[BP_FAULT_READ_ERROR] == 2 && c.met[BP_FAULT_READ_ERROR] == 2 && c.commands[BP_FAULT_READ_ERROR] == 3);
    CHECK(c.commands[BP_FAULT_WRONG_DATA] == 1);
    bp_device_free(f);
}

static void check_absence(void)
{
    script_card inner = {.command_ns = 10}, other = {.command_ns = 20};
    bp_device *f = faulty(&inner, 1000);
    post(f, (bp_fault){.kind = BP_FAULT_REMOVED, .at_ns = 105});
    post(f, (bp_fault){.kind = BP_FAULT_INSERTED, .at_ns = 200000});
    post(f, (bp_fault){.kind = BP_FAULT_REMOVED, .at_ns = 300000, .until_ns = 400000});
    post(f, (bp_fault){.kind = BP_FAULT_POWER_CUT, .at_ns = 600000});
    CHECK(takes(f, 0, 1, 100, BP_EIO) == 5); /* pulled in the middle of it */
    takes(f, 0, 1, 150, BP_EIO);
    CHECK(takes(f, 0, 1, 200000, BP_OK) == 10);
    takes(f, 0, 1, 350000, BP_EIO);
    takes(f, 0, 1, 400000, BP_OK);
    bp_device *d = malloc(sizeof *d);
    CHECK(d);
    *d = script_device(&other);
    CHECK(bp_faulty_insert(f, d) == BP_OK);
    CHECK(takes(f, 0, 1, 500000, BP_OK) == 20 && other.commands == 1);
    takes(f, 0, 1, 600000, BP_EIO);
    takes(f, 0, 1, 1u << 30, BP_EIO);
    bp_fault_counts c = counts(f);
    CHECK(c.begun[BP_FAULT_REMOVED] == 2 && c.met[BP_FAULT_REMOVED] == 2 && c.commands[BP_FAULT_REMOVED] == 3);
    CHECK(c.begun[BP_FAULT_INSERTED] == 1 && c.commands[BP_FAULT_POWER_CUT] == 2);
    bp_device_free(f);
}

static void check_writes(void)
{
    static const unsigned char bytes[1] = {0};
    bp_card_model model = {.write_command_ns = 30};
    bp_device *f = bp_device_faulty(bp_device_card(bp_device_ram(bytes, 1), &model, 1), 1000);
    CHECK(f);
    post(f, (bp_fault){.kind = BP_FAULT_READ_ONLY, .at_ns = 100, .until_ns = 200});
    uint64_t done_ns;
    CHECK(f->write(f->context, 0, 1, 50, &done_ns) == BP_OK && done_ns == 80);
    CHECK(f->write(f->context, 0, 1, 150, &done_ns) == BP_EROFS && done_ns == 150);
    CHECK(takes(f, 0, 1, 160, BP_OK) == 0); /* reads are none of its business */
    CHECK(f->write(f->context, 0, 1, 200, &done_ns) == BP_OK && done_ns == 230);
    CHECK(counts(f).commands[BP_FAULT_READ_ONLY] == 1);
    bp_device_free(f);
}

static void check_limits(void)
{
    script_card inner = {.command_ns = 10};
    bp_device *f = faulty(&inner, 1000), *plain = bp_device_null(5);
    bp_fault fault = {.kind = BP_FAULT_SPIKE, .at_ns = 1u << 20, .times = 1};
    CHECK(bp_faulty_post(plain, &fault) == BP_EINVAL && bp_faulty_insert(plain, plain) == BP_EINVAL);
    bp_fault bad = {.kind = BP_FAULTS};
    CHECK(bp_faulty_post(f, &bad) == BP_EINVAL);
    bad = (bp_fault){.kind = BP_FAULT_STUCK, .at_ns = 5, .until_ns = 4};
    CHECK(bp_faulty_post(f, &bad) == BP_EINVAL);
    bad = (bp_fault){.kind = BP_FAULT_READ_ERROR, .offset = 9, .length = UINT64_MAX};
    CHECK(bp_faulty_post(f, &bad) == BP_EINVAL);
    for (int i = 0; i < BP_FAULT_QUEUE; i++)
        post(f, fault);
    CHECK(bp_faulty_post(f, &fault) == BP_EFULL && counts(f).waiting == BP_FAULT_QUEUE);
    takes(f, 0, 1, 1u << 20, BP_OK);
    CHECK(counts(f).waiting == 0 && counts(f).met[BP_FAULT_SPIKE] == BP_FAULT_QUEUE);
    bp_device_free(f);
    bp_device_free(plain);
}

/* ---- a button is pressed while the card is read ---- */

static void *press(void *device)
{
    for (int i = 0; i < 20000; i++) {
        bp_fault fault = {.kind = BP_FAULT_SPIKE, .times = 1, .ns = 1};
        while (bp_faulty_post(device, &fault) == BP_EFULL) {
        }
        (void)counts(device);
    }
    return NULL;
}

static void check_threads(void)
{
    script_card inner = {.command_ns = 10};
    bp_device *f = faulty(&inner, 1000);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, press, f) == 0);
    uint64_t late = 0, at = 0;
    while (late < 20000)
        late += takes(f, 0, 1, at++ * 100, BP_OK) - 10;
    pthread_join(thread, NULL);
    CHECK(late == 20000 && counts(f).met[BP_FAULT_SPIKE] == 20000);
    bp_device_free(f);
}

int main(void)
{
    check_lateness();
    check_errors();
    check_absence();
    check_writes();
    check_limits();
    check_threads();
    return 0;
}
