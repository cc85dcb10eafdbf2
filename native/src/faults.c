/* Faults around a device. Posted through a ring in order of time, taken up by the first command that they concern:
 * those whose time has come when it is issued, and those that come while it is under way. */
#include "device.h"
#include "ring.h"

#include <stdlib.h>
#include <string.h>

enum { NO_ANSWER_NS = 100000 }; /* after which a host knows that no card answers: an assumption */

typedef struct {
    bp_fault fault;
    int met, over;
} active;

typedef struct {
    bp_device *inner;
    uint64_t timeout_ns;
    uint32_t active_count;
    _Atomic uint64_t begun[BP_FAULTS], met[BP_FAULTS], commands[BP_FAULTS];
    active actives[BP_FAULT_ACTIVE];
    bp_fault queue[BP_FAULT_QUEUE];
    bp_ring ring;
} faulty;

typedef struct { /* a command, as the faults see it */
    uint64_t offset, bytes, start_ns;
    int writing;
} request;

static void count(_Atomic uint64_t *counter) /* one writer */
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* A command met this fault. */
static void meet(faulty *f, active *a)
{
    uint32_t kind = a->fault.kind;
    count(&f->commands[kind]);
    if (!a->met)
        count(&f->met[kind]);
    a->met = 1;
    if (a->fault.times && --a->fault.times == 0)
        a->over = 1;
}

/* ---- which faults are at work ---- */

static void end_removals(faulty *f)
{
    for (uint32_t i = 0; i < f->active_count; i++)
        f->actives[i].over |= f->actives[i].fault.kind == BP_FAULT_REMOVED;
}

/* Takes the next fault from the queue where it comes before `end_ns` and there is room; NULL else. A card that was
 * inserted is not at work itself: it ends what it ends. */
static active *take_up(faulty *f, uint64_t end_ns)
{
    const bp_fault *next;
    while ((next = bp_ring_peek(&f->ring)) && next->at_ns < end_ns && f->active_count < BP_FAULT_ACTIVE) {
        bp_fault fault = *next;
        bp_ring_drop(&f->ring);
        count(&f->begun[fault.kind]);
        if (fault.kind == BP_FAULT_INSERTED) {
            end_removals(f);
            count(&f->met[fault.kind]);
            continue;
        }
        f->actives[f->active_count] = (active){.fault = fault};
        return &f->actives[f->active_count++];
    }
    return NULL;
}

static void forget_ended(faulty *f, uint64_t now_ns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->active_count; i++) {
        const active *a = &f->actives[i];
        if (!a->over && (a->fault.until_ns == 0 || a->fault.until_ns > now_ns))
            f->actives[kept++] = *a;
    }
    f->active_count = kept;
}

static int touches(const bp_fault *fault, const request *q)
{
    if (q->offset + q->bytes <= fault->offset)
        return 0;
    return fault->length == 0 || q->offset < fault->offset + fault->length;
}

/* ---- before the command reaches the card ---- */

static int absent(const bp_fault *fault)
{
    return fault->kind == BP_FAULT_REMOVED || fault->kind == BP_FAULT_POWER_CUT;
}

/* Whether the card answers at all; *from_ns is when it begins to work. */
static int reach_card(faulty *f, const request *q, uint64_t *from_ns)
{
    uint64_t give_up_ns = q->start_ns + f->timeout_ns;
    *from_ns = q->start_ns;
    for (uint32_t i = 0; i < f->active_count; i++) {
        active *a = &f->actives[i];
        if (absent(&a->fault)) {
            meet(f, a);
            *from_ns = q->start_ns + NO_ANSWER_NS;
            return BP_EIO;
        }
        if (a->fault.kind == BP_FAULT_READ_ONLY && q->writing) {
            meet(f, a);
            return BP_EROFS;
        }
    }
    for (uint32_t i = 0; i < f->active_count; i++) {
        active *a = &f->actives[i];
        if (a->fault.kind != BP_FAULT_STUCK)
            continue;
        meet(f, a);
        if (a->fault.until_ns == 0 || a->fault.until_ns > give_up_ns) {
            *from_ns = give_up_ns;
            return BP_EIO;
        }
        if (a->fault.until_ns > *from_ns)
            *from_ns = a->fault.until_ns;
    }
    return BP_OK;
}

/* ---- while it works, and after ---- */

static uint64_t spikes_ns(faulty *f)
{
    uint64_t ns = 0;
    for (uint32_t i = 0; i < f->active_count; i++) {
        active *a = &f->actives[i];
        if (a->fault.kind == BP_FAULT_SPIKE && !a->over) {
            meet(f, a);
            ns += a->fault.ns;
        }
    }
    return ns;
}

/* Faults that come while a command is under way: the card stops, or is gone. */
static int interrupt(faulty *f, const request *q, int status, uint64_t *done_ns)
{
    uint64_t give_up_ns = q->start_ns + f->timeout_ns;
    active *a;
    while ((a = take_up(f, *done_ns))) {
        if (absent(&a->fault)) {
            meet(f, a);
            *done_ns = a->fault.at_ns > q->start_ns ? a->fault.at_ns : q->start_ns;
            return BP_EIO;
        }
        if (a->fault.kind != BP_FAULT_STUCK)
            continue;
        meet(f, a);
        uint64_t busy_ns = a->fault.until_ns - a->fault.at_ns;
        if (a->fault.until_ns == 0 || *done_ns + busy_ns > give_up_ns) {
            *done_ns = give_up_ns > a->fault.at_ns ? give_up_ns : a->fault.at_ns;
            return BP_EIO;
        }
        *done_ns += busy_ns;
    }
    return status;
}

static int read_errors(faulty *f, const request *q, int status)
{
    for (uint32_t i = 0; i < f->active_count; i++) {
        active *a = &f->actives[i];
        if (a->fault.kind == BP_FAULT_READ_ERROR && !a->over && a->fault.at_ns <= q->start_ns &&
            touches(&a->fault, q)) {
            meet(f, a);
            status = BP_EIO;
        }
    }
    return status;
}

/* Every byte of [low, high) becomes another one, which is the same at each reading. */
static void falsify(uint64_t offset, const bp_iov *v, uint32_t vectors, uint64_t low, uint64_t high)
{
    for (uint32_t i = 0; i < vectors; offset += v[i].length, i++) {
        uint64_t end = offset + v[i].length, from = low > offset ? low : offset;
        for (uint64_t at = from; at < (high < end ? high : end); at++)
            ((unsigned char *)v[i].base)[at - offset] ^= (unsigned char)(at * 0x9E3779B97F4A7C15u >> 56 | 1);
    }
}

static void wrong_data(faulty *f, const request *q, const bp_iov *v, uint32_t vectors)
{
    for (uint32_t i = 0; i < f->active_count; i++) {
        active *a = &f->actives[i];
        if (a->fault.kind != BP_FAULT_WRONG_DATA || a->over || a->fault.at_ns > q->start_ns || !touches(&a->fault, q))
            continue;
        meet(f, a);
        falsify(q->offset, v, vectors, a->fault.offset,
                a->fault.length ? a->fault.offset + a->fault.length : UINT64_MAX);
    }
}

/* ---- the device ---- */

static int begin(faulty *f, const request *q, uint64_t *from_ns)
{
    while (take_up(f, q->start_ns + 1)) {
    }
    forget_ended(f, q->start_ns);
    return reach_card(f, q, from_ns);
}

static int faulty_read(void *context, uint64_t offset, const bp_iov *v, uint32_t vectors, uint64_t start_ns,
                       uint64_t *done_ns)
{
    faulty *f = context;
    request q = {offset, bp_iov_bytes(v, vectors), start_ns, 0};
    int status = begin(f, &q, done_ns);
    if (status != BP_OK)
        return status;
    uint64_t late_ns = spikes_ns(f);
    status = f->inner->read(f->inner->context, offset, v, vectors, *done_ns, done_ns);
    *done_ns += late_ns;
    status = interrupt(f, &q, status, done_ns);
    if (status == BP_OK && (status = read_errors(f, &q, status)) == BP_OK)
        wrong_data(f, &q, v, vectors);
    return status;
}

static int faulty_write(void *context, uint64_t offset, uint64_t length, uint64_t start_ns, uint64_t *done_ns)
{
    faulty *f = context;
    request q = {offset, length, start_ns, 1};
    int status = begin(f, &q, done_ns);
    if (status != BP_OK)
        return status;
    uint64_t late_ns = spikes_ns(f);
    status = bp_device_write(f->inner, offset, length, *done_ns, done_ns);
    *done_ns += late_ns;
    return interrupt(f, &q, status, done_ns);
}

static void faulty_nominal(void *context, uint64_t *command_ns, uint64_t *ps_per_byte)
{
    const faulty *f = context;
    f->inner->nominal(f->inner->context, command_ns, ps_per_byte);
}

static void faulty_destroy(void *context)
{
    faulty *f = context;
    bp_device_free(f->inner);
    free(f);
}

bp_device *bp_device_faulty(bp_device *inner, uint64_t timeout_ns)
{
    static const bp_device operations = {
        .read = faulty_read, .nominal = faulty_nominal, .destroy = faulty_destroy, .write = faulty_write};
    faulty *f = aligned_alloc(64, (sizeof *f + 63) & ~(size_t)63);
    if (!f)
        return NULL;
    memset(f, 0, sizeof *f);
    f->inner = inner;
    f->timeout_ns = timeout_ns;
    f->ring.items = (char *)f->queue;
    f->ring.item_bytes = sizeof(bp_fault);
    f->ring.mask = BP_FAULT_QUEUE - 1;
    return bp_device_make(f, &operations);
}

int bp_faulty_post(bp_device *device, const bp_fault *fault)
{
    if (device->read != faulty_read || fault->kind >= BP_FAULTS ||
        (fault->until_ns && fault->until_ns < fault->at_ns) || fault->length > UINT64_MAX - fault->offset)
        return BP_EINVAL;
    faulty *f = device->context;
    return bp_ring_push(&f->ring, fault) ? BP_OK : BP_EFULL;
}

int bp_faulty_insert(bp_device *device, bp_device *inner)
{
    if (device->read != faulty_read)
        return BP_EINVAL;
    faulty *f = device->context;
    bp_device_free(f->inner);
    f->inner = inner;
    return BP_OK;
}

void bp_faulty_counts(const bp_device *device, bp_fault_counts *out)
{
    faulty *f = device->context;
    memset(out, 0, sizeof *out);
    if (device->read != faulty_read)
        return;
    for (int kind = 0; kind < BP_FAULTS; kind++) {
        out->begun[kind] = atomic_load_explicit(&f->begun[kind], memory_order_relaxed);
        out->met[kind] = atomic_load_explicit(&f->met[kind], memory_order_relaxed);
        out->commands[kind] = atomic_load_explicit(&f->commands[kind], memory_order_relaxed);
    }
    out->waiting = BP_FAULT_QUEUE - bp_ring_room(&f->ring);
}
