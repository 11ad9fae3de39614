"""HTTP services that answer as a test says."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class IPv6Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


class Service:
    """Answers over HTTP as its answer() says, in threads of its own."""

    def __init__(self, host="127.0.0.1"):
        self.server = (IPv6Server if ":" in host else ThreadingHTTPServer)((host, 0), _handler(self))
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, handler):
        """handler: with the request's body, and say() for the answer."""
        raise NotImplementedError

    def tunnel(self, handler):
        """CONNECT. After 200, what comes through the tunnel is answered here: whoever is asked for, it is this service."""
        handler.say(405, "")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def _handler(service):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            service.answer(self)

        do_PUT = do_POST = do_GET

        def do_CONNECT(self):
            service.tunnel(self)

        def say(self, status, text, headers=None):
            data = text if isinstance(text, bytes) else text.encode()
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args):
            pass

    return Handler
