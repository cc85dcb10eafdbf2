/* Commands to the device: what adjoins on the card goes into one; what fails is tried again, or read from the mirror.
 *
 * A read that fails is repeated block by block, so that one bad sector does not cost its neighbours, and while a
 * block's deadline has not passed it is tried again. Where the file lies on a mirror card as well, that answers
 * instead, and answers for all files that it has during the seconds that follow: a card that was pulled, or is stuck,
 * would cost a failed command for each read. */
#include "reader.h"

#include "cache.h"

enum {
    MOST_TRIES = 3, /* of one block */
    MOST_PARTS = 16, /* of a piece; beyond, an uneven last part does not matter */
};

static uint32_t find_extent(const bp_place *p, uint64_t at)
{
    uint32_t low = 0, high = p->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (p->begins[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The bytes of a block: all of it, or what the file has left. */
static uint64_t block_length(const bp_reader *r, const bp_file *f, uint32_t block)
{
    uint64_t left = f->bytes - (uint64_t)block * r->block_bytes;
    return left < r->block_bytes ? left : r->block_bytes;
}

static const bp_place *place_now(const bp_reader *r, const bp_file *f)
{
    return f->mirror.count && r->free_ns < r->avoid_until_ns ? &f->mirror : &f->card;
}

/* ---- one command ---- */

static void trace(bp_reader *r, uint64_t start_ns, uint32_t slot, uint64_t offset, uint64_t bytes, int status)
{
    const bp_node *n = &r->nodes[slot];
    bp_command c = {start_ns, r->free_ns, n->deadline_ns, offset, (uint32_t)bytes, r->queues[n->stream].tag,
                    n->sample, r->active_count, status};
    if (r->traced && !bp_ring_push(&r->commands, &c))
        bp_tally(&r->traces_lost, 1);
}

/* `slot` is the one that the command is for, or the first of them. */
static int command(bp_reader *r, uint32_t slot, uint64_t offset, const bp_iov *v, uint32_t count)
{
    uint64_t start = r->free_ns, bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += v[i].length;
    int status = r->device->read(r->device->context, offset, v, count, start, &r->free_ns);
    bp_tally(&r->reads, 1);
    bp_tally(&r->bytes, bytes);
    bp_tally(&r->busy_ns, r->free_ns - start);
    if (status != BP_OK)
        bp_tally(&r->errors, 1);
    trace(r, start, slot, offset, bytes, status);
    return status;
}

/* ---- checksums ---- */

/* CRC-32 as zlib has it (reflected 0xEDB88320), four bits at a time: 64 bytes of table. */
static uint32_t crc32(const unsigned char *p, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    uint32_t c = 0xFFFFFFFFu;
    while (n--) {
        c ^= *p++;
        c = c >> 4 ^ table[c & 15];
        c = c >> 4 ^ table[c & 15];
    }
    return ~c;
}

static int is_right(const bp_reader *r, const bp_file *f, uint32_t slot)
{
    uint32_t block = r->nodes[slot].block;
    return !f->crc || crc32(r->data + (size_t)slot * r->block_bytes, block_length(r, f, block)) == f->crc[block];
}

/* ---- one block ---- */

/* A block by itself, from `place`: piece by piece where it lies in several extents. */
static int read_block(bp_reader *r, const bp_file *f, const bp_place *place, uint32_t slot)
{
    uint32_t block = r->nodes[slot].block;
    unsigned char *to = r->data + (size_t)slot * r->block_bytes;
    uint64_t at = (uint64_t)block * r->block_bytes, end = at + block_length(r, f, block);
    for (uint32_t e = find_extent(place, at); at < end; e++) {
        uint64_t extent_end = place->begins[e] + place->extents[e].length;
        bp_iov v = {to, (size_t)((extent_end < end ? extent_end : end) - at)};
        int status = command(r, slot, place->extents[e].offset + (at - place->begins[e]), &v, 1);
        if (status != BP_OK)
            return status;
        to += v.length;
        at += v.length;
    }
    return is_right(r, f, slot) ? BP_OK : BP_EIO;
}

static const uint64_t FIRST_AVOID_NS = 1000000000, MOST_AVOID_NS = 16000000000;

/* Lets the mirror answer for a while, twice as long each time that the card was asked again in vain. */
static void avoid(bp_reader *r)
{
    int again = r->free_ns < r->avoid_until_ns + r->avoid_ns; /* it has not worked for as long since */
    r->avoid_ns = !again ? FIRST_AVOID_NS : r->avoid_ns < MOST_AVOID_NS ? 2 * r->avoid_ns : MOST_AVOID_NS;
    r->avoid_until_ns = r->free_ns + r->avoid_ns;
}

/* A block after a read has failed in which it was: from the mirror, or by itself, as often as its deadline allows. With
 * `once` it is tried at least once more. */
static int recover(bp_reader *r, const bp_file *f, uint32_t slot, int once)
{
    int status = BP_EIO;
    if (f->mirror.count) {
        if (r->free_ns >= r->avoid_until_ns)
            avoid(r);
        bp_tally(&r->failovers, 1);
        status = read_block(r, f, &f->mirror, slot);
    }
    for (uint32_t tries = 1; status != BP_OK && tries < MOST_TRIES; tries++) {
        if (r->free_ns >= r->nodes[slot].deadline_ns && !(once && tries == 1))
            break;
        bp_tally(&r->retries, 1);
        status = read_block(r, f, &f->card, slot);
    }
    return status;
}

/* ---- many blocks ---- */

/* A piece of a file that is longer than a transfer may be is read in equal parts: otherwise the last one would be a
 * command for little. `room` is what the piece still has, in blocks. */
static uint32_t even_part(uint32_t most, uint64_t room)
{
    if (room <= most || room > MOST_PARTS * (uint64_t)most)
        return most;
    uint64_t parts = (room + most - 1) / most;
    return (uint32_t)((room + parts - 1) / parts);
}

/* Collects the first slots of a stream whose blocks adjoin on the card, at most `most`, upwards or downwards;
 * returns how many. */
static uint32_t collect(const bp_reader *r, const bp_place *p, uint32_t stream, uint32_t most, uint32_t *slots)
{
    uint32_t slot = r->queues[stream].head, count = 0;
    const bp_node *first = &r->nodes[slot];
    const bp_file *f = &r->files[first->sample];
    uint32_t e = find_extent(p, (uint64_t)first->block * r->block_bytes);
    uint64_t low = p->begins[e], high = low + p->extents[e].length;
    int32_t step = 0;
    if (p->count > 1 && first->next != BP_NONE) {
        int downwards = r->nodes[first->next].block < first->block;
        uint64_t at = (uint64_t)first->block * r->block_bytes;
        most = even_part(most, (downwards ? at + r->block_bytes - low : high - at) / r->block_bytes);
    }
    for (; slot != BP_NONE && count < most; slot = r->nodes[slot].next) {
        const bp_node *n = &r->nodes[slot];
        uint64_t at = (uint64_t)n->block * r->block_bytes;
        int32_t from_first = (int32_t)(n->block - first->block);
        if (n->sample != first->sample || (count == 1 && from_first != 1 && from_first != -1))
            break;
        if (count == 1)
            step = from_first;
        if (from_first != step * (int32_t)count || at < low || at + block_length(r, f, n->block) > high)
            break;
        slots[count++] = slot;
    }
    return count;
}

/* The blocks of `slots`, which adjoin, as one command. */
static int read_joined(bp_reader *r, const bp_file *f, const bp_place *p, const uint32_t *slots, uint32_t count)
{
    bp_iov vectors[BP_MOST_JOINED];
    int downwards = count > 1 && r->nodes[slots[1]].block < r->nodes[slots[0]].block;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = slots[downwards ? count - 1 - i : i];
        vectors[i] = (bp_iov){r->data + (size_t)slot * r->block_bytes,
                              (size_t)block_length(r, f, r->nodes[slot].block)};
    }
    uint64_t at = (uint64_t)r->nodes[slots[downwards ? count - 1 : 0]].block * r->block_bytes;
    uint32_t e = find_extent(p, at);
    return command(r, slots[0], p->extents[e].offset + (at - p->begins[e]), vectors, count);
}

uint32_t bp_fetch(bp_reader *r, uint32_t stream, uint32_t most, bp_fetched *out)
{
    uint32_t slots[BP_MOST_JOINED];
    uint32_t head = r->queues[stream].head;
    const bp_file *f = &r->files[r->nodes[head].sample];
    const bp_place *p = place_now(r, f);
    uint32_t count = collect(r, p, stream, most ? most : 1, slots);
    if (count == 0) { /* it lies scattered */
        int status = read_block(r, f, p, head);
        status = status == BP_OK ? BP_OK : recover(r, f, head, 0);
        out[0] = (bp_fetched){head, status, r->free_ns};
        return 1;
    }
    int all = read_joined(r, f, p, slots, count), hope = 1;
    for (uint32_t i = 0; i < count; i++) {
        int status = all == BP_OK && is_right(r, f, slots[i]) ? BP_OK : BP_EIO;
        if (status != BP_OK) /* a bad sector must not cost its neighbours, nor a card that is gone a try for each */
            status = recover(r, f, slots[i], count > 1 && hope);
        hope = status == BP_OK;
        out[i] = (bp_fetched){slots[i], status, r->free_ns};
    }
    return count;
}
