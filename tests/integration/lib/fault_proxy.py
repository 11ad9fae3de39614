"""A TCP proxy that misbehaves on demand, between the program and its queue or its database, one for each.

It is a thread with an event loop, so that faults begin and end while connections are open. What it did is counted in
`count`, because a fault that never happened proves nothing.

    proxy.answers.set(latency=1)                        what the server says comes a second later
    proxy.answers.cut(lambda: 100, RESET, times=5)      the next five connections, each after 100 more bytes
    proxy.hold(), proxy.resume()                        nothing goes through, and nothing is closed
    proxy.refuse(), proxy.ignore(), proxy.accept()      what becomes of who connects
    proxy.cut_all(RESET)                                every connection that is there
"""

import asyncio
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress

CLOSE, RESET, HALF = "close", "reset", "half"  # how a connection is cut; HALF: only towards who reads
CHUNK = 65536
PIECES_A_SECOND = 20  # under a limited rate
BACKLOG = 1024


class Cut(Exception):
    """Ends a connection; its argument says how."""


class Direction:
    """What is wrong with one direction of all connections, now."""

    def __init__(self, name):
        self.name = name
        self.latency = 0  # seconds
        self.rate = 0  # bytes a second, of all connections together; 0: any
        self.slice = 0  # bytes a packet; 0: as they come
        self.after = self.how = None
        self.only = b""  # cuts wait for an exchange whose question has this in it
        self.cuts = self.armed = 0  # cuts to come; how often cut() was called
        self.free_at = 0  # when the rate lets the next piece through
        self.flowing = asyncio.Event()
        self.flowing.set()

    def set(self, **values):
        for name, value in values.items():
            assert name in ("latency", "rate", "slice"), name
            setattr(self, name, value)

    def cut(self, after, how=CLOSE, times=1, only=b""):
        """after: () → how many bytes still pass."""
        self.after, self.how, self.cuts, self.only = after, how, times, only
        self.armed += 1


def open_socket(host, port):
    made = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        made.setsockopt(socket.SOL_SOCKET, option, 1)
    made.bind((host, port))
    made.setblocking(False)
    return made


def close_socket(end, how):
    with suppress(OSError):
        if how == RESET:  # not to linger means RST instead of FIN
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()


class FaultProxy:
    def __init__(self, port, listener=None, buffer=0):
        """To a port of this machine. listener: a socket that listens already, in another network perhaps. buffer: how much a
        connection takes in before its sender has to wait, when that matters."""
        self.target, self.given, self.buffer = port, listener, buffer
        self.questions, self.answers = Direction("questions"), Direction("answers")
        self.reset_on_close = False
        self.count = Counter()
        self.connections = {}  # task → how it was told to end
        self.keeper = listener or open_socket("127.0.0.1", 0)  # keeps the number while nobody listens on it
        self.host, self.port = self.keeper.getsockname()
        self.listener = self.acceptor = None
        self.fillers = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.accept()

    def _do(self, work, *args):
        """In the loop's thread, to its end."""

        async def call():
            return work(*args)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(60)

    # Whether it can be reached

    def accept(self):
        self._do(self._listen, BACKLOG)

    def refuse(self):
        """Who is connected stays."""
        assert not self.given
        self._do(self._deafen)

    def ignore(self):
        """Connecting hangs: the listener's backlog is full and nobody takes from it, so that no SYN is answered."""

        assert not self.given

        def work():
            self._listen(0)
            self.acceptor.cancel()
            for _ in range(2):
                self.fillers.append(socket.socket())
                self.fillers[-1].setblocking(False)
                self.fillers[-1].connect_ex((self.host, self.port))

        self._do(work)

    def _deafen(self):
        if self.acceptor:
            self.acceptor.cancel()
            self.loop.remove_reader(self.listener)
            self.listener.close()
        for filler in self.fillers:
            filler.close()
        self.listener, self.acceptor, self.fillers = None, None, []

    def _listen(self, backlog):
        self._deafen()
        self.listener = self.given.dup() if self.given else open_socket(self.host, self.port)
        self.listener.setblocking(False)
        if self.buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
        if not self.given:
            self.listener.listen(backlog)
        self.acceptor = self.loop.create_task(self._accept_all(self.listener))

    async def _accept_all(self, listener):
        while True:
            client, _ = await self.loop.sock_accept(listener)
            self.count["connections"] += 1
            task = self.loop.create_task(self._serve(client))
            self.connections[task] = CLOSE
            task.add_done_callback(self.connections.pop)

    # What is the same for both directions

    def set(self, **values):
        self.questions.set(**values)
        self.answers.set(**values)

    def hold(self):
        self._do(self.questions.flowing.clear)
        self._do(self.answers.flowing.clear)

    def resume(self):
        self._do(self.questions.flowing.set)
        self._do(self.answers.flowing.set)

    def heal(self):
        """Nothing is wrong from now on."""
        self.set(latency=0, rate=0, slice=0)
        self.questions.cuts = self.answers.cuts = 0
        self.reset_on_close = False
        self.resume()
        self.accept()

    def cut_all(self, how=CLOSE):
        def work():
            for task in self.connections:
                self.connections[task] = how
                task.cancel()
                self.count[how] += 1

        self._do(work)

    def stop(self):
        def work():
            self._deafen()
            for task in self.connections:
                task.cancel()
            return list(self.connections)

        for task in self._do(work):
            with suppress(asyncio.CancelledError):
                asyncio.run_coroutine_threadsafe(asyncio.wait([task]), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(60)
        self.loop.close()
        self.keeper.close()

    # One connection

    async def _connect(self):
        server = socket.socket()
        server.setblocking(False)
        await self.loop.sock_connect(server, ("127.0.0.1", self.target))
        return server

    async def _serve(self, client):
        ends, ways, how, link = [client], [], CLOSE, {"asked": b""}
        try:
            client.setblocking(False)
            ends.append(server := await self._connect())
            for end in ends:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = [
                self.loop.create_task(self._carry(way, source, sink, link))
                for way, source, sink in ((self.questions, client, server), (self.answers, server, client))
            ]
            await asyncio.gather(*ways)
        except Cut as cut:
            how = cut.args[0]
        except OSError:
            how = RESET  # as one of the two ends did
        except asyncio.CancelledError:
            how = self.connections[asyncio.current_task()]
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in ends:
                close_socket(end, how)

    async def _carry(self, way, source, sink, link):
        """Reading and writing apart, or a latency would be a limit of the rate as well."""
        pieces = asyncio.Queue(64 if way.latency else 1)
        writer = self.loop.create_task(self._write_all(way, pieces, sink, link))
        try:
            while data := await self.loop.sock_recv(source, CHUNK):
                if way is self.questions:
                    link["asked"] = data
                await self._put(pieces, writer, (self.loop.time() + way.latency, data))
            await self._put(pieces, writer, (self.loop.time() + way.latency, b""))
            await writer
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _put(self, pieces, writer, piece):
        """Unless the writer has failed, which is then raised from here."""
        putting = self.loop.create_task(pieces.put(piece))
        try:
            await asyncio.wait([putting, writer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            putting.cancel()
        if writer.done():
            writer.result()

    async def _write_all(self, way, pieces, sink, link):
        state = {"armed": 0, "left": 0, "mute": False}
        while True:
            due, data = await pieces.get()
            if due > self.loop.time():
                self.count["delayed"] += 1
                await asyncio.sleep(due - self.loop.time())
            if not data:
                await self._hold(way)
                self._finish(sink, state)
                return
            for piece in self._pieces(way, data):
                await self._hold(way)
                await self._wait_for_rate(way, len(piece))
                await self._write(way, piece, sink, state, way.only in link["asked"])

    def _pieces(self, way, data):
        size = way.slice or (max(1, way.rate // PIECES_A_SECOND) if way.rate else CHUNK)
        return (data[at : at + size] for at in range(0, len(data), size))

    async def _hold(self, way):
        if not way.flowing.is_set():
            self.count["held"] += 1
            await way.flowing.wait()

    async def _wait_for_rate(self, way, size):
        if way.rate:
            self.count["throttled"] += 1
            way.free_at = max(way.free_at, self.loop.time()) + size / way.rate
            await asyncio.sleep(way.free_at - self.loop.time())

    async def _write(self, way, piece, sink, state, meant):
        if state["mute"]:
            return
        if meant and way.cuts > 0 and state["armed"] != way.armed:
            state.update(armed=way.armed, left=way.after())
        cut = meant and way.cuts > 0 and len(piece) >= state["left"]
        rest = piece[: state["left"]] if cut else piece
        state["left"] -= len(piece)
        if rest:
            await self.loop.sock_sendall(sink, rest)
            self.count[way.name] += len(rest)
            self.count["sliced"] += len(rest) == way.slice
        if cut:
            self._cut(way, sink, state)

    def _cut(self, way, sink, state):
        way.cuts -= 1
        self.count[way.how] += 1
        if way.how != HALF:
            raise Cut(way.how)
        sink.shutdown(socket.SHUT_WR)
        state["mute"] = True

    def _finish(self, sink, state):
        if self.reset_on_close:
            self.count[RESET] += 1
            raise Cut(RESET)
        if not state["mute"]:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)
