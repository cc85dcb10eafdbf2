"""The best hit rate that any cache could have: Belady's optimum.

Of all replacement rules for a cache of equal blocks, the one that gives up the block whose next use lies
furthest in the future has the fewest misses (L. A. Belady, "A study of replacement algorithms for a
virtual-storage computer", IBM Systems Journal 5(2), 1966; R. L. Mattson et al., IBM Systems Journal 9(2),
1970). It needs to know the future, so it is a bound for what a device can do, not a choice.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numpy.typing import ArrayLike, NDArray


def next_uses(trace: ArrayLike) -> NDArray[np.int64]:
    """For each access of ``trace`` (keys, shape (n,)) the index of the next one to the same key; n: none."""
    keys = np.asarray(trace)
    count = len(keys)
    order = np.argsort(keys, kind="stable")
    following = np.full(count, count, np.int64)
    same = keys[order[1:]] == keys[order[:-1]]
    following[order[:-1][same]] = order[1:][same]
    return following


def optimal_hits(trace: ArrayLike, blocks: int) -> int:
    """The most hits that a cache of ``blocks`` blocks, empty at first, can have on ``trace``.

    Every block that is asked for is taken in, as a voice plays from the cache alone. The heap holds next
    uses; those that have passed are smaller than all that count, so the greatest is always a held block's.
    O(n log n) for n accesses.
    """
    if blocks < 1:
        raise ValueError("a cache has at least one block")
    following = next_uses(trace)
    count = len(following)
    held = bytearray(count)  # by the access at which a block that is held will be asked for next
    heap: list[int] = []
    hits = used = useless = 0  # useless: held, and never asked for again
    for now, after in enumerate(following.tolist()):
        if held[now]:
            hits += 1
        elif used < blocks:
            used += 1
        elif useless:
            useless -= 1
        else:
            held[-heappop(heap)] = 0
        if after < count:
            held[after] = 1
            heappush(heap, -after)
        else:
            useless += 1
    return hits


def optimal_hit_rate(trace: ArrayLike, blocks: int) -> float:
    """`optimal_hits` as a part of all accesses; 0 for none."""
    count = len(np.asarray(trace))
    return optimal_hits(trace, blocks) / count if count else 0.0
