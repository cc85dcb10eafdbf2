"""Many jobs over all cores, or over a Dask cluster. The results are the same whatever ran them.

A job is a pure function of one argument: a function that can be imported by its name, arguments and
results that can be pickled, everything left to chance seeded by the argument. Results come in the order of
the arguments.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

from sim.errors import InputError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
Progress = Callable[[int], None]
_CLUSTER_SECONDS = 20  # to reach a scheduler

RUN_CPUS = "BENCHPAD_CPUS"  # the environment may say how many processes to use


class WorkerLostError(OSError):
    """A process that ran jobs ended before it was done."""


def map_jobs(
    function: Callable[[_Job], _Result],
    jobs: Sequence[_Job],
    *,
    cluster: str | None = None,
    processes: int | None = None,
    progress: Progress = lambda done: None,
) -> list[_Result]:
    """``[function(job) for job in jobs]``, spread over ``processes`` (None: all cores) or a Dask cluster.

    ``cluster`` is the address of a Dask scheduler, such as ``tcp://host:8786``. ``progress`` is told 1 for
    each job done. The first job (by order) that raised has its exception raised here, and the others are
    given up.
    Raises InputError where the cluster cannot be used, WorkerLostError where a process died.
    """
    if cluster is not None:
        return _on_cluster(function, jobs, cluster, progress)
    wanted = min(processes or cores(), len(jobs))
    if wanted <= 1:
        return [_told(function(job), progress) for job in jobs]
    return _on_processes(function, jobs, wanted, progress)


def cores() -> int:
    """Processors that this process may use; ``BENCHPAD_CPUS`` in the environment says otherwise."""
    said = os.environ.get(RUN_CPUS, "")
    if said:
        if not said.isascii() or not said.isdigit() or not 1 <= int(said) <= 4096:
            raise InputError(f"{RUN_CPUS}={said!r} is not a number of processes from 1 to 4096")
        return int(said)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _told(result: _Result, progress: Progress) -> _Result:
    progress(1)
    return result


# ---- processes of this machine ----


def _on_processes(
    function: Callable[[_Job], _Result], jobs: Sequence[_Job], processes: int, progress: Progress
) -> list[_Result]:
    with _pool(processes) as pool:
        futures = [pool.submit(function, job) for job in jobs]
        try:
            for done in as_completed(futures):
                if done.exception() is not None:
                    break
                progress(1)
            return _in_order(futures)
        except BrokenProcessPool as error:
            raise WorkerLostError(
                "a process that ran part of the work was ended from outside; there may be too little memory:"
                f" set {RUN_CPUS} to use fewer processes"
            ) from error


def _in_order(futures: Sequence[Future[_Result]]) -> list[_Result]:
    """The results; raises what the first job that failed raised, the same whichever failed first in time."""
    return [future.result() for future in futures]


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes, which inherit nothing by accident; none is left behind, whatever happens."""
    before = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=spawn, initializer=_begin_worker)
    try:
        yield pool
    except BaseException:
        for worker in set(multiprocessing.active_children()) - before:
            worker.terminate()
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown(wait=True)


def _begin_worker() -> None:
    """A worker ends at once on Ctrl-C, without a word, and when the process that it works for is gone."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


# ---- a Dask cluster ----


def _on_cluster(
    function: Callable[[_Job], _Result], jobs: Sequence[_Job], address: str, progress: Progress
) -> list[_Result]:
    try:
        distributed = import_module("distributed")  # an extra, and slow to import
    except ImportError:
        raise InputError(
            "--cluster needs Dask, which is not installed: pip install 'benchpad[cluster]'"
        ) from None
    with _client(distributed, address) as client:
        futures = client.map(function, list(jobs), pure=False)
        try:
            for done in distributed.as_completed(futures, loop=client.loop):
                if done.status != "finished":
                    break
                progress(1)
            return [future.result() for future in futures]
        except BaseException:
            client.cancel(futures)
            raise


@contextmanager
def _client(distributed: Any, address: str) -> Iterator[Any]:
    try:
        client = distributed.Client(address, timeout=_CLUSTER_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address!r}; write for example tcp://host:8786"
        ) from error
    try:
        if not client.scheduler_info()["workers"]:
            raise InputError(f"the Dask scheduler at {address} has no workers; start some with: dask worker")
        yield client
    finally:
        client.close()
