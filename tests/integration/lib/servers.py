"""Real SQS servers on loopback, each on a port of its own, for as long as the tests run."""

import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request

from .processes import TOOLS, Process, free_port, tied, wait_until
from .queues import Sqs

ACCOUNT = "000000000000"

ELASTICMQ = """
include classpath("application.conf")
node-address {{ protocol = http, host = "127.0.0.1", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-hostname = "127.0.0.1", bind-port = {port}, sqs-limits = strict }}
rest-stats {{ enabled = false }}
generate-node-address = false
aws {{ region = us-east-1, accountId = {account} }}
queues {{ }}
"""

# Its command line logs every request, which halves its rate, so it is started as a library.
FAUXQS = "import('fauxqs').then(m => m.startFauxqs({{port: {port}, logger: false, host: '127.0.0.1'}}))"


def tool(path, target):
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: tests/integration/servers/install.sh {target}")
    return path


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


class Server:
    """Started at once, retried on another port if somebody was faster; ready when it answers."""

    def __init__(self, name, folder, command, health, env=None):
        for _ in range(3):
            self.port = free_port()
            self.url = f"http://127.0.0.1:{self.port}"
            words, cwd = command(self.port)
            self.process = Process(
                name, tied(words), folder, env=dict(os.environ, **(env or (lambda port: {}))(self.port)), cwd=cwd
            )
            wait_until(lambda: answers(self.url + health) or not self.process.running(), self.process.tail, every=0.05)
            if self.process.running():
                break
        else:
            raise AssertionError(self.process.tail())
        self.sqs = Sqs(self.url)

    def stop(self):
        self.process.stop()


def ministack(folder):
    program = tool(TOOLS / "ministack/bin/ministack", "ministack")
    return Server(
        "ministack",
        folder,
        lambda port: ([program], folder),
        "/_ministack/health",
        lambda port: {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "sqs,sns,sts,events", "LOG_LEVEL": "WARNING"},
    )


def elasticmq(folder):
    jars = tool(TOOLS / "elasticmq/lib", "elasticmq")

    def command(port):
        config = folder / "elasticmq.conf"
        config.write_text(ELASTICMQ.format(port=port, account=ACCOUNT))
        # One collector thread and the first compiler only: the machine is shared with what is tested.
        return (
            [
                "java",
                "-Xmx512m",
                "-XX:+UseSerialGC",
                f"-Dconfig.file={config}",
                "-cp",
                f"{jars}/*",
                "org.elasticmq.server.Main",
            ],
            folder,
        )

    return Server("elasticmq", folder, command, "/health")


def node():
    """The installed one if it is new enough, else the one that came with the server."""
    own = TOOLS / "fauxqs/node"
    if own.exists():
        return own
    found = shutil.which("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout if found else ""
    if not (match := re.match(r"v(\d+)", version)) or int(match[1]) < 20:
        raise FileNotFoundError("no node >= 20: tests/integration/servers/install.sh fauxqs")
    return found


def fauxqs(folder):
    home = tool(TOOLS / "fauxqs/node_modules", "fauxqs").parent
    return Server("fauxqs", folder, lambda port: ([node(), "-e", FAUXQS.format(port=port)], home), "/health")
