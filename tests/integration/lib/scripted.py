"""An SQS service that answers as a test says, in the protocol that it is asked in; and, as a proxy, every host that there is."""

import json
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from .service import Service

REQUEST_ID = "7a62c49f-347e-4fc4-9331-6e8e7a96aa73"


def error(code, status=400, message="no words", old_code=None):
    """A refusal as AWS gives it. old_code: what the Query protocol calls it."""

    def answer(request):
        if request.protocol == "json":
            headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-query-error": f"{old_code or code};Sender"}
            return status, headers, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": message}).encode()
        text = (
            '<?xml version="1.0"?><ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type>'
            f"<Code>{old_code or code}</Code><Message>{escape(message)}</Message><Detail/></Error>"
            f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        )
        return status, {"Content-Type": "text/xml"}, text.encode()

    return answer


def page(status, text="<!DOCTYPE html><html><body>Welcome</body></html>", **headers):
    """What no SQS says."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: (status, {"Content-Type": "text/html", **headers}, text.encode())


def _well(request, elements):
    """An answer out of its elements: (tag, text) or (tag, elements) in XML, a dictionary in JSON."""
    if request.protocol == "json":
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(elements[0]).encode()
    text = f"<{request.operation}Response><{request.operation}Result>{elements[1]}</{request.operation}Result></{request.operation}Response>"
    return 200, {"Content-Type": "text/xml"}, text.encode()


class Request:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        target = headers["X-Amz-Target"]
        self.protocol = "json" if target else "query"
        self.fields = json.loads(body) if target else dict(parse_qsl(body))
        self.operation = target.rpartition(".")[2] if target else self.fields["Action"]

    @property
    def region(self):
        """Of the signature's scope."""
        return self.headers["Authorization"].partition("Credential=")[2].split("/")[2]


class Scripted(Service):
    """answers: operation → a function of the request that gives status, headers and body; "*" is any. What has none is answered
    as by a service with one empty queue, whose attributes and address are attributes and queue_url."""

    def __init__(self):
        super().__init__()
        self.answers = {}
        self.attributes = {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:login-queue"}
        self.queue_url = None
        self.requests = []
        self.tunnels = []  # host:port of every CONNECT

    def of(self, operation):
        return [request for request in self.requests if request.operation == operation]

    def tunnel(self, handler):
        self.tunnels.append(handler.path)
        handler.send_response_only(200)
        handler.end_headers()

    def answer(self, handler):
        request = Request(handler.path, handler.headers, handler.body)
        self.requests.append(request)
        script = self.answers.get(request.operation) or self.answers.get("*")
        status, headers, body = script(request) if script else getattr(self, "_" + request.operation)(request)
        handler.say(status, body, headers)

    def _GetQueueUrl(self, request):
        url = self.queue_url or f"{self.url}/{request.fields.get('QueueOwnerAWSAccountId', '000000000000')}/{request.fields['QueueName']}"
        return _well(request, ({"QueueUrl": url}, f"<QueueUrl>{url}</QueueUrl>"))

    def _GetQueueAttributes(self, request):
        counts = {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0", **self.attributes}
        pairs = "".join(f"<Attribute><Name>{name}</Name><Value>{escape(value)}</Value></Attribute>" for name, value in counts.items())
        return _well(request, ({"Attributes": counts}, pairs))

    def _ReceiveMessage(self, request):
        return _well(request, ({}, ""))

    def _SendMessageBatch(self, request):
        ids = [entry["Id"] for entry in request.fields["Entries"]] if request.protocol == "json" else ["0"]
        done = [{"Id": number, "MessageId": REQUEST_ID, "MD5OfMessageBody": "0" * 32} for number in ids]
        text = "".join(f"<SendMessageBatchResultEntry><Id>{number}</Id></SendMessageBatchResultEntry>" for number in ids)
        return _well(request, ({"Successful": done, "Failed": []}, text))

    def _refuse_handle(self, request):
        return error("ReceiptHandleIsInvalid", 404)(request)

    _DeleteMessageBatch = _ChangeMessageVisibilityBatch = _refuse_handle
