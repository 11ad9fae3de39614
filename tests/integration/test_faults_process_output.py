"""Nobody reads what the program says, or it cannot be written. The work goes on; lines that had no reader are counted."""

import fcntl
import json
import os
import signal
from contextlib import contextmanager

import pytest

from conftest import scaled
from lib import leaks, logins
from lib.processes import wait_until
from lib.program import check_books, parse_logfmt


@contextmanager
def pipe(size=4096):
    """Both ends as files, with room for so many bytes."""
    ends = os.pipe()
    with open(ends[0], "rb", buffering=0) as reader, open(ends[1], "wb", buffering=0) as writer:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, size)
        yield reader, writer


def read_some(reader):
    """What is there now."""
    os.set_blocking(reader.fileno(), False)
    text = reader.read(1 << 20) or b""
    os.set_blocking(reader.fileno(), True)
    return text.decode()


def stored(world):
    return world.database.count() == len(world.good) and world.queue.is_empty()


# ---------------------------------------------------------------------------------------------------------------------
# stderr


def test_a_log_that_nobody_reads_for_a_while(world, tmp_path):
    """The flow does not wait for the reader. When he comes back he gets whole lines, how many are missing, and the rest."""
    with pipe() as (reader, writer):
        run = world.program.start("--wait-time", "1", stderr=writer)
        writer.close()
        world.send(logins.make(scaled(5000, 1000), seed=300, bad=0.02))
        wait_until(lambda: stored(world), "stored without a reader")
        text = ""

        def told():
            nonlocal text
            text += read_some(reader)
            return "event=log_dropped" in text

        wait_until(told, lambda: text[-2000:])
        world.send(logins.make(20, seed=301, bad=0))
        wait_until(lambda: stored(world), lambda: text[-2000:])
        run.send_signal(signal.SIGTERM)
        text += reader.readall().decode()
        assert run.wait() == 0
    world.check()
    events = parse_logfmt(text)
    assert all("event" in event for event in events), "lines are whole"
    dropped = [int(event["lines"]) for event in events if event["event"] == "log_dropped"]
    assert sum(dropped) > 100
    assert events[-1]["event"] == "summary"
    check_books(events)
    read = tmp_path / "read"
    read.write_text(text)
    world.check_privacy(read)


def test_a_log_that_nobody_reads_does_not_hold_up_the_end(world):
    with pipe() as (_, writer):
        run = world.program.start("--wait-time", "1", stderr=writer)
        world.send(logins.make(200, seed=302, bad=0))
        wait_until(lambda: stored(world), "stored without a reader")
        assert run.terminate(30) == 0
    world.check()


@pytest.mark.long
def test_a_second_signal_ends_it_though_nobody_reads(world, stub):
    with pipe() as (_, writer):
        run = world.program.start("--shutdown-timeout", "600", "--visibility-timeout", "5", stderr=writer)
        wait_until(lambda: world.database.has_table(), "it is ready")
        world.send(logins.make(20, seed=303, bad=0))
        wait_until(lambda: stored(world), "it works")
        with world.database.locked():
            world.send(logins.make(100, seed=304, bad=0))
            wait_until(lambda: world.queue.counts() == (0, 100), "it holds them")
            run.send_signal(signal.SIGTERM)
            wait_until(lambda: not run.running() or not signals_pending(run), "the first is taken")
            run.send_signal(signal.SIGTERM)
            assert run.wait(20) == 128 + signal.SIGTERM
    stub.expire(world.queue.name)
    world.drain_until_empty()
    world.check()


def signals_pending(run):
    with open(f"/proc/{run.pid}/status") as status:
        return any(line.startswith(("SigPnd", "ShdPnd")) and int(line.split()[1], 16) for line in status)


def test_a_log_whose_reader_goes_away(world):
    with pipe() as (reader, writer):
        run = world.program.start("--wait-time", "1", stderr=writer)
        writer.close()
        world.send(logins.make(100, seed=305))
        wait_until(lambda: world.database.count() > 0, "it works")
        reader.close()
        world.send(logins.make(300, seed=306))
        wait_until(lambda: stored(world), "stored without a reader")
        assert run.terminate() == 0
    world.check()


def test_a_log_on_a_full_disk(world):
    world.send(logins.make(300, seed=307, bad=0))
    with open("/dev/full", "w") as log:
        run = world.program.start("--drain", stderr=log)
        assert run.wait() == 0
    assert run.stdout().startswith("drained ")
    world.check()


# ---------------------------------------------------------------------------------------------------------------------
# stdout: a drain's line


def test_a_result_that_cannot_be_written(world):
    """All is stored; that nobody could be told is a failure all the same."""
    world.send(logins.make(100, seed=308, bad=0))
    with open("/dev/full", "w") as full:
        run = world.program.start("--drain", stdout=full)
        assert run.wait() == 1
    assert "stdout cannot be written" in run.stderr()
    assert run.summary()["inserted"] == 100
    world.check()


def test_a_result_that_nobody_waits_for(world):
    """As in `loginetl --drain | true`."""
    world.send(logins.make(100, seed=309, bad=0))
    with pipe() as (reader, writer):
        run = world.program.start("--drain", stdout=writer)
        writer.close()
        reader.close()
        assert run.wait() == 1
    assert "stdout cannot be written" in run.stderr()
    world.check()


def test_both_in_one_pipe_that_closes(world):
    world.send(logins.make(100, seed=310, bad=0))
    with pipe() as (reader, writer):
        run = world.program.start("--drain", stdout=writer, stderr=writer)
        writer.close()
        reader.close()
        assert run.wait() == 1
    world.check()


def test_no_output_holds_a_secret(world, stub):
    """Neither keys nor passwords nor receipt handles, whatever level the log has and however much goes wrong."""
    token, secret = "FwoGZXIvYXdzEBYaDExampleTokenExampleToken", world.program.env["AWS_SECRET_ACCESS_KEY"]
    stub.settings(recorded=4000)
    world.send(logins.make(300, seed=311, bad=0.1))
    for operation in ["ReceiveMessage", "DeleteMessageBatch", "SendMessageBatch", "ChangeMessageVisibilityBatch"]:
        stub.fault(operation, "error", status=400, code="ReceiptHandleIsInvalid", text=f"{secret} is wrong", times=2)
        stub.fault(operation, "error", status=500, text=f"the token {token}", times=2)
    run = world.program.start("--visibility-timeout", "5", env={"AWS_SESSION_TOKEN": token})
    hurry = stub.hurry(world.queue.name)
    wait_until(lambda: hurry() or stored(world), run.tail, every=0.05)
    assert run.terminate() == 0
    world.check(once=False)
    bodies = [request["body"] for request in stub.requests()]
    handles = {entry["ReceiptHandle"] for body in bodies if "ReceiptHandle" in body for entry in entries(body)}
    assert len(handles) > 100
    password = world.database.url.split(":")[2].split("@")[0]
    # Half of a handle is as good as all of it to whoever looks for them in a log.
    found = leaks.find(world.program.output_paths(), {secret, token, password, *(handle[:40] for handle in handles)})
    assert not found


def entries(body):
    return [entry for entry in json.loads(body)["Entries"] if "ReceiptHandle" in entry]
