"""MQTT.js, in one Node.js process that serves all its clients."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from base64 import b64decode, b64encode
from pathlib import Path

from libraries import PATIENCE, Library, Subscriber
from model import Connect, Failure, Message, Subscribe

#: Our names of the properties, and MQTT.js's.
PROPERTIES = {
    "content-type": "contentType",
    "response-topic": "responseTopic",
    "correlation-data": "correlationData",
    "message-expiry-interval": "messageExpiryInterval",
    "payload-format-indicator": "payloadFormatIndicator",
    "user-property": "userProperties",
    "subscription-identifier": "subscriptionIdentifier",
}

NEVER = 0xFFFF_FFFF


class Node:
    """The process, and which answer belongs to whom."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("mqtt_js_client.mjs")
        self._process = subprocess.Popen(
            ["node", str(script), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._ids = itertools.count()
        self._answers: dict[int, queue.Queue] = {}
        self._sessions: dict[int, Session] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def call(self, command: str, **arguments):
        """Sends a command and waits for its result."""
        call = next(self._ids)
        self._answers[call] = queue.Queue()
        self._process.stdin.write(json.dumps({"id": call, "command": command, **arguments}).encode() + b"\n")
        self._process.stdin.flush()
        try:
            answer = self._answers[call].get(timeout=PATIENCE)
        except queue.Empty:
            raise Failure(f"MQTT.js: {command} is not done within {PATIENCE:g} s") from None
        finally:
            del self._answers[call]
        if "error" in answer:
            raise Failure(f"MQTT.js: {command}: {answer['error']}")
        return answer["result"]

    def attach(self, session: Session) -> int:
        """A number for a session, whose events go to it from now on."""
        number = next(self._ids)
        self._sessions[number] = session
        return number

    def detach(self, number: int) -> None:
        self._sessions.pop(number, None)

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait(PATIENCE)

    def _read(self) -> None:
        for line in self._process.stdout:
            said = json.loads(line)
            if "id" in said:
                answer = self._answers.get(said["id"])
                if answer:
                    answer.put(said)
            elif said["client"] in self._sessions:
                self._sessions[said["client"]].handle(said)


class Session(Subscriber):
    """A connected MQTT.js client."""

    def __init__(self, node: Node, connect: Connect, topic_alias: bool = False) -> None:
        super().__init__()
        self._node = node
        self._five = connect.version == "5"
        self._number = node.attach(self)
        expiry = connect.session_expiry
        will = connect.will
        self.session_present = node.call(
            "connect",
            client=self._number,
            version=connect.version,
            host=connect.address.host,
            port=connect.address.port,
            clientId=connect.client_id,
            clean=connect.clean,
            sessionExpiry=(0 if connect.clean else NEVER) if expiry is None else expiry,
            will=will and {"topic": will.topic, "payload": base64(will.payload), "qos": will.qos, "retain": will.retain},
            autoUseTopicAlias=topic_alias,
        )

    def handle(self, event: dict) -> None:
        """An event of this client."""
        if "message" not in event:
            self._inbox.put(Failure("the connection is closed"))
            return
        shown = event["message"]
        message = Message(shown["topic"], b64decode(shown["payload"]), shown["qos"], shown["retain"])
        for name, theirs in PROPERTIES.items():
            if theirs in shown["properties"]:
                message.properties[name] = from_javascript(name, shown["properties"][theirs])
        self._inbox.put(message)

    def subscribe(self, subscribe: Subscribe) -> None:
        options: dict = {"qos": subscribe.qos}
        if self._five:
            options["nl"] = subscribe.options.get("no_local", False)
            options["rap"] = subscribe.options.get("retain_as_published", False)
            options["rh"] = subscribe.options.get("retain_handling", 0)
        if subscribe.identifier is not None:
            options["properties"] = {"subscriptionIdentifier": subscribe.identifier}
        granted = self._node.call("subscribe", client=self._number, filters=subscribe.filters, options=options)
        if any(reason >= 0x80 for reason in granted):
            raise Failure(f"SUBACK {granted}")

    def unsubscribe(self, topic_filter: str) -> None:
        self._node.call("unsubscribe", client=self._number, filter=topic_filter)

    def publish(self, messages: list[Message]) -> None:
        shown = []
        for message in messages:
            properties = {PROPERTIES[name]: to_javascript(name, value) for name, value in message.properties.items()}
            each = {"topic": message.topic, "payload": base64(message.payload), "qos": message.qos}
            shown.append({**each, "retain": message.retain, **({"properties": properties} if self._five else {})})
        self._node.call("publish", client=self._number, messages=shown)

    def close(self) -> None:
        self._end("end")

    def kill(self) -> None:
        self._end("kill")

    def _end(self, command: str) -> None:
        self._node.call(command, client=self._number)
        self._node.detach(self._number)


class MqttJs(Library):
    """MQTT.js of npm."""

    name = "npm"
    features = frozenset({"unsubscribe", "subscription-options", "session-present", "topic-alias"})

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: Node | None = None

    @property
    def _node(self) -> Node:
        self._started = self._started or Node(self._folder)
        return self._started

    def subscribe(self, connect: Connect, subscribe: Subscribe) -> Subscriber:
        session = Session(self._node, connect)
        session.subscribe(subscribe)
        return session

    def publish(self, connect: Connect, messages: list[Message], topic_alias: bool = False) -> None:
        session = Session(self._node, connect, topic_alias)
        try:
            session.publish(messages)
        finally:
            session.close()

    def version(self) -> str:
        return self._node.call("version")

    def stop(self) -> None:
        if self._started:
            self._started.stop()


def base64(payload: bytes) -> str:
    return b64encode(payload).decode()


def to_javascript(name: str, value):
    """A property's value as MQTT.js takes it."""
    if name == "user-property":
        pairs: dict[str, list[str]] = {}
        for key, user_value in value:
            pairs.setdefault(key, []).append(user_value)
        return pairs
    return base64(value) if name == "correlation-data" else value


def from_javascript(name: str, value):
    """A property's value as MQTT.js gives it."""
    if name == "user-property":
        # An object: the order of different keys, and of the values of one key, is kept.
        return [(key, each) for key, many in value.items() for each in (many if isinstance(many, list) else [many])]
    if name == "subscription-identifier":
        return value if isinstance(value, list) else [value]
    return b64decode(value) if name == "correlation-data" else value
