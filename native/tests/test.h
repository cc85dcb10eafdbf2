/* All that the tests need: a check that is alive in every build, and numbers that are the same in every run. */
#ifndef BP_TEST_H
#define BP_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                               \
    do {                                                                               \
        if (!(condition)) {                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
            exit(1);                                                                   \
        }                                                                              \
    } while (0)

/* xorshift64* (Marsaglia 2003, Vigna 2016). */
static inline uint64_t rnd(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

/* 0 to n - 1. */
static inline uint32_t pick(uint64_t *state, uint32_t n)
{
    return (uint32_t)((rnd(state) >> 32) % n);
}

#endif
