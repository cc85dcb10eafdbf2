/* The engine's insides, shared by engine.c (time, cards, control) and voices.c (starting, ending, stealing). */
#ifndef BP_ENGINE_H
#define BP_ENGINE_H

#include "measure.h"
#include "voice.h"

enum {
    PUBLISHED = 8,
    MOST_FADING = 64, /* places for stolen voices that fade, or as many as may sound */
};

struct bp_engine {
    bp_config config;
    bp_shared shared;
    bp_reader reader;
    bp_ring events, reports, ends, accesses;
    bp_measure *measures;       /* for each place; NULL where nothing is measured */
    bp_snapshot snapshots[3];   /* one is written, one is read, one is the newest */
    _Atomic uint32_t newest;    /* its number, with SNAPSHOT_FRESH while nobody has taken it */
    uint32_t writing, reading;
    _Atomic uint32_t level[2];  /* bits of the largest magnitude of each channel */
    uint32_t late_blocks; /* in a row that took longer to render than they last; played live */
    uint64_t needed_ppm; /* of the card's time, that the voices need when each has its part of the pool */
    uint64_t behind_seen, behind_from, behind_last, relieved_until; /* counts and frames: see relieve() */
    bp_file *files;
    uint32_t file_count;
    bp_voice *voices;   /* places; each is also a stream of the reader */
    uint32_t *active;   /* places in use, in order of start */
    uint32_t *idle;     /* places not in use */
    uint32_t active_count, idle_count, place_count;
    uint64_t total_rate; /* bytes a second of all voices */
    uint32_t shared_pins; /* blocks pinned when the shares were last worked out */
    uint8_t shares_stale; /* a voice has come or gone since */
    uint8_t overcommitted; /* voices may hold more than their parts of the pool */
    void *memory;
    size_t memory_bytes;
    _Atomic uint64_t frame;
    _Atomic uint64_t peak, started, stolen, refused, underruns, reports_lost, dropped;
    _Atomic uint64_t published[PUBLISHED]; /* the audio side's own counters, copied for the control thread */
};

/* ---- samples.c ---- */

void bp_forget_place(bp_place *place);
/* Lets go of the pinned blocks that hold frames [first, end), which the sample has. */
void bp_unpin_frames(bp_engine *e, uint32_t sample, uint64_t first, uint64_t end);

/* ---- engine.c ---- */

/* On a device that takes no time: has what was ordered delivered at once. */
void bp_engine_serve_now(bp_engine *e);

/* ---- measure.c ---- */

void bp_measure_lay_out(bp_engine *e, bp_arena *a);
void bp_measure_begin(bp_engine *e, const bp_voice *v);
/* At a grid point, after the voice's window has moved. */
void bp_measure_grid(bp_engine *e, bp_voice *v);
/* Puts the voice's end on record, once. */
void bp_measure_end(bp_engine *e, bp_voice *v);
/* At the end of a render: states and levels for the control thread. */
void bp_measure_publish(bp_engine *e, const float *out, uint32_t frames);

/* ---- share.c ---- */

/* Works out anew how many blocks each voice may hold, when one has come or gone or a pin has changed. */
void bp_share_out(bp_engine *e);
/* A voice found no room: the others give back what they hold beyond their parts. */
void bp_share_make_way(bp_engine *e, const bp_voice *needy);

/* ---- voices.c ---- */

void bp_voices_event(bp_engine *e, const bp_event *event);
/* At a grid point: forgets the ended voices, shares the cache out anew where need be. */
void bp_voices_tidy(bp_engine *e);
/* Adds the next n frames of every voice to out; at a grid point it first moves their windows and checks their data. */
void bp_voices_render(bp_engine *e, float *out, uint32_t n, int on_grid);
/* Units of max_voices that sound, fading ones that were told to make room not counted. */
uint32_t bp_voices_cost(const bp_engine *e);
/* Voices that are not silent yet, those that were told to make room included. */
uint32_t bp_voices_sounding(const bp_engine *e);

static inline void bp_count(_Atomic uint64_t *counter, uint64_t n) /* one writer */
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

#endif
