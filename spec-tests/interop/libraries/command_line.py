"""`mosquitto_pub` / `mosquitto_sub`, and `mqtt pub` / `mqtt sub`: command lines of one shape."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from libraries import PATIENCE, Library, Subscriber, await_event
from model import Connect, Failure, Message, Subscribe


class CommandLine(Library):
    """What the two pairs of programs have in common."""

    #: The programs with the options both commands need.
    pub: list[str]
    sub: list[str]
    #: Options that make the subscriber print each packet, and each message as JSON.
    sub_output: list[str]
    topic_alias: list[str]
    #: What a line says once the subscriptions are acknowledged.
    subscribed: bytes
    #: What `-V` calls the versions.
    version_names: dict[str, str]

    def subscribe(self, connect: Connect, subscribe: Subscribe) -> Subscriber:
        arguments = [*self.sub, *self.sub_output, *self._connect(connect), "-q", str(subscribe.qos)]
        for topic_filter in subscribe.filters:
            arguments += ["-t", topic_filter]
        if subscribe.identifier is not None:
            arguments += ["-D", "subscribe", "subscription-identifier", str(subscribe.identifier)]
        return Process(arguments, self.parse, self.subscribed)

    def publish(self, connect: Connect, messages: list[Message], topic_alias: bool = False) -> None:
        # One process sends what differs in nothing but the payload.
        while messages:
            first = messages[0]
            key = (first.topic, first.qos, first.retain, first.properties)
            same = 1
            while same < len(messages) and key == (
                messages[same].topic,
                messages[same].qos,
                messages[same].retain,
                messages[same].properties,
            ):
                same += 1
            self._publish(connect, messages[:same], topic_alias)
            messages = messages[same:]

    def _publish(self, connect: Connect, messages: list[Message], topic_alias: bool) -> None:
        first = messages[0]
        arguments = [*self.pub, *self._connect(connect), "-t", first.topic, "-q", str(first.qos)]
        arguments += ["-r"] if first.retain else []
        arguments += self.topic_alias if topic_alias else []
        for name, value in first.properties.items():
            if name == "user-property":
                for key, user_value in value:
                    arguments += ["-D", "publish", name, key, user_value]
            else:
                text = value.decode() if isinstance(value, bytes) else str(value)
                arguments += ["-D", "publish", name, text]
        stdin = b""
        if len(messages) > 1:
            arguments.append("-l")
            stdin = b"".join(message.payload + b"\n" for message in messages)
        elif first.payload:
            arguments.append("-s")
            stdin = first.payload
        else:
            arguments.append("-n")
        done = subprocess.run(
            arguments, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False
        )
        if done.returncode != 0:
            raise Failure(f"{Path(arguments[0]).name} exits with {done.returncode}: {done.stdout.decode().strip()}")

    def _connect(self, connect: Connect) -> list[str]:
        arguments = ["-h", connect.address.host, "-p", str(connect.address.port), "-i", connect.client_id]
        arguments += ["-V", self.version_names[connect.version]]
        arguments += [] if connect.clean else ["-c"]
        if connect.session_expiry is not None:
            arguments += ["-x", str(connect.session_expiry)]
        if connect.will:
            arguments += ["--will-topic", connect.will.topic, "--will-qos", str(connect.will.qos)]
            arguments += ["--will-payload", connect.will.payload.decode()]
            arguments += ["--will-retain"] if connect.will.retain else []
        return arguments

    @staticmethod
    def parse(line: bytes) -> Message | None:
        """The message that a line of output shows, if it shows one."""
        raise NotImplementedError


class Process(Subscriber):
    """A running `sub` command."""

    def __init__(self, arguments: list[str], parse: Callable[[bytes], Message | None], subscribed: bytes) -> None:
        super().__init__()
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._parse = parse
        self._marker = subscribed
        self._subscribed = threading.Event()
        self._ended = False
        self._other_output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            await_event(self._subscribed, "SUBACK")
        except Failure:
            self.kill()
            raise
        if self._process.poll() is not None:
            self._reader.join(PATIENCE)

    def _read(self) -> None:
        for line in self._process.stdout:
            message = self._parse(line)
            if message:
                self._inbox.put(message)
                continue
            self._other_output.append(line.decode(errors="replace").strip())
            if self._marker in line:
                self._subscribed.set()
        if not self._ended:
            said = " / ".join(self._other_output[-3:])
            self._inbox.put(Failure(f"the subscriber ends by itself, with {self._process.wait()}: {said}"))
        self._subscribed.set()

    def close(self) -> None:
        self._end(signal.SIGINT)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        self._ended = True
        self._process.send_signal(how)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise Failure(f"the subscriber does not end on {how.name}") from None
        self._reader.join(PATIENCE)


class Mosquitto(CommandLine):
    """Debian's `mosquitto-clients`."""

    name = "mosquitto"
    pub = ["mosquitto_pub"]
    # It fills a whole buffer before it writes to a pipe; stdbuf makes that a line.
    sub = ["stdbuf", "-oL", "mosquitto_sub"]
    # Its JSON cannot show every payload, so the payload follows in hexadecimal.
    sub_output = ["-d", "-F", "%j %x"]
    # It sets a Topic Alias but never leaves the Topic Name out.
    topic_alias = ["-D", "publish", "topic-alias", "1"]
    # Not the earlier "received SUBACK": a signal while it writes its log makes it wait for itself for ever.
    subscribed = b"Subscribed (mid"
    version_names = {"3.1": "mqttv31", "3.1.1": "mqttv311", "5": "mqttv5"}
    features = frozenset({"topic-alias"})

    @staticmethod
    def parse(line: bytes) -> Message | None:
        if not line.startswith(b"{"):
            return None
        text, _, payload = line.decode(errors="replace").rstrip("\n").rpartition(" ")
        # User Properties are members of one object, in order and with duplicates.
        shown = dict(json.loads(text, object_pairs_hook=list, strict=False))
        properties = dict(shown.get("properties", []))
        if "user-properties" in properties:
            properties["user-property"] = [tuple(pair) for pair in properties.pop("user-properties")]
        return message_from_json(shown, properties, bytes.fromhex(payload))

    def version(self) -> str:
        said = subprocess.run(["mosquitto_sub", "--help"], stdout=subprocess.PIPE, check=False).stdout.decode()
        return said.split("version ", 1)[1].split()[0]


class Mqtt(CommandLine):
    """The `mqtt` example of this repository."""

    name = "mqtt"
    sub_output = ["-d", "-F", "json"]
    topic_alias = ["--topic-alias"]
    subscribed = b"SUBACK"
    version_names = {"3.1": "3.1", "3.1.1": "3.1.1", "5": "5"}
    features = frozenset({"topic-alias"})

    def __init__(self, program: Path) -> None:
        self.pub = [str(program), "pub"]
        self.sub = [str(program), "sub"]

    @staticmethod
    def parse(line: bytes) -> Message | None:
        if not line.startswith(b"{"):
            return None
        shown = json.loads(line)
        properties = shown.get("properties", {})
        if "user-properties" in properties:
            properties["user-property"] = [tuple(pair) for pair in properties.pop("user-properties")]
        payload = bytes.fromhex(shown["payload_hex"]) if "payload_hex" in shown else shown["payload"].encode()
        return message_from_json(shown, properties, payload)

    def version(self) -> str:
        return "of this tree"


def message_from_json(shown: dict, properties: dict, payload: bytes) -> Message:
    """What both programs spell alike."""
    if "correlation-data" in properties:
        properties["correlation-data"] = properties["correlation-data"].encode()
    identifiers = properties.get("subscription-identifier")
    if isinstance(identifiers, int):
        properties["subscription-identifier"] = [identifiers]
    return Message(shown["topic"], payload, shown["qos"], bool(shown["retain"]), properties)
