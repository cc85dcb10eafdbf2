"""Chains as runs: lists of (first cluster, count), in the order of the chain."""

from __future__ import annotations

from itertools import pairwise

Runs = list[tuple[int, int]]


def to_runs_in_order(clusters: list[int]) -> Runs:
    """Clusters of a chain, in its order, as (first, count)."""
    runs: Runs = []
    for cluster in clusters:
        if runs and cluster == runs[-1][0] + runs[-1][1]:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((cluster, 1))
    return runs


def length(runs: Runs) -> int:
    """How many clusters."""
    return sum(count for _, count in runs)


def cut(runs: Runs, count: int) -> Runs:
    """The first ``count`` clusters."""
    out: Runs = []
    for first, many in runs:
        if count <= 0:
            break
        out.append((first, min(many, count)))
        count -= many
    return out


def split(runs: Runs, count: int) -> tuple[Runs, Runs]:
    """The first ``count`` clusters, and the rest."""
    out: Runs = []
    for i, (first, many) in enumerate(runs):
        part = min(many, count)
        if part:
            out.append((first, part))
        count -= part
        if count == 0 and part < many:
            return out, [(first + part, many - part), *runs[i + 1 :]]
    return out, []


def nth(runs: Runs, count: int) -> int:
    """The ``count``-th cluster of a chain, from 1 on; -1 where it is not so long."""
    for first, many in runs:
        if count <= many:
            return first + count - 1
        count -= many
    return -1


def before(runs: Runs, cluster: int) -> int:
    """The cluster that comes before another in a chain; -1 for the first, the last where it is not in it."""
    last = -1
    for first, count in runs:
        if first <= cluster < first + count:
            return cluster - 1 if cluster > first else last
        last = first + count - 1
    return last


def overlap(one: Runs, other: Runs) -> bool:
    """Whether two chains, or one with itself, have a cluster in common."""
    spans = sorted((first, first + count) for first, count in (*one, *other))
    return any(a[1] > b[0] for a, b in pairwise(spans))


def holds(runs: Runs, cluster: int) -> bool:
    """Whether a cluster is in a chain."""
    return any(first <= cluster < first + count for first, count in runs)


def joined(runs: Runs) -> Runs:
    """The same chain with neighbours in one run."""
    out: Runs = []
    for first, count in runs:
        if out and out[-1][0] + out[-1][1] == first:
            out[-1] = (out[-1][0], out[-1][1] + count)
        else:
            out.append((first, count))
    return out
