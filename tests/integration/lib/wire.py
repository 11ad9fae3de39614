"""HTTP by hand: what a server answers is looked at byte for byte."""

import http.client
import json
import socket
from datetime import datetime, timezone

from .processes import PATIENCE

GET_URL = {"QueueName": "login-queue"}


class Wire:
    """A connection without a client library: what comes back is looked at byte for byte."""

    def __init__(self, stub):
        self.socket = socket.create_connection(("127.0.0.1", stub.port), timeout=PATIENCE)

    def send(self, operation, body, **headers):
        now = datetime.now(timezone.utc)
        head = {
            "Host": "127.0.0.1",
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "X-Amz-Date": now.strftime("%Y%m%dT%H%M%SZ"),
            "Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c, Signature=d",
        }
        head.update({name.replace("_", "-"): value for name, value in headers.items()})
        data = json.dumps(body).encode() if not isinstance(body, bytes) else body
        head["Content-Length"] = str(len(data))
        lines = [f"{name}: {value}" for name, value in head.items() if value is not None]
        self.socket.sendall("\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode() + data)

    def answer(self):
        """As http.client reads it; it skips 1xx answers other than 101 itself."""
        answer = http.client.HTTPResponse(self.socket, method="POST")
        answer.begin()
        return answer

    def ask(self, operation, body, **headers):
        self.send(operation, body, **headers)
        answer = self.answer()
        return answer, answer.read()

    def everything(self):
        data = b""
        while piece := self.socket.recv(65536):
            data += piece
        return data

    def arrives(self, seconds):
        """Whether anything comes within so many seconds. It stays to be read."""
        self.socket.settimeout(seconds or 0.01)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) != b""
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(PATIENCE)

    def is_closed(self):
        """Waits for it; False when something else comes."""
        return self.socket.recv(1) == b""

    def close(self):
        self.socket.close()
