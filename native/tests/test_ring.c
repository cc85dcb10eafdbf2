/* The ring: one thread in, one thread out, nothing lost, doubled or torn. */
#include "ring.h"
#include "test.h"

#include <pthread.h>
#include <sched.h>

enum { COUNT = 200000, CAPACITY = 16 };

typedef struct {
    uint32_t number, square, check;
} item;

static item make(uint32_t i)
{
    return (item){i, i * i, ~i};
}

static void *produce(void *context)
{
    bp_ring *r = context;
    for (uint32_t i = 0; i < COUNT;) {
        item x = make(i);
        if (bp_ring_room(r) > 0) {
            CHECK(bp_ring_push(r, &x)); /* nobody else takes the room */
            i++;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

static void threads(uint32_t begin)
{
    static item items[CAPACITY];
    bp_ring r = {.items = (char *)items, .item_bytes = sizeof(item), .mask = CAPACITY - 1};
    atomic_init(&r.head, begin);
    atomic_init(&r.tail, begin);
    pthread_t producer;
    CHECK(pthread_create(&producer, NULL, produce, &r) == 0);
    for (uint32_t i = 0; i < COUNT;) {
        const item *x = bp_ring_peek(&r);
        if (!x) {
            sched_yield();
            continue;
        }
        item expected = make(i++);
        CHECK(memcmp(x, &expected, sizeof expected) == 0);
        bp_ring_drop(&r);
    }
    CHECK(pthread_join(producer, NULL) == 0);
    CHECK(bp_ring_peek(&r) == NULL);
}

static void full_and_empty(void)
{
    item items[4];
    bp_ring r = {.items = (char *)items, .item_bytes = sizeof(item), .mask = 3};
    CHECK(bp_ring_peek(&r) == NULL && bp_ring_room(&r) == 4);
    for (uint32_t i = 0; i < 4; i++) {
        item x = make(i);
        CHECK(bp_ring_push(&r, &x) && bp_ring_room(&r) == 3 - i);
    }
    item more = make(9);
    CHECK(!bp_ring_push(&r, &more));
    CHECK(((const item *)bp_ring_peek(&r))->number == 0);
    bp_ring_drop(&r);
    CHECK(bp_ring_push(&r, &more) && ((const item *)bp_ring_peek(&r))->number == 1);
}

int main(void)
{
    full_and_empty();
    threads(0);
    threads(UINT32_MAX - 1000); /* the counters wrap */
    return 0;
}
