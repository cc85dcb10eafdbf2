/* A card's timing: each part of a command's cost, chance that comes again with its seed, and faults around it. */
#define _POSIX_C_SOURCE 200809L
#include "script_card.h"

enum { MS = 1000000 };

static unsigned char buffer[1 << 16];

static bp_device *around(script_card *inner, bp_card_model model, uint64_t seed)
{
    bp_device *d = malloc(sizeof *d);
    CHECK(d);
    *d = script_device(inner);
    bp_device *c = bp_device_card(d, &model, seed);
    CHECK(c);
    return c;
}

/* One read; returns how long it took. */
static uint64_t takes(bp_device *d, uint64_t offset, size_t length, uint64_t start_ns, int expected)
{
    uint64_t done_ns = 0;
    bp_iov v[2] = {{buffer, length / 2}, {buffer + length / 2, length - length / 2}};
    CHECK(d->read(d->context, offset, v, 2, start_ns, &done_ns) == expected);
    CHECK(done_ns >= start_ns);
    return done_ns - start_ns;
}

static void check_parts(void)
{
    script_card inner = {.commands = 0};
    bp_device *c = around(&inner, (bp_card_model){.command_ns = 100, .first_byte_ns = 20, .read_ps_per_byte = 2000,
                                                  .page_bytes = 4096, .page_ns = 7, .unit_bytes = 65536, .unit_ns = 1000,
                                                  .write_command_ns = 5000, .write_ps_per_byte = 10000}, 1);
    uint64_t command_ns, ps;
    c->nominal(c->context, &command_ns, &ps);
    CHECK(command_ns == 127 && ps == 2000 + 1000 * 1000 / 65536);
    CHECK(takes(c, 0, 512, 0, BP_OK) == 120 + 1024);
    CHECK(takes(c, 0, 4096, 10000, BP_OK) == 120 + 8192);          /* to the end of a page, not across it */
    CHECK(takes(c, 1, 4096, 30000, BP_OK) == 120 + 8192 + 7);      /* across one */
    CHECK(takes(c, 1, 40000, 50000, BP_OK) == 120 + 80000 + 7);    /* across many: the rest hides */
    CHECK(takes(c, 65536 * 3 - 256, 512, 200000, BP_OK) == 120 + 1024 + 7 + 1000);
    CHECK(buffer[0] == known_byte(65536 * 3 - 256));
    uint64_t done_ns;
    CHECK(c->write(c->context, 0, 100, 300000, &done_ns) == BP_EROFS); /* what is behind it cannot be written */
    CHECK(done_ns == 300000 + 5000 + 1000);
    CHECK(takes(c, 0, 512, 301000, BP_OK) == 5000 + 120 + 1024);       /* a read waits for the write */
    CHECK(c->write(c->context, 0, 100, 900000, &done_ns) == BP_EROFS); /* in advance */
    CHECK(takes(c, 0, 512, 905000, BP_OK) == 1000 + 120 + 1024);
    CHECK(takes(c, 0, 512, 950000, BP_OK) == 120 + 1024);
    bp_device_free(c);
}

static void check_regular_spikes(void)
{
    script_card inner = {.commands = 0};
    bp_device *c = around(&inner, (bp_card_model){.command_ns = 10, .spike_every_ns = 100 * MS, .spike_ns = 3 * MS,
                                                  .spike_regular = 1}, 1);
    CHECK(takes(c, 0, 1, 99 * MS, BP_OK) == 10);
    CHECK(takes(c, 0, 1, 100 * MS - 5, BP_OK) == 10 + 3 * MS); /* under way */
    CHECK(takes(c, 0, 1, 104 * MS, BP_OK) == 10);
    CHECK(takes(c, 0, 1, 902 * MS, BP_OK) == 10 + 1 * MS); /* what is left of it; those that nobody met are over */
    CHECK(takes(c, 0, 1, 950 * MS, BP_OK) == 10);
    CHECK(takes(c, 0, 1, 999 * MS, BP_OK) == 10);
    CHECK(takes(c, 0, 1, 1000 * MS, BP_OK) == 10 + 3 * MS);
    CHECK(takes(c, 0, 1, 0, BP_OK) == 10); /* the clock began anew */
    CHECK(takes(c, 0, 1, 100 * MS, BP_OK) == 10 + 3 * MS);
    bp_device_free(c);
}

/* Means over many commands, and that a seed gives the same again. */
static void check_chance(void)
{
    bp_card_model model = {.body_ns = 200000, .spike_every_ns = 50 * MS, .spike_ns = 1 * MS,
                           .wear_bytes = 1000, .wear_ns = 9 * MS, .wear_begun_bytes = 1000};
    uint64_t first = 0;
    for (int round = 0; round < 3; round++) {
        script_card inner = {.commands = 0};
        bp_device *c = around(&inner, model, round == 2 ? 8 : 7);
        uint64_t sum = 0, hash = 0, spikes = 0, late = 0, longest = 0, now = 0;
        for (uint64_t i = 0; i < 1000000; i++) { /* one after the other: 200 s without the spikes */
            uint64_t ns = takes(c, 0, 1, now, BP_OK);
            now += ns;
            hash = hash * 31 + ns;
            if (ns > 1 * MS + 6 * 200000) { /* beyond doubt, or nearly */
                spikes++;
                late += ns;
            } else {
                sum += ns;
            }
            longest = ns > longest ? ns : longest;
        }
        CHECK(sum / 1000000 > 198000 && sum / 1000000 < 203000); /* with the small spikes */
        CHECK(spikes > 3300 && spikes < 3700); /* 200 s / 50 ms, 7/8 of them so large */
        CHECK(longest > 9 * MS && longest < 13 * MS); /* up to 9 ms and what else is late */
        CHECK(late / spikes > 5 * MS && late / spikes < 6 * MS);
        CHECK(round == 0 || (round == 1) == (hash == first));
        first = round == 0 ? hash : first;
        bp_device_free(c);
    }
}

static void check_fake(void)
{
    script_card inner = {.commands = 0};
    bp_device *c = around(&inner, (bp_card_model){.real_bytes = 1000}, 1);
    takes(c, 900, 200, 0, BP_OK);
    CHECK(buffer[0] == known_byte(900) && buffer[99] == known_byte(999));
    for (int i = 100; i < 200; i++)
        CHECK(buffer[i] == 0);
    takes(c, 5000, 3, 0, BP_OK);
    CHECK(buffer[0] == 0 && buffer[1] == 0 && buffer[2] == 0);
    bp_device_free(c);
}

static void check_pair_and_nothing(void)
{
    script_card one = {.commands = 0}, two = {.commands = 0};
    bp_device *first = around(&one, (bp_card_model){.command_ns = 5}, 1);
    bp_device *second = around(&two, (bp_card_model){.command_ns = 50}, 1);
    bp_device *third = bp_device_null(1000);
    bp_device *p = bp_device_pair(first, bp_device_pair(second, third));
    CHECK(p);
    uint64_t base = (uint64_t)1 << 48, command_ns, ps;
    CHECK(takes(p, 77, 10, 0, BP_OK) == 5 && one.offsets[0] == 77 && two.commands == 0);
    CHECK(takes(p, base + 78, 10, 0, BP_OK) == 50 && two.offsets[0] == 78 && one.commands == 1);
    buffer[0] = 42;
    CHECK(takes(p, 2 * base + 900, 100, 9, BP_OK) == 0 && buffer[0] == 42); /* nothing is copied */
    takes(p, 2 * base + 901, 100, 9, BP_EIO);
    p->nominal(p->context, &command_ns, &ps);
    CHECK(command_ns == 5 && ps == 0);
    bp_device_free(p);
}

int main(void)
{
    check_parts();
    check_regular_spikes();
    check_chance();
    check_fake();
    check_pair_and_nothing();
    return 0;
}
