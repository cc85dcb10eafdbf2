/* A device for the tests: its byte at each offset is known, it notes the commands that it gets, it fails over a
 * given range, and can take real time. */
#ifndef BP_SCRIPT_CARD_H
#define BP_SCRIPT_CARD_H

#include "benchpad.h"
#include "test.h"

#include <time.h>

enum { NOTES = 64 };

typedef struct script_card {
    uint64_t offsets[NOTES], lengths[NOTES];
    uint32_t vectors[NOTES], commands;
    uint64_t bad_from, bad_to;        /* reading any of [bad_from, bad_to) fails */
    uint64_t command_ns, ps_per_byte; /* in the device's own time */
    uint32_t sleep_us;                /* in real time: up to this */
    uint64_t random;
    unsigned char (*byte)(uint64_t offset);
} script_card;

static inline unsigned char known_byte(uint64_t offset)
{
    return (unsigned char)((offset * 0x9E3779B97F4A7C15u) >> 56);
}

static int script_read(void *context, uint64_t offset, const bp_iov *v, uint32_t count, uint64_t start_ns,
                       uint64_t *done_ns)
{
    script_card *c = context;
    uint64_t at = offset;
    for (uint32_t i = 0; i < count; i++)
        for (size_t b = 0; b < v[i].length; b++, at++)
            ((unsigned char *)v[i].base)[b] = c->byte(at);
    c->offsets[c->commands % NOTES] = offset;
    c->lengths[c->commands % NOTES] = at - offset;
    c->vectors[c->commands++ % NOTES] = count;
    *done_ns = start_ns + c->command_ns + (at - offset) * c->ps_per_byte / 1000;
    if (c->sleep_us) {
        struct timespec t = {0, 1000 * (long)pick(&c->random, c->sleep_us)};
        nanosleep(&t, NULL);
    }
    return offset < c->bad_to && at > c->bad_from ? BP_EIO : BP_OK;
}

static void script_nominal(void *context, uint64_t *command_ns, uint64_t *ps_per_byte)
{
    const script_card *c = context;
    *command_ns = c->command_ns;
    *ps_per_byte = c->ps_per_byte;
}

static void script_destroy(void *context)
{
    (void)context;
}

static inline bp_device script_device(script_card *c)
{
    if (!c->byte)
        c->byte = known_byte;
    c->random = 99;
    return (bp_device){.context = c, .read = script_read, .nominal = script_nominal, .destroy = script_destroy};
}

#endif
