"""Jobs over processes and over a real Dask cluster: same results, same order, clean ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from measure_cards import booted

from native import CardModel
from sim.errors import InputError
from sim.measure.dry import Conditions
from sim.measure.parallel import RUN_CPUS, WorkerLostError, cores, map_jobs
from sim.measure.risk import risk_curve

ROOT = Path(__file__).resolve().parents[2]


def slow_for_the_first(job: int) -> tuple[int, int]:
    time.sleep(0.3 if job == 0 else 0.0)
    return job, job * job


def where(job: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def fails_late_for_small_ones(job: int) -> int:
    if job in (2, 5):
        time.sleep(0.5 if job == 2 else 0.0)
        raise ValueError(f"job {job}")
    return job


def dies(job: int) -> int:
    os._exit(9)


def sleeps(job: int) -> int:
    time.sleep(120)
    return job


def test_order_is_kept_whatever_runs_them():
    told: list[int] = []
    expected = [(job, job * job) for job in range(20)]
    assert map_jobs(slow_for_the_first, range(20), processes=1) == expected
    assert map_jobs(slow_for_the_first, range(20), processes=2, progress=told.append) == expected
    assert sum(told) == 20


def test_other_processes_do_the_work():
    pids = set(map_jobs(where, range(6), processes=2))
    assert os.getpid() not in pids
    assert map_jobs(where, range(2), processes=1) == [os.getpid()] * 2


def test_no_jobs_are_no_results():
    assert map_jobs(slow_for_the_first, [], processes=4) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_the_first_failure_by_order_is_raised(processes: int):
    with pytest.raises(ValueError, match="job 2"):
        map_jobs(fails_late_for_small_ones, range(8), processes=processes)


def test_a_lost_process_is_told():
    with pytest.raises(WorkerLostError, match="ended from outside"):
        map_jobs(dies, range(2), processes=2)


def test_cores_can_be_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(RUN_CPUS, "3")
    assert cores() == 3
    monkeypatch.setenv(RUN_CPUS, "none")
    with pytest.raises(InputError, match="number of processes"):
        cores()
    monkeypatch.delenv(RUN_CPUS)
    assert cores() >= 1


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("this system has no /proc with children")
    return [int(one) for one in path.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, pids))


def start_sleepers() -> tuple[subprocess.Popen[str], list[int]]:
    """A process of its own whose two workers sleep."""
    code = (
        "from sim.cli.errors import end_on_signals\n"
        "from sim.measure.parallel import map_jobs\n"
        "from test_parallel import sleeps\n"
        "end_on_signals()\n"
        "map_jobs(sleeps, range(2), processes=2)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 30
    while len(found := children(process.pid)) < 3 and time.monotonic() < end:  # and the resource tracker
        time.sleep(0.05)
    time.sleep(1.0)  # let the workers take their jobs
    return process, found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_parent_ends_all(number: int):
    process, found = start_sleepers()
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode != 0
    assert errors.count("Traceback") <= 1  # the parent's own, which the command line turns into a sentence
    assert len(found) >= 2
    assert gone(found)


def test_ctrl_c_in_a_terminal_goes_to_all():
    process, found = start_sleepers()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.count("Traceback") <= 1
    assert "KeyboardInterrupt" in errors or "Ended" in errors
    assert gone(found)


def test_workers_end_with_a_parent_that_was_killed():
    process, found = start_sleepers()
    process.kill()
    process.communicate(timeout=20)
    assert gone(found)


def test_a_cluster_without_dask_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"benchpad\[cluster\]"):
        map_jobs(where, range(2), cluster="tcp://127.0.0.1:1")


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two processes on this machine; yields its address."""
    pytest.importorskip("distributed", reason="dask.distributed is not installed: pip install '.[cluster]'")
    code = (
        "import sys\n"
        "from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as c:\n"
        "        print(c.scheduler_address, flush=True)\n"
        "        sys.stdin.read()\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("tcp://"), "the cluster did not start"
    yield address
    process.communicate("", timeout=30)


def test_a_cluster_gives_the_same(cluster: str):
    told: list[int] = []
    expected = map_jobs(slow_for_the_first, range(12), processes=1)
    assert map_jobs(slow_for_the_first, range(12), cluster=cluster, progress=told.append) == expected
    assert sum(told) == 12
    assert os.getpid() not in set(map_jobs(where, range(4), cluster=cluster))


def test_a_clusters_first_failure_is_raised(cluster: str):
    with pytest.raises(ValueError, match="job 2"):
        map_jobs(fails_late_for_small_ones, range(8), cluster=cluster)


def test_a_risk_curve_is_the_same_on_a_cluster(cluster: str, monkeypatch: pytest.MonkeyPatch):
    device = booted((1, 2))
    conditions = Conditions(card=CardModel(command_us=9000, read_mb_per_s=0.3), voices=8)
    asked = {"runs": 3, "seconds": 30.0}
    monkeypatch.setenv(RUN_CPUS, "1")
    alone = risk_curve(device, conditions, (1 << 19, 1 << 20), **asked)
    assert alone.points[0].failed > 0
    assert risk_curve(device, conditions, (1 << 19, 1 << 20), **asked, cluster=cluster) == alone


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://", "gopher://a:1"])
def test_an_address_where_nobody_answers_is_a_sentence(
    cluster: str, address: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sim.measure.parallel._CLUSTER_SECONDS", 1)
    with pytest.raises(InputError, match="scheduler"):
        map_jobs(where, range(2), cluster=address)
