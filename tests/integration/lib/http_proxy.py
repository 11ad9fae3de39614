"""A proxy for HTTP's CONNECT that says what it was asked for, and may want a password."""

import base64
import select
import socket
import socketserver
import threading


def relay(one, other):
    ends = {one: other, other: one}
    while True:
        for ready in select.select(list(ends), [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            ends[ready].sendall(data)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        proxy = self.server.proxy
        request = self.rfile.readline().decode().split()
        headers = {}
        while line := self.rfile.readline().strip().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        proxy.asked.append(" ".join(request[:2]))
        wanted = proxy.login and "Basic " + base64.b64encode(proxy.login.encode()).decode()
        if wanted != headers.get("proxy-authorization", None):
            proxy.refused += 1
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = request[1].rpartition(":")
        with socket.create_connection((proxy.names.get(host, host), int(port))) as server:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                relay(self.connection, server)
            except OSError:
                pass  # an end has gone, as ends do


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


class HttpProxy:
    """login: "user:password" that it wants; names: the addresses of hosts that only it knows."""

    def __init__(self, login=None, **names):
        self.login, self.names = login, names
        self.asked, self.refused = [], 0
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.proxy = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, login=None):
        return f"http://{login + '@' if login else ''}127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
