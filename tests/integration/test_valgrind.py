"""The program that people run, as it is built for them, under valgrind's memcheck: what the sanitizers' build cannot say
of it, and what happens inside the libraries it is linked with. None of these needs a suppression."""

from pathlib import Path

import pytest

from lib import logins
from lib.processes import wait_until
from lib.program import PATIENCE, binary

FINDINGS = 99  # an exit status that the program does not have


@pytest.fixture
def memcheck(tmp_path):
    """Words that come before the program's."""
    data = Path(binary()).read_bytes()
    if b"__asan_init" in data:
        pytest.skip("a program with the address sanitizer cannot run under valgrind")
    log = tmp_path / "valgrind.log"
    yield [
        "valgrind",
        f"--error-exitcode={FINDINGS}",
        f"--log-file={log}",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,indirect,possible",
        "--show-leak-kinds=definite,indirect,possible",
        "--track-origins=yes",
        "--num-callers=30",
    ]
    said = log.read_text()
    assert "ERROR SUMMARY: 0 errors" in said, said[-6000:]


def test_a_drain(make_world, fauxqs, memcheck):
    """Good and bad messages, escapes, dead letters, on a real queue and a real database."""
    world = make_world(fauxqs)
    world.send(logins.make(300, seed=70, bad=0.15, unusual=0.3))
    # One connection: under valgrind a password takes seconds, and a drain does not wait long for its database.
    run = world.program.start("--drain", "--concurrency", "4", "--connections", "1", under=memcheck)
    assert run.wait(3 * PATIENCE) == 3, run.tail()
    assert run.summary()["inserted"] == len(world.good)
    world.check()


def test_a_service_that_meets_faults(world, stub, memcheck):
    """Receives and deletes that fail, a database that goes away, and SIGTERM."""
    stub.fault("ReceiveMessage", "error", status=503, code="ServiceUnavailable", times=1)
    stub.fault("ReceiveMessage", "cut", n=200, times=1, skip=2)
    stub.fault("ReceiveMessage", "again", times=3)
    stub.fault("DeleteMessageBatch", "lost", times=2)
    stub.fault("DeleteMessageBatch", "partial", n=2, code="InternalError", times=2)
    stub.fault("SendMessageBatch", "error", status=500, code="InternalFailure", times=1)
    world.send(logins.make(200, seed=71, bad=0.1))
    run = world.program.start("--visibility-timeout", "5", under=memcheck)
    wait_until(lambda: world.database.count() >= len(world.good) // 2, run.tail, 3 * PATIENCE)
    assert world.database.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
    )
    world.send(logins.make(100, seed=72, bad=0.1))
    wait_until(lambda: world.database.count() == len(world.good), run.tail, 3 * PATIENCE)
    wait_until(world.queue.is_empty, run.tail, 3 * PATIENCE)
    assert run.terminate(3 * PATIENCE) == 0, run.tail()
    world.check(once=False)


@pytest.mark.parametrize("words", [["check"], ["--help"], ["--print-config"], ["mask", "ip=192.0.2.1"], ["schema"]])
def test_the_other_commands(world, memcheck, words):
    run = world.program.start(*words, under=memcheck)
    assert run.wait(PATIENCE) == 0, run.tail()
