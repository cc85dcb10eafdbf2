/* What the block devices share. */
#ifndef BP_DEVICE_H
#define BP_DEVICE_H

#include "benchpad.h"

/* A device with these operations around `context`, which is destroyed where there is no memory: NULL then. */
bp_device *bp_device_make(void *context, const bp_device *operations);

static inline uint64_t bp_iov_bytes(const bp_iov *v, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += v[i].length;
    return bytes;
}

/* A write on a device that may not know of writing at all. */
static inline int bp_device_write(const bp_device *d, uint64_t offset, uint64_t length, uint64_t start_ns,
                                  uint64_t *done_ns)
{
    *done_ns = start_ns;
    return d->write ? d->write(d->context, offset, length, start_ns, done_ns) : BP_EROFS;
}

#endif
