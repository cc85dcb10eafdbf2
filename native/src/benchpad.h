/* Benchpad's real-time core: voices, block cache, card reader, block devices.
 *
 * Every function is tagged by who may call it:
 *   [RT]  the audio thread: no allocation, lock, system call or log inside
 *   [IO]  the reader thread
 *   [CT]  the control thread
 *   [OFF] only while neither the audio nor the reader thread is in the engine
 *
 * Functions return a negative bp_error or a useful non-negative value. The caller owns what it creates.
 */
#ifndef BENCHPAD_H
#define BENCHPAD_H

#include <stddef.h>
#include <stdint.h>

typedef enum bp_error {
    BP_OK = 0,
    BP_EINVAL = -1, /* an argument is out of its range */
    BP_ENOMEM = -2, /* memory could not be taken at start */
    BP_EFULL = -3,  /* a fixed table or queue has no room */
    BP_EIO = -4,    /* the device failed to read */
    BP_EROFS = -5,  /* the card is write-protected */
} bp_error;

/* How one PCM value lies on the card. */
typedef enum bp_encoding {
    BP_U8, BP_S16_LE, BP_S16_BE, BP_S24_LE, BP_S24_BE, BP_S32_LE, BP_S32_BE, BP_F32_LE, BP_F32_BE,
    BP_ENCODINGS
} bp_encoding;

typedef enum bp_quality { BP_LINEAR, BP_HERMITE, BP_SINC, BP_QUALITIES } bp_quality;
typedef enum bp_path { BP_PATH_AUTO, BP_PATH_AVX2, BP_PATH_BASELINE, BP_PATH_SCALAR } bp_path;
typedef enum bp_loop { BP_LOOP_NONE, BP_LOOP_FORWARD, BP_LOOP_PING_PONG } bp_loop;
typedef enum bp_retrigger { BP_LAYER, BP_RESTART, BP_IGNORE, BP_TOGGLE } bp_retrigger;
typedef enum bp_steal { BP_STEAL_OLDEST, BP_STEAL_QUIETEST, BP_STEAL_REFUSE } bp_steal;
typedef enum bp_schedule { BP_DEADLINE, BP_RATING, BP_EMPTIEST, BP_SCHEDULES } bp_schedule;
typedef enum bp_on_miss { BP_MISS_RETURN, BP_MISS_HOLD, BP_MISS_DROP, BP_MISSES } bp_on_miss;
typedef enum bp_overload { BP_OVERLOAD_NONE, BP_OVERLOAD_OLDEST, BP_OVERLOAD_QUIETEST, BP_OVERLOAD_PRIORITY,
                           BP_OVERLOADS } bp_overload;
typedef enum bp_policy { BP_LRU, BP_SLRU, BP_MRU, BP_POLICIES } bp_policy;
typedef enum bp_end_cause {
    BP_END_OWN, BP_END_RELEASED, BP_END_STOLEN, BP_END_CHOKED, BP_END_STOPPED, BP_END_RETRIGGERED,
    BP_END_LATE, BP_END_BANDWIDTH, BP_END_NO_ROOM, BP_END_READ_ERROR, BP_END_CPU
} bp_end_cause;
typedef enum bp_cause { BP_COLD, BP_LATE, BP_NO_ROOM, BP_READ_ERROR } bp_cause;

/* ---- block devices ---------------------------------------------------------------------------- */

typedef struct bp_iov {
    void *base;
    size_t length;
} bp_iov;

/* A block device is a context and these operations.
 *
 * read: fill the vectors from `offset` on, as one command issued at `start_ns` of the device's clock; store
 *   in *done_ns when it completes or fails (start_ns on a device that takes no time). 0, or BP_EIO. One command at
 *   a time: the next is issued when this one is done, or later, except that the clock may begin anew.
 * nominal: what a command usually costs, so that the reader can plan: fixed time in ns, and ps a byte.
 * destroy: free the context.
 * write: the time that writing `length` bytes at `offset` takes, and whether the card lets it; the bytes themselves
 *   reach the host file by another way. Reads issued before it is done wait for it. 0, BP_EIO or BP_EROFS.
 */
typedef struct bp_device {
    void *context;
    int (*read)(void *context, uint64_t offset, const bp_iov *vectors, uint32_t count, uint64_t start_ns,
                uint64_t *done_ns);
    void (*nominal)(void *context, uint64_t *command_ns, uint64_t *ps_per_byte);
    void (*destroy)(void *context);
    int (*write)(void *context, uint64_t offset, uint64_t length, uint64_t start_ns, uint64_t *done_ns);
} bp_device;

/* A host file that holds the device's bytes [base, base + length). */
typedef struct bp_backing {
    int fd;
    uint64_t base;
    uint64_t length;
} bp_backing;

/* [OFF] A copy of `bytes` in memory. NULL without memory. */
bp_device *bp_device_ram(const void *bytes, uint64_t length);
/* [OFF] Files joined by `count` backings in ascending order of base; the descriptors are duplicated. */
bp_device *bp_device_files(const bp_backing *backings, uint32_t count);
/* [OFF] `length` bytes that cost nothing to read: nothing is copied. */
bp_device *bp_device_null(uint64_t length);
/* [OFF] */
void bp_device_free(bp_device *device);

/* ---- card timing ------------------------------------------------------------------------------ */

/* What a card takes for a command. Nothing here is measured in frames; 0 leaves a part out. */
typedef struct bp_card_model {
    uint64_t command_ns;                    /* from the command to the card's answer */
    uint64_t first_byte_ns;                 /* from the answer to the first byte of a read */
    uint64_t read_ps_per_byte;
    uint64_t write_command_ns, write_ps_per_byte;
    uint64_t page_bytes, page_ns;           /* once for a command that crosses a boundary of so many bytes: what
                                               follows of a long transfer hides behind the bus */
    uint64_t unit_bytes, unit_ns;           /* for each boundary of an allocation unit crossed */
    uint64_t body_ns;                       /* mean of each command's random part, exponentially distributed */
    uint64_t spike_every_ns;                /* mean time between spikes; the command then under way, or the next, is hit */
    uint64_t spike_ns, write_spike_ns;      /* what a spike adds to a read, and to a write */
    uint64_t wear_bytes, wear_ns;           /* spikes of reads grow with the bytes read: once wear_bytes are, their sizes
                                               are spread evenly from spike_ns to wear_ns */
    uint64_t wear_begun_bytes;              /* read in the card's life so far */
    uint64_t real_bytes;                    /* of a fake card: beyond these it gives zeros; 0: all are real */
    uint32_t spike_regular;                 /* bool: at multiples of spike_every_ns; else by chance (Poisson) */
} bp_card_model;

/* [OFF] `inner` seen through such a card, with all chance drawn from `seed`. Owns `inner` from then on. */
bp_device *bp_device_card(bp_device *inner, const bp_card_model *model, uint64_t seed);

/* ---- faults ----------------------------------------------------------------------------------- */

typedef enum bp_fault_kind {
    BP_FAULT_SPIKE,      /* the next command takes `ns` longer */
    BP_FAULT_STUCK,      /* busy from at_ns to until_ns: a command waits, and fails once the host's time-out is over */
    BP_FAULT_READ_ERROR, /* reads of the range fail */
    BP_FAULT_WRONG_DATA, /* reads of the range give other bytes, and no error */
    BP_FAULT_REMOVED,    /* no card from at_ns to until_ns (0: until one is inserted) */
    BP_FAULT_INSERTED,   /* the card is back */
    BP_FAULT_READ_ONLY,  /* the switch: writes are refused from at_ns to until_ns (0: for good) */
    BP_FAULT_POWER_CUT,  /* nothing works from at_ns on */
    BP_FAULTS
} bp_fault_kind;

typedef struct bp_fault {
    uint32_t kind;            /* bp_fault_kind */
    uint32_t times;           /* spikes, errors, wrong data: of so many commands; 0: of all until until_ns */
    uint64_t at_ns, until_ns; /* on the device's clock; until_ns 0: no end */
    uint64_t offset, length;  /* bytes of the device that errors and wrong data touch; length 0: all from offset on */
    uint64_t ns;              /* spikes: how long */
} bp_fault;

typedef struct bp_fault_counts {
    uint64_t begun[8];    /* faults whose time has come, as far as a command has noticed */
    uint64_t met[8];      /* of these, how many at least one command met */
    uint64_t commands[8]; /* commands that were late, failed, refused or wrong for it */
    uint64_t waiting;     /* posted, and their time has not come */
} bp_fault_counts;

enum {
    BP_FAULT_QUEUE = 1024,  /* faults posted whose time has not come */
    BP_FAULT_ACTIVE = 1024, /* faults at work at once; more wait in the queue */
};

/* [OFF] `inner` with faults. A command fails when it has waited `timeout_ns` for a busy card. Owns `inner`. */
bp_device *bp_device_faulty(bp_device *inner, uint64_t timeout_ns);
/* [CT] Posts a fault to such a device, in order of at_ns; a time that is past means now. BP_EFULL, BP_EINVAL. */
int bp_faulty_post(bp_device *device, const bp_fault *fault);
/* [OFF] Exchanges the device behind the faults for another, which it owns; the old one is freed. */
int bp_faulty_insert(bp_device *device, bp_device *inner);
/* [CT] */
void bp_faulty_counts(const bp_device *device, bp_fault_counts *out);

/* ---- two cards -------------------------------------------------------------------------------- */

/* [OFF] Two devices as one: offsets from 2^48 on belong to the second. Commands go to one after the other, as the
 * caller issues them. Owns both. */
bp_device *bp_device_pair(bp_device *first, bp_device *second);

/* ---- engine ----------------------------------------------------------------------------------- */

typedef struct bp_config {
    uint32_t rate;                /* frames a second */
    uint32_t max_voices;          /* sounding at once, in units of bp_start.cost; 1 to 4,096 */
    uint32_t max_samples;         /* table size; 1 to 65,536 */
    uint32_t block_bytes;         /* a cache block; a power of two, 512 to 65,536 */
    uint64_t pool_bytes;          /* sample RAM; at least 8 blocks */
    uint32_t fade_frames;         /* every declick fade; a multiple of BP_GRID, BP_GRID to 4,096 */
    uint32_t max_transfer_blocks; /* most blocks that one read command joins; 1 to BP_MOST_JOINED */
    uint32_t max_ahead_blocks;    /* most blocks read ahead for one voice; 2 to 65,536 */
    uint32_t quality;             /* bp_quality */
    uint32_t steal;               /* bp_steal */
    uint32_t path;                /* bp_path */
    uint32_t threaded_reader;     /* 0: rendering steps the reader; 1: a thread calls bp_reader_pump */
    uint32_t schedule;            /* bp_schedule: whom the reader serves next */
    uint32_t on_miss;             /* bp_on_miss */
    uint32_t overload;            /* bp_overload: who gives way when the card cannot keep up */
    uint32_t policy;              /* bp_policy: which block gives way */
    uint32_t dry;                 /* 1: no audio is computed; every decision about data and time stays the same */
    uint32_t measure;             /* 1: slack, ends and states of voices are kept */
    uint32_t trace_records;       /* commands and cache accesses kept between two drains; 0: none */
} bp_config;

typedef struct bp_extent {
    uint64_t offset; /* absolute on the device */
    uint64_t length;
} bp_extent;

typedef struct bp_sample {
    uint64_t data_offset; /* of frame 0, in the file */
    uint64_t frames;      /* 1 to 2^31 - 1 */
    uint32_t channels;    /* 1 or 2 */
    uint32_t rate;        /* 1 to 1,000,000 */
    uint32_t encoding;    /* bp_encoding */
} bp_sample;

typedef enum bp_event_kind { BP_EVENT_START, BP_EVENT_RELEASE, BP_EVENT_STOP, BP_EVENT_STOP_ALL,
                             BP_EVENT_TUNE, BP_EVENT_PIN, BP_EVENT_UNPIN } bp_event_kind;

/* All that a control thread can ask of the voices. Release and stop read kind, frame and tag only;
 * tune also the ratio, to the speed with which the voices of the tag began. Pin and unpin are about the blocks of
 * frames [start, end) of `sample`; what is pinned loads as the card has time, as far as bp_engine_pin has room. */
typedef struct bp_event {
    uint64_t frame; /* when; a frame already rendered means now */
    uint32_t kind;  /* bp_event_kind */
    uint32_t tag;   /* the pad, as the caller counts them */
    uint32_t sample;
    uint32_t start, end; /* region in file frames; end 0: the sample's end */
    uint32_t loop_start;
    uint32_t reverse;   /* bool */
    uint32_t loop;      /* bp_loop */
    uint32_t gate;      /* bool: a release ends the voice; a looped voice is always gated */
    uint32_t retrigger; /* bp_retrigger */
    uint32_t cost;      /* units of max_voices */
    uint32_t group;     /* mute group, 0 none */
    uint32_t priority;  /* the higher, the later the voice gives way */
    uint32_t attack, hold, release; /* frames; hold 0: for ever */
    float gain_left, gain_right;
    double ratio; /* file frames for each frame of time at the file's own rate: 1 plays it as recorded */
} bp_event;

typedef struct bp_underrun {
    uint64_t frame;
    uint32_t tag;
    uint32_t sample;
    uint32_t cause; /* bp_cause */
} bp_underrun;

/* A voice that ended. Slack: output frames until it would have underrun, at its grid points; BP_NO_SLACK for none. */
typedef struct bp_end {
    uint64_t frame, started;
    uint32_t tag, sample;
    uint32_t cause; /* bp_end_cause */
    uint32_t least_slack, p1_slack;
    uint32_t underruns;
} bp_end;

/* A command that the reader gave to the card. */
typedef struct bp_command {
    uint64_t start_ns, done_ns, deadline_ns, offset;
    uint32_t bytes, tag, sample;
    uint32_t depth; /* streams with requests at that moment */
    int32_t status;
} bp_command;

typedef enum bp_voice_mode { BP_MODE_PLAYING, BP_MODE_FADING, BP_MODE_SILENT, BP_MODE_RETURNING } bp_voice_mode;

/* A voice as of the last render. */
typedef struct bp_state {
    uint32_t tag, sample, mode; /* bp_voice_mode */
    uint32_t slack, held, share;
    uint64_t position; /* file frame */
    float level;
} bp_state;

typedef struct bp_counters {
    uint64_t voices, sounding, voices_peak, voices_started, voices_stolen, voices_refused;
    uint64_t underruns, reports_lost;
    uint64_t hits, misses, evictions, resident_blocks, pinned_blocks;
    uint64_t reads, read_bytes, wasted_bytes, busy_ns, read_errors;
    uint64_t retries, failovers, dropped, held_frames;
} bp_counters;

typedef struct bp_preload {
    uint64_t blocks, bytes, ns, errors;
} bp_preload;

typedef struct bp_engine bp_engine;

enum {
    BP_GRID = 64,             /* frames between two decisions about data: residency, reads, evictions */
    BP_EVENT_QUEUE = 4096,    /* events that fit between two renders */
    BP_REPORT_QUEUE = 4096,   /* underruns that fit between two drains */
    BP_MAX_RATIO = 32,        /* fastest playback, file frames for each output frame */
    BP_MOST_JOINED = 1024,    /* blocks in one command: what one system call takes */
    BP_MOST_PRIORITY = 127,
    BP_NO_SLACK = -1,         /* as uint32_t */
};

/* [OFF] Takes every byte that the engine will ever use. The engine does not own `device`. */
int bp_engine_create(const bp_config *config, bp_device *device, bp_engine **engine);
/* [OFF] */
void bp_engine_free(bp_engine *engine);
/* [OFF] Registers a sample whose file lies in `count` extents; returns its number. */
int bp_engine_add_sample(bp_engine *engine, const bp_sample *sample, const bp_extent *extents, uint32_t count);
/* [OFF] Says where the same file lies on the second card of a pair; when the first fails, reads go there. */
int bp_engine_add_mirror(bp_engine *engine, uint32_t sample, const bp_extent *extents, uint32_t count);
/* [OFF] The CRC-32 (zlib's) of each cache block's bytes of a sample's file: what does not match counts as not read. */
int bp_engine_add_checksums(bp_engine *engine, uint32_t sample, const uint32_t *crc, uint32_t count);
/* [OFF] Another card in the slot. What is resident stays; what is being asked for is asked of it. */
void bp_engine_set_device(bp_engine *engine, bp_device *device);
/* [OFF] Pins the blocks of `frames` frames from `first` on; returns how many blocks were newly pinned, which
 * is fewer than asked when half of the pool is pinned already. */
int bp_engine_pin(bp_engine *engine, uint32_t sample, uint64_t first, uint64_t frames);
/* [OFF] Lets the blocks of a sample go back to the LRU order; returns how many were pinned. */
int bp_engine_unpin(bp_engine *engine, uint32_t sample);
/* [OFF] Reads all that is pinned and not yet resident, before time begins. */
int bp_engine_preload(bp_engine *engine, bp_preload *report);
/* [CT] Queues an event; events must come in order of frame. BP_EFULL when the queue has no room. */
int bp_engine_post(bp_engine *engine, const bp_event *event);
/* [CT] Takes at most `most` underrun reports; returns how many. */
int bp_engine_underruns(bp_engine *engine, bp_underrun *out, uint32_t most);
/* [CT] Takes at most `most` records of ended voices, of commands, of blocks that voices asked the cache for (sample
 * << 32 | block), as they were kept under `measure` and `trace_records`; returns how many. */
int bp_engine_ends(bp_engine *engine, bp_end *out, uint32_t most);
int bp_engine_commands(bp_engine *engine, bp_command *out, uint32_t most);
int bp_engine_accesses(bp_engine *engine, uint64_t *out, uint32_t most);
/* [CT] The voices as of the last render, at most `most`, under `measure`; returns how many. One caller at a time. */
int bp_engine_states(bp_engine *engine, bp_state *out, uint32_t most);
/* [CT] The largest magnitude of each channel since it was last asked for, under `measure`. */
void bp_engine_levels(bp_engine *engine, float *left, float *right);
/* [RT] Renders `frames` frames of interleaved stereo into `out` and advances the clock by as many. */
int bp_engine_render(bp_engine *engine, float *out, uint32_t frames);
/* [IO] Serves read requests until none is left or the device is busy beyond the end of the current grid
 * interval, at most `budget` commands; returns how many commands were sent. */
int bp_reader_pump(bp_engine *engine, uint32_t budget);
/* [CT] */
uint64_t bp_engine_frame(const bp_engine *engine);
/* [CT] */
void bp_engine_counters(const bp_engine *engine, bp_counters *out);
/* [CT] The vector path in use: "avx2", "baseline" or "scalar". */
const char *bp_engine_path(const bp_engine *engine);
/* [CT] Bytes taken at start, the pool included. */
uint64_t bp_engine_memory(const bp_engine *engine);

/* ---- playing in real time --------------------------------------------------------------------- */

typedef struct bp_live bp_live;

typedef struct bp_live_report {
    uint64_t blocks, late_blocks; /* late: rendering took longer than the block lasts */
    uint64_t xruns;               /* times that the audio server was not served in time, whoever's fault */
    uint64_t frames_lost;         /* of the tap: nobody read it */
    uint64_t block_frames;        /* of the last block */
    uint64_t p50_ns, p99_ns, p999_ns, longest_ns; /* time to render a block */
    uint64_t late_events;         /* posted when their frame was rendered already */
    uint64_t paused_frames;       /* of silence, played while paused */
    uint32_t realtime;            /* the threads of ours that the system gave real-time priority */
} bp_live_report;

/* [OFF] An engine made with threaded_reader, to be played in real time. NULL otherwise, or without memory. */
bp_live *bp_live_create(bp_engine *engine);
/* [OFF] Stops the threads; the engine stays. */
void bp_live_free(bp_live *live);
/* [CT] A thread that serves read requests. While it is stopped, the control thread may use what is [OFF] for the
 * reader: another device, another card's samples. */
int bp_live_start_reader(bp_live *live);
void bp_live_stop_reader(bp_live *live);
/* [CT] A thread that stands in for an audio server: renders `frames` frames whenever their time has come. */
int bp_live_start_clock(bp_live *live, uint32_t frames);
void bp_live_stop_clock(bp_live *live);
/* [RT] What an audio server's callback calls. */
void bp_live_render(bp_live *live, float *out, uint32_t frames);
/* [RT] A PortAudio stream callback; `live` is its user data. */
int bp_live_callback(const void *input, void *output, unsigned long frames, const void *times, unsigned long flags,
                     void *live);
/* [CT] Keeps the audio thread out of the engine, which then plays silence while time stands still, and stops the
 * reader: until it resumes, what is [OFF] may be done. Waits for at most the block that is being rendered. */
void bp_live_pause(bp_live *live);
/* [CT] Plays on; the reader runs again if it ran. */
int bp_live_resume(bp_live *live);
/* [CT] While paused: plays another engine, of the same rate and made with threaded_reader, from now on. */
int bp_live_exchange(bp_live *live, bp_engine *engine);
/* [CT] An audio server is gone, or may be: should its callback ever come again it plays silence and stays out of the
 * engine, so that a clock can take over. Waits for at most the block that is being rendered. Not to be undone. */
void bp_live_disconnect(bp_live *live);
/* [CT] The frame that is due now, between the blocks' beginnings by the clock. */
uint64_t bp_live_now(const bp_live *live);
/* [CT] Posts `count` events together for one frame: `lead` frames after what is due now, and after the last that was
 * given so, which is stored in *frame also where there are none. BP_EFULL, and none posted, without room for all. */
int bp_live_post(bp_live *live, bp_event *events, uint32_t count, uint32_t lead, uint64_t *frame);
/* [CT] Gives the thread that renders real-time priority where it has none. BP_EINVAL where the system forbids it, or
 * none has rendered yet. That thread must not have ended: call it while an audio server plays. */
int bp_live_prioritise(bp_live *live);
/* [CT] Takes at most `most` frames of what was played, interleaved stereo; returns how many. The first call begins it. */
uint32_t bp_live_read(bp_live *live, float *out, uint32_t most);
/* [CT] */
void bp_live_status(const bp_live *live, bp_live_report *out);

/* ---- measuring --------------------------------------------------------------------------------- */

/* [OFF] The least that any sampler must do, with the instructions of `path`: for each of `voices` streams of
 * 16-bit stereo convert, interpolate, apply a gain, mix, in blocks of 128 frames, for `blocks` blocks over
 * `pcm` (`pcm_frames` frames). Stores the thread's CPU seconds in *seconds. */
int bp_bare_loop(uint32_t path, uint32_t quality, uint32_t voices, uint32_t blocks, const int16_t *pcm,
                 uint64_t pcm_frames, double *seconds, float *checksum);
/* [OFF] Renders `blocks` blocks of 128 frames, which are thrown away, and returns the thread's CPU seconds. */
double bp_render_loop(bp_engine *engine, uint32_t blocks);

#endif
