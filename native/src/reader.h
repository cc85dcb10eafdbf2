/* The card reader: read requests with deadlines, earliest first, neighbours joined into one command.
 *
 * Runs on the reader's side of two rings. Orders come in, deliveries go out; block memory between the two
 * belongs to the reader. Each voice is a stream; each loading cache slot stands in the queue of the stream
 * that needs it first. */
#ifndef BP_READER_H
#define BP_READER_H

#include "arena.h"
#include "benchpad.h"
#include "ring.h"

/* Where a file lies on a card. */
typedef struct bp_place {
    uint32_t count; /* of extents; 0: it is not there */
    bp_extent *extents;
    uint64_t *begins; /* file offset at which each extent begins */
} bp_place;

typedef struct bp_file {
    bp_sample format;
    uint64_t bytes; /* of the file: the sum of its extents */
    bp_place card, mirror;
    uint32_t *crc; /* of each block; NULL: not known */
} bp_file;

typedef enum bp_order_kind { BP_ORDER_RATE, BP_ORDER_WANT, BP_ORDER_DROP } bp_order_kind;

typedef struct bp_order {
    uint32_t kind; /* bp_order_kind */
    uint32_t stream;
    uint32_t slot, generation;
    uint32_t sample, block;
    uint64_t deadline; /* RATE: bytes a second that the stream consumes, 0 when it closed; WANT: a frame */
    uint32_t tag, priority; /* RATE: of the voice */
} bp_order;

typedef struct bp_delivery {
    uint32_t slot, generation;
    int32_t status; /* BP_OK, BP_EIO, BP_EFULL: dropped as ordered */
    uint64_t frame; /* from which the block may be used */
} bp_delivery;

typedef struct bp_node { /* one for each cache slot */
    uint64_t deadline_ns;
    uint32_t previous, next;
    uint32_t stream, generation, sample, block;
    uint32_t queued;
} bp_node;

typedef struct bp_queue {
    uint32_t head, tail, length;
    uint32_t tag, priority;
    uint32_t fresh; /* it has not been served yet */
    uint64_t rate;  /* bytes a second */
    uint64_t begun; /* counts the streams: the larger, the younger */
} bp_queue;

typedef struct bp_reader {
    bp_ring orders, deliveries;
    bp_device *device;
    const bp_file *files;
    bp_node *nodes;
    bp_queue *queues;
    uint32_t *active; /* streams with requests, by the deadline of their first */
    uint32_t active_count, stream_count;
    unsigned char *data; /* the cache's block memory */
    uint32_t block_bytes, max_blocks, rate, schedule;
    _Atomic uint64_t command_ns, ps_per_byte; /* what a command usually costs; the audio side looks at them, too */
    uint64_t first_ns;              /* playing time that a voice needs to begin, beyond its first block's deadline */
    uint64_t open_count, open_rate; /* of the streams that consume */
    uint64_t free_ns;               /* when the device is done with what it was given */
    uint64_t begun;
    uint64_t avoid_until_ns; /* until then what has a mirror is read from there */
    uint64_t avoid_ns;       /* how long that was, the last time */
    bp_ring commands;        /* what was done, for who listens; without room when nobody does */
    uint32_t traced, watch;  /* watch: count what falls behind */
    _Atomic uint64_t reads, bytes, busy_ns, errors, retries, failovers, traces_lost;
    _Atomic uint64_t behind; /* times that a request was seen to come too late before it did */
} bp_reader;

void bp_reader_init(bp_reader *r, bp_arena *arena, const bp_config *config, uint32_t blocks, uint32_t streams,
                    bp_device *device, unsigned char *data, const bp_file *files);
/* Asks another device from now on. */
void bp_reader_set_device(bp_reader *r, bp_device *device);
/* Serves requests while the device is free before `until_ns`, at most `budget` commands; returns how many. */
int bp_reader_step(bp_reader *r, uint64_t now_ns, uint64_t until_ns, uint32_t budget);

uint64_t bp_frames_to_ns(uint64_t frames, uint32_t rate);

static inline uint64_t bp_relaxed(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static inline void bp_tally(_Atomic uint64_t *counter, uint64_t n) /* one writer: no need of an atomic addition */
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t bp_first_deadline(const bp_reader *r, uint32_t stream)
{
    return r->nodes[r->queues[stream].head].deadline_ns;
}

/* ---- pace.c: whom to serve, and how much one command takes ---- */

/* The stream to serve now, or BP_NONE when all can wait. */
uint32_t bp_pace_choose(bp_reader *r, uint64_t start_ns);
/* How many blocks the next command for a stream may take, without making it or another stream late. */
uint32_t bp_pace_quota(const bp_reader *r, uint32_t stream, uint64_t start_ns);

/* ---- fetch.c: commands to the device ---- */

typedef struct bp_fetched {
    uint32_t slot;
    int status;
    uint64_t done_ns;
} bp_fetched;

/* Reads the first blocks of a stream, at most `most`, as one command issued at free_ns (several where one block lies
 * scattered, or something fails). Stores what became of each; returns how many. */
uint32_t bp_fetch(bp_reader *r, uint32_t stream, uint32_t most, bp_fetched *out);

#endif
