/* A card's timing around another device. Integers only, so that a seed gives the same times on every machine.
 *
 * A command costs its fixed time, its bytes, what it crosses, and a random part drawn for each command. Spikes come
 * from a process of their own that runs on the device's clock, whatever is read: the same seed gives two runs with
 * different commands the same spikes. */
#include "device.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    bp_device *inner;
    bp_card_model model;
    uint64_t seed, body_state, size_state, spike_state;
    uint64_t spike_at_ns; /* the next spike */
    uint64_t last_ns;     /* when the last read was issued */
    uint64_t written_ns;  /* when the last write was done */
    uint64_t read_ns;     /* and the last read */
    uint64_t read_bytes;  /* in the card's life */
} card;

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* The binary logarithm of u > 0 in 16.16 fixed point: the exponent, then one bit for each squaring. */
static uint64_t log2_fixed(uint64_t u)
{
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(u);
    uint64_t m = u << (63 - exponent) >> 32, fraction = 0; /* 1 <= m / 2^31 < 2 */
    for (int bit = 0; bit < 16; bit++) {
        m = m * m >> 31;
        fraction <<= 1;
        if (m >> 32) {
            m >>= 1;
            fraction |= 1;
        }
    }
    return (uint64_t)exponent << 16 | fraction;
}

/* Exponentially distributed with this mean (up to 2^40 ns): -ln of an even number in (0, 1]. */
static uint64_t exponential(uint64_t *state, uint64_t mean_ns)
{
    const uint64_t ln2 = 45426; /* in 16.16 */
    uint64_t minus_log2 = (64u << 16) - log2_fixed(draw(state) | 1);
    return mean_ns * (minus_log2 * ln2 >> 16) >> 16;
}

static uint64_t between(uint64_t *state, uint64_t low, uint64_t high)
{
    return low + (uint64_t)((draw(state) >> 32) * (high - low) >> 32);
}

/* ---- spikes ---- */

static void seed_spikes(card *c)
{
    c->spike_state = c->seed ^ 0x5350494B45u; /* a stream of its own */
    c->spike_at_ns = c->model.spike_regular ? c->model.spike_every_ns
                                            : exponential(&c->spike_state, c->model.spike_every_ns);
}

/* The next spike after `now_ns`. After a very long silence the process goes on from now. */
static void advance_spikes(card *c, uint64_t now_ns)
{
    uint64_t every = c->model.spike_every_ns;
    if (c->model.spike_regular) {
        c->spike_at_ns = (now_ns / every + 1) * every;
        return;
    }
    if (now_ns > c->spike_at_ns && (now_ns - c->spike_at_ns) / every > 1000)
        c->spike_at_ns = now_ns;
    while (c->spike_at_ns <= now_ns)
        c->spike_at_ns += exponential(&c->spike_state, every) + 1;
}

/* A spike of a read: its size lies between what a new card does and what reading has made of it. */
static uint64_t spike_size(card *c)
{
    const bp_card_model *m = &c->model;
    if (m->wear_bytes == 0 || m->wear_ns <= m->spike_ns)
        return m->spike_ns;
    uint64_t share = c->read_bytes >= m->wear_bytes ? 1u << 16 : (c->read_bytes << 16) / m->wear_bytes;
    return between(&c->size_state, m->spike_ns, m->spike_ns + ((m->wear_ns - m->spike_ns) * share >> 16));
}

/* When a command that would take from start_ns to done_ns is done, with a spike. One that comes while the card is busy
 * makes it so much later; one that is under way when it starts, by what is left; one that was over delays nobody. */
static uint64_t spiked(card *c, uint64_t start_ns, uint64_t done_ns, int writing)
{
    const bp_card_model *m = &c->model;
    uint64_t longest = writing ? m->write_spike_ns : m->wear_ns > m->spike_ns ? m->wear_ns : m->spike_ns;
    if (m->spike_every_ns == 0 || c->spike_at_ns >= done_ns)
        return done_ns;
    if (c->spike_at_ns + longest < start_ns)
        advance_spikes(c, start_ns - longest);
    while (c->spike_at_ns < done_ns) {
        uint64_t size = writing ? m->write_spike_ns : spike_size(c), at = c->spike_at_ns;
        advance_spikes(c, at);
        if (at >= start_ns || at + size > start_ns) {
            uint64_t rest = at >= start_ns ? size : at + size - start_ns;
            if (c->spike_at_ns < done_ns + rest) /* those that come meanwhile are one with it */
                advance_spikes(c, done_ns + rest);
            return done_ns + rest;
        }
    }
    return done_ns;
}

/* ---- commands ---- */

static uint64_t crossings(uint64_t offset, uint64_t bytes, uint64_t size)
{
    return size && bytes ? (offset + bytes - 1) / size - offset / size : 0;
}

static uint64_t cost_ns(card *c, uint64_t offset, uint64_t bytes, uint64_t fixed_ns, uint64_t ps_per_byte)
{
    const bp_card_model *m = &c->model;
    uint64_t ns = fixed_ns + bytes * ps_per_byte / 1000;
    if (crossings(offset, bytes, m->page_bytes))
        ns += m->page_ns;
    ns += crossings(offset, bytes, m->unit_bytes) * m->unit_ns;
    if (m->body_ns)
        ns += exponential(&c->body_state, m->body_ns);
    return ns;
}

/* When a command issued at start_ns is taken up: after a write that is under way. A clock that begins anew (what is
 * loaded before time begins has a time of its own) begins its spikes anew. */
static uint64_t taken_up(card *c, uint64_t start_ns)
{
    if (start_ns < c->last_ns) {
        c->written_ns = c->read_ns = 0;
        seed_spikes(c);
    }
    c->last_ns = start_ns;
    return start_ns > c->written_ns ? start_ns : c->written_ns;
}

/* What lies beyond the real end of a fake card. */
static void blank(const bp_iov *v, uint32_t count, uint64_t keep)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t whole = keep < v[i].length ? keep : v[i].length;
        memset((char *)v[i].base + whole, 0, v[i].length - whole);
        keep -= whole;
    }
}

static int card_read(void *context, uint64_t offset, const bp_iov *v, uint32_t count, uint64_t start_ns,
                     uint64_t *done_ns)
{
    card *c = context;
    const bp_card_model *m = &c->model;
    uint64_t bytes = bp_iov_bytes(v, count), from = taken_up(c, start_ns);
    uint64_t done = from + cost_ns(c, offset, bytes, m->command_ns + m->first_byte_ns, m->read_ps_per_byte);
    c->read_bytes += bytes;
    int status = c->inner->read(c->inner->context, offset, v, count, spiked(c, from, done, 0), done_ns);
    c->read_ns = *done_ns;
    if (m->real_bytes && offset + bytes > m->real_bytes)
        blank(v, count, offset < m->real_bytes ? m->real_bytes - offset : 0);
    return status;
}

static int card_write(void *context, uint64_t offset, uint64_t length, uint64_t start_ns, uint64_t *done_ns)
{
    card *c = context; /* a write may be told in advance: its time says nothing about the clock */
    uint64_t busy_ns = c->read_ns > c->written_ns ? c->read_ns : c->written_ns;
    uint64_t from = start_ns > busy_ns ? start_ns : busy_ns;
    uint64_t done = from + cost_ns(c, offset, length, c->model.write_command_ns, c->model.write_ps_per_byte);
    int status = bp_device_write(c->inner, offset, length, spiked(c, from, done, 1), done_ns);
    c->written_ns = *done_ns;
    return status;
}

static void card_nominal(void *context, uint64_t *command_ns, uint64_t *ps_per_byte)
{
    const bp_card_model *m = &((card *)context)->model;
    *command_ns = m->command_ns + m->first_byte_ns + m->body_ns + (m->page_bytes ? m->page_ns : 0);
    *ps_per_byte = m->read_ps_per_byte;
    if (m->unit_bytes)
        *ps_per_byte += m->unit_ns * 1000 / m->unit_bytes;
}

static void card_destroy(void *context)
{
    card *c = context;
    bp_device_free(c->inner);
    free(c);
}

bp_device *bp_device_card(bp_device *inner, const bp_card_model *model, uint64_t seed)
{
    static const bp_device operations = {
        .read = card_read, .nominal = card_nominal, .destroy = card_destroy, .write = card_write};
    card *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    uint64_t state = seed;
    *c = (card){.inner = inner, .model = *model, .seed = draw(&state), .read_bytes = model->wear_begun_bytes};
    c->body_state = draw(&state);
    c->size_state = draw(&state);
    seed_spikes(c);
    return bp_device_make(c, &operations);
}
