/* Two devices as one. See benchpad.h. */
#include "device.h"

#include <stdlib.h>

#define PAIR_BASE ((uint64_t)1 << 48)

typedef struct {
    bp_device *cards[2];
} pair;

/* The device that an offset belongs to; the offset on that device. */
static bp_device *choose(const pair *p, uint64_t *offset)
{
    int second = *offset >= PAIR_BASE;
    *offset -= second ? PAIR_BASE : 0;
    return p->cards[second];
}

static int pair_read(void *context, uint64_t offset, const bp_iov *v, uint32_t count, uint64_t start_ns,
                     uint64_t *done_ns)
{
    bp_device *d = choose(context, &offset);
    return d->read(d->context, offset, v, count, start_ns, done_ns);
}

static int pair_write(void *context, uint64_t offset, uint64_t length, uint64_t start_ns, uint64_t *done_ns)
{
    return bp_device_write(choose(context, &offset), offset, length, start_ns, done_ns);
}

/* The first card's: the second answers only while the first cannot. */
static void pair_nominal(void *context, uint64_t *command_ns, uint64_t *ps_per_byte)
{
    bp_device *d = ((pair *)context)->cards[0];
    d->nominal(d->context, command_ns, ps_per_byte);
}

static void pair_destroy(void *context)
{
    pair *p = context;
    bp_device_free(p->cards[0]);
    bp_device_free(p->cards[1]);
    free(p);
}

bp_device *bp_device_pair(bp_device *first, bp_device *second)
{
    static const bp_device operations = {
        .read = pair_read, .nominal = pair_nominal, .destroy = pair_destroy, .write = pair_write};
    pair *p = malloc(sizeof *p);
    if (!p)
        return NULL;
    *p = (pair){{first, second}};
    return bp_device_make(p, &operations);
}
