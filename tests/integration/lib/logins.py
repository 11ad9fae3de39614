"""Logins to send and what must become of them, worked out here a second time and in another language, from the
README's table of keys and columns alone. Everything is a function of a seed."""

import hashlib
import ipaddress
import json
import random
import re
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timezone

INT_MAX = 2**31 - 1

LENGTHS = {"user_id": 128, "device_type": 32, "locale": 32}


@dataclass
class Login:
    body: str
    #: user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date; None when it is rejected.
    #: A create_date of None stands for the day the queue first saw the message.
    row: tuple = None
    reason: str = None
    key: str = None
    #: What must not be found in any log.
    personal: tuple = ()

    @property
    def good(self):
        return self.row is not None


# ---------------------------------------------------------------------------------------------------------------------
# The rules


def canonical_ip(text):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if getattr(address, "scope_id", None):
        return text
    if address.version == 6 and address.ipv4_mapped:  # RFC 5952 §5: the IPv4 part stays in dotted form
        return f"::ffff:{address.ipv4_mapped}"
    return str(address)


def mask(text, method="sha256"):
    return None if text is None else hashlib.new(method, text.encode()).hexdigest()


def version_number(text, method="digits"):
    parts = str(text).split(".")
    if method == "digits":
        return int("".join(parts))
    if method == "major":
        return int(parts[0])
    major, minor, patch = ([int(part) for part in parts] + [0, 0])[:3]
    return major * 10**6 + minor * 10**3 + patch


def utc_date(text):
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc).date()


def expected_row(event, mask_method="sha256", version="digits"):
    """The row of a good event, as a dict of its JSON. Absent, null and the empty string are the same."""
    value = {
        key: None if event.get(key) in (None, "") else event[key]
        for key in ("user_id", "device_type", "ip", "device_id", "locale", "app_version", "create_date")
    }
    return (
        value["user_id"],
        value["device_type"],
        mask(canonical_ip(value["ip"]) if value["ip"] else None, mask_method),
        mask(value["device_id"], mask_method),
        value["locale"],
        None if value["app_version"] is None else version_number(value["app_version"], version),
        utc_date(value["create_date"]) if value["create_date"] else None,
    )


def login(event, text=None, **how):
    """A good one: from a dict, or from another text that stands for the same."""
    personal = tuple(
        value for key in ("ip", "device_id") if isinstance(value := event.get(key), str) and len(value) >= 7
    )
    return Login(text or json.dumps(event, ensure_ascii=False), expected_row(event, **how), personal=personal)


def reject(body, reason, key=None, personal=()):
    return Login(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False), None, reason, key, personal)


# ---------------------------------------------------------------------------------------------------------------------
# Good ones

LOCALES = ["RU", "US", "BR", "pt-BR", "zh_Hant_TW", "", None, None]
DEVICES = ["android", "ios", "iOS", "вэб", None]


def random_ip(rng):
    """Every number has two digits or more, so that none is found by chance in 127.0.0.1 or in a version."""
    if rng.random() < 0.8:
        return ".".join(str(rng.randint(11, 126) if i == 0 else rng.randint(10, 255)) for i in range(4))
    groups = [f"{rng.getrandbits(16):x}" for _ in range(8)]
    if rng.random() < 0.5:
        start = rng.randint(1, 4)
        groups[start : start + 3] = ["0"] * 3
    text = ":".join(group.zfill(4) if rng.random() < 0.3 else group for group in groups)
    return text.upper() if rng.random() < 0.5 else text


def random_device_id(rng):
    return f"{rng.randint(100, 999)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def random_version(rng):
    parts = [str(rng.randint(0, 30)) for _ in range(rng.choice([1, 2, 2, 3, 3, 3]))]
    return rng.choice([".".join(parts)] * 9 + [None])


def random_date(rng):
    day = f"{rng.randint(1970, 2030)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    clock = rng.choice(["", "T23:59:59Z", "T00:30:00+02:00", "T22:15:00-05:00", "T12:00:00.123456", " 06:07:08"])
    return day + clock


def random_event(rng, version=random_version):
    event = {
        "user_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "app_version": version(rng),
        "device_type": rng.choice(DEVICES),
        "ip": random_ip(rng),
        "locale": rng.choice(LOCALES),
        "device_id": random_device_id(rng),
    }
    if rng.random() < 0.3:
        event["create_date"] = random_date(rng)
    if rng.random() < 0.2:
        event["extra"] = {"nobody": ["asked", 1, None]}
    for key in rng.sample(["device_type", "ip", "locale", "device_id"], rng.choice([0, 0, 0, 1])):
        del event[key]
    return event


def unusual_text(rng, event):
    """The same event, written in ways that a JSON parser meets once a year."""
    return rng.choice(
        [
            lambda: json.dumps(event, ensure_ascii=True),
            lambda: json.dumps(event, indent=1).replace("/", "\\/"),
            lambda: (
                "".join(f"\\u{ord(c):04x}" if c.isalpha() and rng.random() < 0.3 else c for c in json.dumps(event))
                if not re.search(r"null|true|false|\\", json.dumps(event))
                else json.dumps(event)
            ),
            lambda: '{"user_id": "the last counts", "user_id": 7, ' + json.dumps(event)[1:],
            lambda: "\n\t " + json.dumps(event) + " \r\n",
        ]
    )()


# ---------------------------------------------------------------------------------------------------------------------
# Bad ones: every way, each (name, body or event, reason, key)


def changed(event, **values):
    return dict(event, **values)


def without(event, key):
    return {name: value for name, value in event.items() if name != key}


def bad_ways(event):
    """Of a good event, all that can be done to it; each with the reason and the key that must be named."""
    text = json.dumps(event)
    plain = [
        ("text", f"login of {event['user_id']}", "not_json", None),
        ("cut", text[:-1], "not_json", None),
        ("trailing comma", text[:-1] + ",}", "not_json", None),
        ("two roots", text + text, "not_json", None),
        ("no value", '{"user_id"}', "not_json", None),
        ("single quotes", text.replace('"', "'"), "not_json", None),
        ("raw newline in a string", text.replace('"user_id": "', '"user_id": "\n', 1), "not_json", None),
        ("bad escape", text.replace('"user_id": "', '"user_id": "\\x', 1), "not_json", None),
        ("leading zero", text[:-1] + ', "n": 012}', "not_json", None),
        ("array", [event], "not_an_object", None),
        ("string", text_of(text), "not_an_object", None),
        ("number", "12", "not_an_object", None),
        ("null", "null", "not_an_object", None),
        ("deep nesting", text[:-1] + ', "deep": ' + "[" * 2000 + "]" * 2000 + "}", "too_large", None),
        ("another kind", {"foo": "oops", "bar": event["user_id"]}, "missing", "user_id"),
        ("no user", without(event, "user_id"), "missing", "user_id"),
        ("null user", changed(event, user_id=None), "missing", "user_id"),
        ("empty user", changed(event, user_id=""), "missing", "user_id"),
    ]
    return plain + bad_values(event)


def text_of(text):
    return json.dumps(text)


def bad_values(event):
    text = json.dumps(event)
    return [
        ("user is a number", changed(event, user_id=7), "wrong_type", "user_id"),
        ("user is an object", changed(event, user_id={"id": event["user_id"]}), "wrong_type", "user_id"),
        ("device is a list", changed(event, device_type=["ios"]), "wrong_type", "device_type"),
        ("ip is a number", changed(event, ip=3232235777), "wrong_type", "ip"),
        ("device id is true", changed(event, device_id=True), "wrong_type", "device_id"),
        ("locale is an object", changed(event, locale={}), "wrong_type", "locale"),
        ("version is a list", changed(event, app_version=[2, 3]), "wrong_type", "app_version"),
        ("date is a number", changed(event, create_date=1684108800), "wrong_type", "create_date"),
        ("long user", changed(event, user_id=event["user_id"] + "ü" * 93), "too_long", "user_id"),
        ("long device", changed(event, device_type="d" * 33), "too_long", "device_type"),
        ("long locale", changed(event, locale="l" * 33), "too_long", "locale"),
        ("large version", changed(event, app_version="2147483.648"), "out_of_range", "app_version"),
        ("larger version", changed(event, app_version="99999999999999999999.1"), "out_of_range", "app_version"),
        ("letters in version", changed(event, app_version="2.x"), "malformed_version", "app_version"),
        ("empty part in version", changed(event, app_version="2..3"), "malformed_version", "app_version"),
        ("sign in version", changed(event, app_version="-2.3"), "malformed_version", "app_version"),
        ("exponent in version", text[:-1] + ', "app_version": 1e3}', "malformed_version", "app_version"),
        ("day that never was", changed(event, create_date="2023-02-29"), "malformed_date", "create_date"),
        ("month first", changed(event, create_date="05/17/2023"), "malformed_date", "create_date"),
        ("words for a date", changed(event, create_date="yesterday"), "malformed_date", "create_date"),
        ("hour 24", changed(event, create_date="2023-05-17T24:61:00Z"), "malformed_date", "create_date"),
        ("NUL", text.replace('"user_id": "', '"user_id": "\\u0000', 1), "bad_text", "user_id"),
        ("lone surrogate", text[:-1] + ', "locale": "\\ud800"}', "bad_text", "locale"),
        ("surrogates turned round", text[:-1] + ', "device_id": "\\udc00\\ud800"}', "bad_text", "device_id"),
    ]


# ---------------------------------------------------------------------------------------------------------------------


def make(count, seed, bad=0.01, unusual=0.05, **how):
    """Logins, about `bad` of them in ways that take turns. With how: mask_method, version."""
    rng = random.Random(seed)
    made, ways = [], 0
    for _ in range(count):
        event = random_event(rng)
        if rng.random() < bad:
            every_way = bad_ways(event)
            _, body, reason, key = every_way[ways % len(every_way)]
            personal = tuple(value for value in (event.get("ip"), event.get("device_id")) if value)
            made.append(reject(body, reason, key, personal))
            ways += 1
        else:
            made.append(login(event, unusual_text(rng, event) if rng.random() < unusual else None, **how))
    return made
