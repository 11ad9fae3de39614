"""A network of its own for the program, in which there is nothing but loopback and the name server is ours. Linux gives such
user, network and mount namespaces to ordinary users too, unless an administrator has forbidden it.

A process inside holds the network. It hands us sockets of that network, so that servers in this process are what the
program finds there, and takes loopback down, when packets are to vanish."""

import fcntl
import functools
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

from .processes import PATIENCE

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
FILES = {"resolv.conf": "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n", "nsswitch.conf": "hosts: dns\n"}
ADDRESSES = ("127.0.0.1", "127.0.0.2")


@functools.cache
def forbidden():
    """Why there can be no such network here; "" when there can."""
    try:
        tried = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    except FileNotFoundError as missing:
        return f"{missing.filename} is not installed"
    return tried.stderr.strip() if tried.returncode else ""


class Network:
    def __init__(self, folder):
        for name, text in FILES.items():
            (folder / name).write_text(text)
        self.ours, theirs = socket.socketpair()
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); from lib import namespaces"
        command = [*UNSHARE, sys.executable, "-c", f"{code}; namespaces.hold({str(folder)!r})"]
        self.holder = subprocess.Popen(command, stdin=theirs)  # which ends when we close ours, or die
        theirs.close()
        self.ours.settimeout(PATIENCE)
        _, fds, _, _ = socket.recv_fds(self.ours, 1, 1 + 2 * len(ADDRESSES))
        questions, *listeners = [socket.socket(fileno=fd) for fd in fds]
        self.names = NameServer(questions)
        #: For each of two ports, a listener on each address.
        self.listeners = listeners[: len(ADDRESSES)], listeners[len(ADDRESSES) :]

    def inside(self):
        """The words before the command of a process there. It keeps its pid."""
        return ["nsenter", f"--target={self.holder.pid}", "--user", "--net", "--mount", "--preserve-credentials"]

    def _tell(self, word):
        self.ours.sendall(word)
        assert self.ours.recv(1) == word

    def vanish(self):
        """From now on no packet arrives, and nobody says so."""
        self._tell(b"-")

    def reappear(self):
        self._tell(b"+")

    def close(self):
        self.names.close()
        self.ours.close()
        self.holder.wait(PATIENCE)


class NameServer:
    """Says what `addresses` says, one of each name or several; of other names that they do not exist; nothing at all while it is silent."""

    def __init__(self, questions):
        self.socket = questions
        self.addresses = {}
        self.silent = False
        self.asked = 0
        self.socket.settimeout(0.1)
        self.open = True
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while self.open:
            try:
                question, client = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            self.asked += 1
            if not self.silent:
                self.socket.sendto(self.answer(question), client)

    def answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack(">H", question[at + 1 : at + 3])[0]
        known = self.addresses.get(".".join(labels), ())
        known = (known,) if isinstance(known, str) else known
        found = known if kind == 1 else ()  # A records
        head = question[:2] + struct.pack(">HHHHH", 0x8580 | (0 if known else 3), 1, len(found), 0, 0)
        records = [b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(address) for address in found]
        return head + question[12 : at + 5] + b"".join(records)

    def close(self):
        self.open = False
        self.thread.join(10)
        self.socket.close()


# ---------------------------------------------------------------------------------------------------------------------
# Inside


def set_loopback(up):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", flags)[1]
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags))


def listen(address, port=0):
    made = socket.socket()
    made.bind((address, port))
    made.listen(1024)
    made.setblocking(False)
    return made


def hold(folder):
    set_loopback(True)
    for name in FILES:
        subprocess.run(["mount", "--bind", f"{folder}/{name}", os.path.realpath(f"/etc/{name}")], check=True)
    questions = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    questions.bind((ADDRESSES[0], 53))
    sockets = [questions]
    for _ in range(2):
        sockets.append(first := listen(ADDRESSES[0]))
        sockets += [listen(address, first.getsockname()[1]) for address in ADDRESSES[1:]]
    with socket.socket(fileno=0) as theirs:
        socket.send_fds(theirs, [b"!"], [one.fileno() for one in sockets])
        for one in sockets:
            one.close()
        while word := theirs.recv(1):
            set_loopback(word == b"+")
            theirs.sendall(word)
