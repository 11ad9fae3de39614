"""The part of boto3's client for SQS that the tests use, in the Query protocol: boto3 itself speaks JSON only by now, and
some servers do not."""

import urllib.error
import urllib.request
from urllib.parse import urlencode
from xml.etree import ElementTree

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class QueryError(Exception):
    """What the server refused, with its code."""


def numbered(prefix, members):
    return {f"{prefix}.{number}": member for number, member in enumerate(members, 1)}


def entries_of(name, entries):
    """As a form has them: an entry's number and its field make one name."""
    form = {}
    for number, entry in enumerate(entries, 1):
        form |= {f"{name}.{number}.{field}": value for field, value in entry.items()}
    return form


def pairs(element, tag, value):
    """<tag><Name/><Value/></tag> as a dict."""
    return {one.findtext("Name"): value(one.find("Value")) for one in element.iter(tag)}


def fields(element):
    return {field.tag: field.text or "" for field in element}


class QueryClient:
    def __init__(self, url, key, secret, region):
        self.url, self.region = url, region
        self.credentials = Credentials(key, secret)

    def call(self, action, **form):
        body = urlencode({"Action": action, "Version": "2012-11-05", **form})
        request = AWSRequest("POST", self.url + "/", {"Content-Type": "application/x-www-form-urlencoded"}, body)
        SigV4Auth(self.credentials, "sqs", self.region).add_auth(request)
        signed = urllib.request.Request(self.url + "/", body.encode(), dict(request.headers.items()))
        try:
            with urllib.request.urlopen(signed, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise QueryError(f"{action}: {error.code} {error.read()[:300]}") from None
        root = ElementTree.fromstring(text.strip())  # a server's template may begin with an empty line
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def _batch(self, action, queue, entries):
        root = self.call(f"{action}Batch", QueueUrl=queue, **entries_of(f"{action}BatchRequestEntry", entries))
        return {
            "Successful": [fields(one) for one in root.iter(f"{action}BatchResultEntry")],
            "Failed": [fields(one) for one in root.iter("BatchResultErrorEntry")],
        }

    # As boto3 names them and their arguments

    def create_queue(self, QueueName, Attributes=None):
        attributes = [{"Name": name, "Value": value} for name, value in (Attributes or {}).items()]
        root = self.call("CreateQueue", QueueName=QueueName, **entries_of("Attribute", attributes))
        return {"QueueUrl": next(root.iter("QueueUrl")).text}

    def get_queue_attributes(self, QueueUrl, AttributeNames):
        root = self.call("GetQueueAttributes", QueueUrl=QueueUrl, **numbered("AttributeName", AttributeNames))
        return {"Attributes": pairs(root, "Attribute", lambda value: value.text)}

    def purge_queue(self, QueueUrl):
        self.call("PurgeQueue", QueueUrl=QueueUrl)

    def send_message_batch(self, QueueUrl, Entries):
        return self._batch("SendMessage", QueueUrl, Entries)

    def delete_message_batch(self, QueueUrl, Entries):
        return self._batch("DeleteMessage", QueueUrl, Entries)

    def receive_message(self, QueueUrl, MessageSystemAttributeNames=(), MessageAttributeNames=(), **more):
        form = numbered("AttributeName", MessageSystemAttributeNames)
        form |= numbered("MessageAttributeName", MessageAttributeNames)
        root = self.call("ReceiveMessage", QueueUrl=QueueUrl, **form, **more)
        return {"Messages": [self._message(element) for element in root.iter("Message")]}

    @staticmethod
    def _message(element):
        return {
            **{name: element.findtext(name) for name in ("MessageId", "ReceiptHandle", "MD5OfBody", "Body")},
            "Attributes": pairs(element, "Attribute", lambda value: value.text),
            "MessageAttributes": pairs(element, "MessageAttribute", fields),
        }
