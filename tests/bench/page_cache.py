"""The page cache, filled before something is measured that takes much memory."""

import mmap
import os
import re
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

MORE = 512 << 20  # bytes beyond what is free: the kernel makes room before the last of it is used
PIECE = 16 << 20
POPULATE_READ, COLD = 22, 20  # of madvise, since Linux 5.14 and 5.4

#: What the processes of a container may use, by the second and the first version of control groups.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def meminfo(name):
    """In bytes."""
    return int(re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)[1]) << 10


def size_wanted(limits=LIMITS):
    """Bytes that leave no memory free, as far as the limits in these files allow it."""
    told = [path.read_text().strip() for path in limits if path.exists()]
    return min([meminfo("MemFree") + MORE, *(int(word) for word in told if word.isdigit())])


def read_through(file):
    """The kernel is told not to read ahead as it does in a file that is read from end to end: it would take pages in large
    blocks, and when these are used up make room for more of them, with gigabytes free in smaller ones."""
    piece = bytearray(PIECE)
    with open(file, "rb", buffering=0) as pages:
        os.posix_fadvise(pages.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        while pages.readinto(piece):
            pass


@contextmanager
def mapped(file, size):
    """What takes idle pages from a virtual machine all the time, to give them back to the host, leaves those alone that are
    mapped. They give way to others all the same, and are marked to be the first."""
    with open(file, "rb") as pages, mmap.mmap(pages.fileno(), size, mmap.MAP_SHARED, mmap.PROT_READ) as mapping:
        with suppress(OSError):  # an older kernel: then they are only cached
            mapping.madvise(mmap.MADV_RANDOM)
            mapping.madvise(POPULATE_READ)
            mapping.madvise(COLD)
        yield


@contextmanager
def filled(folder, size):
    """With the pages of a file of this size in it, or as many as there is room for; gives by how many MiB it has grown.

    Free memory of a virtual machine may have to be asked of its host: what nobody has used yet, and what went back to the
    host when it became free. That takes microseconds a page: a long drain becomes slower where such memory begins, and where
    that is depends on what ran before. On a machine that has run for a while next to none is free: the page cache is full,
    and its oldest pages give way.

    The file is one hole, which takes no disk, and stays until the end, because its pages would become free with it. On a file
    system that is itself in memory a hole has no pages, and nothing is filled."""
    file, before = Path(folder) / "page-cache", meminfo("Cached")
    try:
        with open(file, "wb") as hole:
            hole.truncate(size)
        read_through(file)
        grown = max(0, meminfo("Cached") - before)
        with mapped(file, size) if grown > size // 2 else nullcontext():
            yield grown >> 20
    finally:
        file.unlink(missing_ok=True)
