"""What a login becomes: a row of user_logins from a message of the queue."""

import ipaddress
import json
import re
from datetime import date, datetime, timezone
from hashlib import sha256

LENGTHS = (("user_id", 128), ("device_type", 32), ("locale", 32))
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
INT_MAX = 2**31 - 1


class BadLogin(ValueError):
    """Cannot become a row; says which key and never its value."""


def text(event, key):
    """Absent, null and the empty string are the same."""
    value = event.get(key)
    if value is None or value == "":
        return None
    if type(value) is not str or "\0" in value:
        raise BadLogin(key)
    return value


def mask(value):
    return None if value is None else sha256(value.encode()).hexdigest()


def canonical_ip(value):
    """RFC 5952 for IPv6; another text stays as it is."""
    if value is None or ":" not in value:
        return value
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return value
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else str(address)


def version_number(value):
    """2.3.0 is 230."""
    if value is None or value == "":
        return None
    value = str(value)
    if not VERSION.fullmatch(value):
        raise BadLogin("app_version")
    number = int(value.replace(".", ""))
    if number > INT_MAX:
        raise BadLogin("app_version")
    return number


def day(value, sent_ms):
    """The event's own date, in UTC, or the day on which the queue got it."""
    if value is None:
        return datetime.fromtimestamp(sent_ms / 1000, timezone.utc).date()
    try:
        if len(value) == 10:
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise BadLogin("create_date") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc).date()


def row_of(message):
    """(user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)"""
    try:
        event = json.loads(message["Body"], parse_float=str)
        if type(event) is not dict:
            raise BadLogin("not an object")
        user_id, device_type, locale = (text(event, key) for key, _ in LENGTHS)
        if user_id is None:
            raise BadLogin("user_id")
        for value, (key, length) in zip((user_id, device_type, locale), LENGTHS):
            if value is not None and len(value) > length:
                raise BadLogin(key)
        return (
            user_id,
            device_type,
            mask(canonical_ip(text(event, "ip"))),
            mask(text(event, "device_id")),
            locale,
            version_number(event.get("app_version")),
            day(text(event, "create_date"), int(message["Attributes"]["SentTimestamp"])),
        )
    except json.JSONDecodeError:
        raise BadLogin("not JSON") from None
    except UnicodeEncodeError:
        raise BadLogin("a lone surrogate") from None
