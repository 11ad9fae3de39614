"""A system that refuses: open files, memory, a directory that is gone, standard files that are closed. At the start it is
said clearly; later it is waited for, and nothing is lost."""

import os
import re
import resource

import pytest

from conftest import scaled
from lib import logins
from lib.processes import wait_until
from lib.program import is_sanitized

FLOW = ("--visibility-timeout", "5", "--concurrency", "4")


def standard_files(run):
    """The standard descriptors that it has open."""
    return {number: os.readlink(f"/proc/{run.pid}/fd/{number}") for number in range(3)}


def limit(run, what, soft):
    """Sets another limit for a process that runs; answers the one before."""
    before = resource.prlimit(run.pid, what)
    resource.prlimit(run.pid, what, (soft, before[1]))
    return before[0]


def finish(world, stub, run):
    """What an answer that could not be taken has leased need not be waited for."""

    hurry = stub.hurry(world.queue.name)
    wait_until(
        lambda: hurry() or (world.database.count() == len(world.good) and world.queue.is_empty()), run.tail, every=0.05
    )
    assert run.terminate() == 0, run.tail()
    world.check(once=False)


# ---------------------------------------------------------------------------------------------------------------------
# Open files


@pytest.mark.parametrize("files_max", [4, 7, 40])
def test_too_few_open_files_are_said_at_the_start(world, files_max):
    run = world.program.start(under=["prlimit", f"--nofile={files_max}"])
    assert run.wait() == 1
    assert re.search(rf"no more than {files_max} files .* --concurrency 8 .* raise the limit \(ulimit -n", run.stderr())
    assert len(run.stderr().splitlines()) == 1, run.stderr()


def test_a_soft_limit_of_open_files_is_raised(world):
    world.send(logins.make(200, seed=200))
    run = world.program.start("--drain", "--concurrency", "64", under=["prlimit", "--nofile=20:4096"])
    assert run.wait() in (0, 3), run.tail()
    world.check()


def test_as_many_files_as_are_asked_for_are_enough(world, stub):
    """The limit it asks for, and not one more: every connection that the settings allow is made all the same."""
    stub.settings(latency_ms=20)
    world.send(logins.make(scaled(10_000, 1000), seed=201, bad=0))
    refused = world.program.run("--concurrency", "32", "--connections", "8", under=["prlimit", "--nofile=20"])
    need = int(re.search(r"needs (\d+)", refused.stderr)[1])
    run = world.program.start(
        "--drain", "--concurrency", "32", "--connections", "8", under=["prlimit", f"--nofile={need}"]
    )
    assert run.wait() == 0, run.tail()
    assert not run.events("connect_failed") and not run.events("database_unavailable"), run.tail()
    world.check()


def test_open_files_run_out_and_come_back(world, stub):
    """Every connection is cut, and none can be made in its place. What was received stays in hand or comes back."""
    run = world.program.start(*FLOW)
    run.wait_event("ready")
    world.send(logins.make(200, seed=202, bad=0.02))
    wait_until(lambda: world.queue.is_empty(), run.tail)
    before = limit(run, resource.RLIMIT_NOFILE, 3)
    stub.fault("*", "drop", times=-1)
    world.send(logins.make(scaled(5000, 500), seed=203, bad=0.02))
    run.wait_event("queue_failed")
    world.database.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    run.wait_event("database_unavailable")
    wait_until(
        lambda: any("too many files are open" in event["text"] for event in run.events("database_unavailable")), run.tail
    )
    stub.clear_faults()
    assert "too many files are open" in run.events("queue_failed")[0]["text"]
    limit(run, resource.RLIMIT_NOFILE, before)
    finish(world, stub, run)


# ---------------------------------------------------------------------------------------------------------------------
# Standard files


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_files_that_are_closed(world, closed):
    """No connection may get their numbers: the log would be written into it."""
    world.send(logins.make(100, seed=210, bad=0))
    run = world.program.start("--wait-time", "1", under=["sh", "-c", f'exec "$@" {closed}', "sh"])
    wait_until(lambda: world.database.count() == 100 and world.queue.is_empty(), run.tail)
    standard = standard_files(run)
    assert not [name for name in standard.values() if not name.startswith("/")], standard
    assert run.terminate() == 0
    world.check()


# ---------------------------------------------------------------------------------------------------------------------
# Memory

addresses_are_limited = pytest.mark.skipif(is_sanitized(), reason="a sanitizer takes terabytes of addresses")


@addresses_are_limited
def test_a_start_with_little_memory(world):
    """Whatever the address space is, there is either a line that says what is missing, or the work is done."""
    world.send(logins.make(50, seed=220, bad=0))
    works = False
    for size_mb in [20, 28, 44, 120]:
        run = world.program.start("--drain", under=["prlimit", f"--as={size_mb << 20}"])
        status = run.wait()
        assert status in (0, 1, 127), f"with {size_mb} MiB: {run.tail()}"
        assert status == 0 or run.stderr(), f"with {size_mb} MiB: it says nothing"
        works |= status == 0
    assert works
    world.drain_until_empty()
    world.check()


@addresses_are_limited
def test_memory_runs_out_and_comes_back(world, stub):
    """Little more address space than it has: answers that cannot be held come again, for what they brought is leased."""
    run = world.program.start(*FLOW, "--memory-limit", "1GiB", "--batch-rows", "10000")
    run.wait_event("ready")
    world.send(logins.make(50, seed=221))
    wait_until(lambda: world.queue.is_empty(), run.tail)
    with open(f"/proc/{run.pid}/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    before = limit(run, resource.RLIMIT_AS, size + (16 << 20))
    with world.database.locked():  # so that it takes as many messages as it can
        world.send(large_logins(scaled(400, 80), 222))
        failure = run.wait_event("queue_failed")
    assert failure["error"] == "nomem"
    limit(run, resource.RLIMIT_AS, before)
    finish(world, stub, run)


def large_logins(count, seed):
    """Each of 200 kB that nobody asked for."""
    made = []
    for login in logins.make(count, seed=seed, bad=0, unusual=0):
        login.body = login.body[:-1] + f', "more": "{"x" * 200_000}"}}'
        made.append(login)
    return made


# ---------------------------------------------------------------------------------------------------------------------
# Where it runs


def test_a_directory_that_is_gone(world, tmp_path):
    world.send(logins.make(20, seed=230, bad=0))
    gone = tmp_path / "gone"
    gone.mkdir()
    run = world.program.start(
        "--drain", env={"HOME": "/nonexistent"}, under=["sh", "-c", f'cd {gone} && rmdir {gone} && exec "$@"', "sh"]
    )
    assert run.wait() == 0, run.tail()
    world.check()


def test_a_log_that_may_not_grow(world):
    """ulimit -f: its lines are dropped, the work goes on."""
    world.send(logins.make(500, seed=240, bad=0))
    run = world.program.start("--drain", under=["prlimit", "--fsize=2000"])
    assert run.wait() == 0, run.tail()
    assert len(run.stderr()) <= 2000
    world.check()
