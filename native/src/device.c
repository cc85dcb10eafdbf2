/* Block devices that take no time: memory, host files, nothing. */
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void no_cost(void *context, uint64_t *command_ns, uint64_t *ps_per_byte)
{
    (void)context;
    *command_ns = 0;
    *ps_per_byte = 0;
}

static int no_write_cost(void *context, uint64_t offset, uint64_t length, uint64_t start_ns, uint64_t *done_ns)
{
    (void)context;
    (void)offset;
    (void)length;
    *done_ns = start_ns;
    return BP_OK;
}

bp_device *bp_device_make(void *context, const bp_device *operations)
{
    bp_device *device = malloc(sizeof *device);
    if (!device) {
        operations->destroy(context);
        return NULL;
    }
    *device = *operations;
    device->context = context;
    return device;
}

void bp_device_free(bp_device *device)
{
    if (!device)
        return;
    device->destroy(device->context);
    free(device);
}

/* ---- memory ---- */

typedef struct {
    uint64_t length;
    unsigned char bytes[];
} ram;

static int ram_read(void *context, uint64_t offset, const bp_iov *v, uint32_t count, uint64_t start_ns,
                    uint64_t *done_ns)
{
    const ram *r = context;
    *done_ns = start_ns;
    for (uint32_t i = 0; i < count; i++) {
        if (offset > r->length || v[i].length > r->length - offset)
            return BP_EIO;
        memcpy(v[i].base, r->bytes + offset, v[i].length);
        offset += v[i].length;
    }
    return BP_OK;
}

bp_device *bp_device_ram(const void *bytes, uint64_t length)
{
    static const bp_device operations = {
        .read = ram_read, .nominal = no_cost, .destroy = free, .write = no_write_cost};
    ram *r = malloc(sizeof *r + length);
    if (!r)
        return NULL;
    r->length = length;
    if (length)
        memcpy(r->bytes, bytes, length);
    return bp_device_make(r, &operations);
}

/* ---- host files ---- */

typedef struct {
    uint32_t count;
    bp_backing backings[];
} files;

static void files_destroy(void *context)
{
    files *f = context;
    for (uint32_t i = 0; i < f->count; i++)
        close(f->backings[i].fd);
    free(f);
}

/* The backing that holds `offset`: the last one whose base is not beyond it. */
static const bp_backing *find_backing(const files *f, uint64_t offset)
{
    uint32_t low = 0, high = f->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (f->backings[middle].base <= offset)
            low = middle;
        else
            high = middle;
    }
    const bp_backing *b = f->count ? &f->backings[low] : NULL;
    return b && offset >= b->base && offset - b->base < b->length ? b : NULL;
}

/* preadv until all is read: a short count is legal, an end of file is a card cut short. */
static int read_fully(int fd, uint64_t at, struct iovec *v, int count)
{
    while (count > 0) {
        ssize_t got = preadv(fd, v, count, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return BP_EIO;
        at += (uint64_t)got;
        while (count > 0 && (size_t)got >= v->iov_len) {
            got -= (ssize_t)v->iov_len;
            v++;
            count--;
        }
        if (count > 0) {
            v->iov_base = (char *)v->iov_base + got;
            v->iov_len -= (size_t)got;
        }
    }
    return BP_OK;
}

static int files_read(void *context, uint64_t offset, const bp_iov *v, uint32_t count, uint64_t start_ns,
                      uint64_t *done_ns)
{
    struct iovec host[BP_MOST_JOINED];
    uint64_t total = 0;
    *done_ns = start_ns;
    if (count > BP_MOST_JOINED)
        return BP_EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        host[i] = (struct iovec){v[i].base, v[i].length};
        total += v[i].length;
    }
    const bp_backing *b = find_backing(context, offset);
    if (!b || total > b->length - (offset - b->base))
        return BP_EIO;
    return read_fully(b->fd, offset - b->base, host, (int)count);
}

bp_device *bp_device_files(const bp_backing *backings, uint32_t count)
{
    static const bp_device operations = {
        .read = files_read, .nominal = no_cost, .destroy = files_destroy, .write = no_write_cost};
    files *f = malloc(sizeof *f + count * sizeof *backings);
    if (!f)
        return NULL;
    f->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        f->backings[i] = backings[i];
        f->backings[i].fd = dup(backings[i].fd);
        if (f->backings[i].fd < 0) {
            files_destroy(f);
            return NULL;
        }
        f->count++;
    }
    return bp_device_make(f, &operations);
}

/* ---- nothing ---- */

static int null_read(void *context, uint64_t offset, const bp_iov *v, uint32_t count, uint64_t start_ns,
                     uint64_t *done_ns)
{
    const uint64_t *length = context;
    uint64_t total = 0;
    *done_ns = start_ns;
    for (uint32_t i = 0; i < count; i++)
        total += v[i].length;
    return offset <= *length && total <= *length - offset ? BP_OK : BP_EIO;
}

bp_device *bp_device_null(uint64_t length)
{
    static const bp_device operations = {
        .read = null_read, .nominal = no_cost, .destroy = free, .write = no_write_cost};
    uint64_t *context = malloc(sizeof *context);
    if (!context)
        return NULL;
    *context = length;
    return bp_device_make(context, &operations);
}
