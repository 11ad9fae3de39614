"""What stands behind the password of a database on AWS: a directory that takes the token and no password. PostgreSQL asks it by
LDAP, which hands a password of any length over as it came."""

import datetime
import socketserver
import threading
import urllib.parse

import botocore.auth
from botocore.session import Session
from pytest import MonkeyPatch

SUFFIX = ",dc=iam"
INVALID_CREDENTIALS = 49


def read_ber(data):
    """(tag, content, what follows) of one BER element."""
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    return tag, data[at : at + length], data[at + length :]


def ber(tag, *contents):
    content = b"".join(contents)
    assert len(content) < 128
    return bytes((tag, len(content))) + content


class Handler(socketserver.StreamRequestHandler):
    def message(self):
        head = self.rfile.read(2)
        if len(head) < 2:
            return b""
        more = self.rfile.read(head[1] & 0x7F) if head[1] & 0x80 else b""
        return head + more + self.rfile.read(int.from_bytes(more, "big") if more else head[1])

    def handle(self):
        while message := self.message():
            _, number, rest = read_ber(read_ber(message)[1])
            tag, bind, _ = read_ber(rest)
            if tag != 0x60:  # not a bind
                return
            name, rest = read_ber(read_ber(bind)[2])[1:]
            password = read_ber(rest)[1]
            code = self.server.directory.bind(name.decode(), password.decode())
            answer = ber(0x61, ber(0x0A, bytes((code,))), ber(0x04), ber(0x04))
            self.wfile.write(ber(0x30, ber(0x02, number), answer))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


class Directory:
    def __init__(self):
        self.tokens, self.faults = [], []  # that were taken; why others were not
        self.refusing = False
        self.skew_s = 0  # what AWS's clock is ahead of this machine's
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.directory = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def expect(self, keys, host, port, region):
        """Whose tokens are good, and for which server. keys: the variables' names and values."""
        session = Session()
        words = (keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys.get("AWS_SESSION_TOKEN"))
        session.set_credentials(*words)
        self.client = session.create_client("rds", region)
        self.host, self.database_port, self.region = host, port, region
        self.tokens, self.faults, self.refusing, self.skew_s = [], [], False, 0

    def hba(self, user):
        """The line of pg_hba.conf by which the user is asked for a token."""
        where = f'ldapserver=127.0.0.1 ldapport={self.port} ldapprefix="cn=" ldapsuffix="{SUFFIX}"'
        return f'hostssl all "{user}" all ldap {where}'

    def fault(self, user, token):
        """What AWS would find wrong with it."""
        dates = urllib.parse.parse_qs(token).get("X-Amz-Date")
        if not dates:
            return "no token"
        moment = datetime.datetime.strptime(dates[0], "%Y%m%dT%H%M%SZ")
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(seconds=self.skew_s)
        age = now - moment
        if abs(age) > datetime.timedelta(minutes=15):
            return f"its age is {age}"
        with MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
            wanted = self.client.generate_db_auth_token(self.host, self.database_port, user, self.region)
        return None if token == wanted else f"{token} is not {wanted}"

    def bind(self, name, token):
        assert name.startswith("cn=") and name.endswith(SUFFIX), name
        fault = "told to refuse" if self.refusing else self.fault(name[3 : -len(SUFFIX)], token)
        if fault:
            self.faults.append(fault)
            return INVALID_CREDENTIALS
        self.tokens.append(token)
        return 0

    def close(self):
        self.server.shutdown()
        self.server.server_close()
