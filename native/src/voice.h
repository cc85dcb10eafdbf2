/* A voice: where it is on its timeline, which blocks it holds, how loud it is. */
#ifndef BP_VOICE_H
#define BP_VOICE_H

#include "cache.h"
#include "kernels.h"
#include "reader.h"
#include "timeline.h"

/* A block that a voice holds, needed from virtual frame `first` on. */
typedef struct bp_entry {
    uint64_t first;
    uint32_t slot, next;
} bp_entry;

/* The blocks ahead of a voice, in the order of need. */
typedef struct bp_window {
    uint64_t safe;               /* all virtual frames below it are resident */
    uint64_t quiet;              /* until the voice reaches it no block can be let go */
    uint64_t skip;               /* frames by which a voice that lost its data last reached ahead of itself */
    uint64_t from;               /* the virtual frame at which it was opened, or begun again after a gap */
    uint32_t head, tail, length; /* entries, linked */
    uint32_t check;              /* the first entry not yet seen resident, or BP_NONE */
    uint64_t ahead;              /* the next virtual frame that needs a block not held yet; UINT64_MAX: none */
    uint32_t cursor;             /* that block */
    uint8_t fresh;               /* 1: `ahead` begins a piece, so the cursor must be found anew */
    uint8_t no_room;             /* the last try to hold one more block found every block held */
    uint8_t looped;              /* a short loop is held whole for as long as the voice lives */
} bp_window;

/* A straight line of gain: from + slope * age. */
typedef struct bp_ramp {
    float from, slope;
    uint32_t age, length;
} bp_ramp;

typedef enum bp_stage { BP_ATTACK, BP_SUSTAIN, BP_RELEASE, BP_ENDED } bp_stage;
/* What the voice does about missing blocks. */
typedef enum bp_duck { BP_PLAYING, BP_FADING_OUT, BP_SILENT, BP_FADING_IN } bp_duck;

/* What each interval reads stands together at the front: hundreds of voices must fit the processor's cache. */
typedef struct bp_voice {
    uint64_t u, last; /* virtual frame, and the first beyond the end */
    uint64_t inc;     /* virtual frames for each output frame, 32.32 */
    uint32_t frac, frame_bytes;
    float left, right;              /* gains, the decoder's scale included */
    uint32_t memo_block, memo_slot; /* the block read last, to spare a look-up */
    bp_region region;
    uint64_t age, auto_release; /* output frames since the start, and at which the release begins by itself */
    uint64_t cut_fade; /* age at which the fade before an end inside the file begins */
    const bp_file *file;
    uint32_t sample, share; /* share: blocks that it may hold */
    uint32_t low, fair;     /* it asks for more when it holds this few; what it keeps when others need room */
    uint8_t stage, duck, gate, killed;
    uint32_t cut_fade_frames;
    bp_window window;
    bp_ramp env, fade;
    uint64_t rate;               /* bytes a second */
    uint32_t least_blocks;       /* below this many the voice cannot even fade */
    uint32_t release;            /* frames */
    uint32_t tag, cost, group, stream, priority;
    uint64_t base_inc;            /* before it was tuned */
    uint64_t started, retry_at; /* frames: of the start; from which a failed block may be asked for again */
    uint32_t underruns;
    uint8_t end_cause; /* bp_end_cause */
    uint8_t told;      /* its end is on record */
    uint64_t ended;    /* the frame from which it is silent */
    float level; /* the gains' sum, without the decoder's scale */
} bp_voice;

/* What all voices share. */
typedef struct bp_shared {
    bp_cache cache;
    bp_entry *entries;
    uint32_t free_entry;
    bp_ring *orders;
    const bp_kernels *kernels;
    float *scratch, *env, *table;
    unsigned char *raw;
    uint32_t quality, fade_frames, on_miss, dry;
    bp_ring *accesses; /* NULL: nobody listens */
    _Atomic uint64_t held_frames, accesses_lost;
    uint32_t order_reserve; /* places in the order ring kept for what cannot wait */
    uint64_t frame;
} bp_shared;

/* ---- window.c: holding the blocks ahead ---- */

void bp_window_open(bp_voice *v);
/* Lets go of what lies behind, and of what exceeds `share` blocks, then reaches ahead up to `share`. */
void bp_window_update(bp_shared *s, bp_voice *v, uint32_t share);
/* Gives back what exceeds `share` blocks. */
void bp_window_limit(bp_shared *s, bp_voice *v, uint32_t share);
void bp_window_close(bp_shared *s, bp_voice *v);
/* Whether the voice has come to where its window begins. */
static inline int bp_window_begun(const bp_shared *s, const bp_voice *v)
{
    return v->window.from == 0 || v->u >= v->window.from + bp_taps_before(s->quality);
}
/* Whether every block of virtual frames [.., until) is resident; moves `safe`. */
int bp_window_covers(bp_shared *s, bp_voice *v, uint64_t until);
/* Orders a block to be read for `stream` before `deadline` (a frame). */
void bp_order_block(bp_shared *s, uint32_t slot, uint32_t stream, uint64_t deadline);
void bp_order_drop(bp_shared *s, uint32_t slot);
/* Tells who listens that the cache was asked for a block. */
void bp_note_access(bp_shared *s, uint64_t key);
/* Tells the reader of a voice that begins to stream; bytes_per_second 0: that it ended. */
void bp_order_rate(bp_shared *s, const bp_voice *v, uint64_t bytes_per_second);
/* Asks again for the block that failed, where one did and a while has passed. */
void bp_window_retry(bp_shared *s, bp_voice *v);

/* ---- envelope.c ---- */

void bp_envelope_start(bp_voice *v, uint32_t attack);
/* Begins to end the voice over `frames` frames from the gain that it has now. */
void bp_envelope_release(bp_voice *v, uint32_t frames);
/* Fills env with the gains of the next n frames and moves on. Returns how many frames the voice still sounds
 * (n, or fewer when it ends); *constant is set when all gains are 1 and env was not filled. */
uint32_t bp_envelope_render(bp_voice *v, float *env, uint32_t n, int *constant);
/* The gain now, of envelope and fade together. */
float bp_envelope_value(const bp_voice *v);

/* ---- voice.c ---- */

/* At a grid point: fades out when data is about to be missing, comes back when it is there. Returns 1 when an
 * underrun begins. */
int bp_voice_check(bp_shared *s, bp_voice *v);
/* The first check of a new voice: silent from the start when its first block is not resident (returns 1). */
int bp_voice_check_start(bp_shared *s, bp_voice *v);
/* Adds the next n frames (at most BP_GRID) to mix and moves on. */
void bp_voice_render(bp_shared *s, bp_voice *v, float *mix, uint32_t n);
bp_cause bp_voice_cause(const bp_shared *s, const bp_voice *v);

#endif
