/* The timeline against a voice that walks frame by frame. */
#include "test.h"
#include "timeline.h"

enum { LONG = 60 };

typedef struct {
    int64_t at, step;
    int first_pass;
} walker;

/* One step of the walk: on at the end of a pass, back or round as the loop has it. */
static int walk(walker *w, const bp_region *r)
{
    int64_t low = (int64_t)(w->first_pass ? r->start : r->loop_start), high = (int64_t)r->end - 1;
    if ((w->step > 0 && w->at < high) || (w->step < 0 && w->at > low)) {
        w->at += w->step;
        return 1;
    }
    if (r->loop == BP_LOOP_NONE)
        return 0;
    w->first_pass = 0;
    if (r->loop == BP_LOOP_PING_PONG)
        w->step = -w->step;
    w->at = w->step > 0 ? (int64_t)r->loop_start : high;
    return 1;
}

static void check_region(const bp_region *r)
{
    walker w = {r->reverse ? (int64_t)r->end - 1 : (int64_t)r->start, r->reverse ? -1 : 1, 1};
    uint64_t length = bp_region_length(r);
    for (uint64_t u = 0; u < LONG; u++) {
        bp_piece p = bp_region_piece(r, u);
        CHECK(p.count > 0 && u < length);
        CHECK(p.file == (uint64_t)w.at && p.step == w.step);
        walker ahead = w;
        for (uint64_t i = 0; i < p.count; i++) { /* the whole piece is a straight run */
            CHECK((uint64_t)ahead.at == p.file + (uint64_t)((int64_t)i * p.step) && ahead.step == p.step);
            int more = walk(&ahead, r);
            CHECK(more || i + 1 == p.count);
        }
        if (!walk(&w, r)) {
            CHECK(u + 1 == length && bp_region_piece(r, length).count == 0 && bp_region_piece(r, length + 9).count == 0);
            return;
        }
    }
    CHECK(length == UINT64_MAX || length >= LONG);
}

int main(void)
{
    for (uint32_t kind = 0; kind < 6; kind++)
        for (uint64_t start = 0; start < 4; start++)
            for (uint64_t end = start + 1; end < start + 9; end++)
                for (uint64_t loop_start = start; loop_start < end; loop_start++) {
                    bp_region r = {start, end, loop_start, kind & 1, kind >> 1};
                    check_region(&r);
                }
    bp_region whole = {0, INT32_MAX, 5, 0, BP_LOOP_FORWARD}; /* far out in time */
    CHECK(bp_region_piece(&whole, (1ull << 62)).count > 0);
    return 0;
}
