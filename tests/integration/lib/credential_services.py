"""Services that give credentials out. Each answer with credentials has another key: KEY1, KEY2, …"""

import datetime
import json
from collections import namedtuple
from urllib.parse import parse_qsl

from .service import Service

NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None}


def ends_in(seconds):
    """As both kinds of answers say until when credentials last."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Metadata(Service):
    """Of a container at /role, and of an instance."""

    def __init__(self, *host):
        super().__init__(*host)
        self.given, self.broken, self.has_role, self.lasts_s = 0, False, True, 3600

    def answer(self, handler):
        if handler.command == "PUT":
            handler.say(200, "instance-token")
            return
        instance = handler.headers.get("x-aws-ec2-metadata-token") == "instance-token"
        if self.broken:
            handler.say(500, "")
        elif instance and handler.path == "/latest/meta-data/iam/security-credentials/":
            handler.say(200 if self.has_role else 404, "the-role")
        elif handler.path == "/role" or (instance and handler.path.endswith("/the-role")):
            handler.say(200, self.credentials())
        else:
            handler.say(404, "")

    def credentials(self):
        self.given += 1
        names = {"AccessKeyId": f"KEY{self.given}", "SecretAccessKey": "fetched-secret", "Token": "fetched-token"}
        return json.dumps({"Code": "Success", **names, "Expiration": ends_in(self.lasts_s)})

    def environment(self, kind):
        if kind == "container":
            return {**NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/role"}
        return {**NO_KEYS, "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url, "AWS_EC2_METADATA_DISABLED": None}


Asked = namedtuple("Asked", "form headers path body")


class Sts(Service):
    """STS. refusals: codes that come before them."""

    def __init__(self):
        super().__init__()
        self.asked, self.given, self.refusals, self.lasts_s = [], 0, [], 3600

    def answer(self, handler):
        form = dict(parse_qsl(handler.body, keep_blank_values=True, strict_parsing=True))
        self.asked.append(Asked(form, {name.lower(): value for name, value in handler.headers.items()}, handler.path, handler.body))
        if self.refusals:
            code = self.refusals.pop(0)
            handler.say(400, f"<ErrorResponse><Error><Code>{code}</Code><Message>psst</Message></Error></ErrorResponse>")
            return
        self.given += 1
        fields = {"AccessKeyId": f"KEY{self.given}", "SecretAccessKey": "fetched-secret", "SessionToken": "fetched-token"}
        text = "".join(f"<{name}>{value}</{name}>" for name, value in {**fields, "Expiration": ends_in(self.lasts_s)}.items())
        result = f"{form['Action']}Result"
        handler.say(200, f"<{form['Action']}Response><{result}><Credentials>{text}</Credentials></{result}></{form['Action']}Response>")

    def begin(self):
        """Forgets what it was asked, and counts from the beginning."""
        self.asked, self.given = [], 0
