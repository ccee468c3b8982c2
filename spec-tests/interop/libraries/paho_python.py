"""paho-mqtt."""

from __future__ import annotations

import socket
import threading
from importlib.metadata import version as package_version

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from libraries import PATIENCE, Library, Subscriber, await_event
from model import Connect, Failure, Message, Subscribe

PROTOCOLS = {"3.1": paho.MQTTv31, "3.1.1": paho.MQTTv311, "5": paho.MQTTv5}

#: Our names of the properties, and paho's.
PROPERTIES = {
    "content-type": "ContentType",
    "response-topic": "ResponseTopic",
    "correlation-data": "CorrelationData",
    "message-expiry-interval": "MessageExpiryInterval",
    "payload-format-indicator": "PayloadFormatIndicator",
    "user-property": "UserProperty",
    "subscription-identifier": "SubscriptionIdentifier",
    "topic-alias": "TopicAlias",
}

NEVER = 0xFFFF_FFFF


class Session(Subscriber):
    """A connected paho client."""

    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self._connected = threading.Event()
        self._acknowledged = threading.Event()
        self._refused = ""
        self._ended = False
        self._five = connect.version == "5"
        clean = {} if self._five else {"clean_session": connect.clean}
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            connect.client_id,
            protocol=PROTOCOLS[connect.version],
            reconnect_on_failure=False,
            **clean,
        )
        self.client.on_connect = self._on_connect
        self.client.on_message = lambda _client, _data, message: self._inbox.put(from_paho(message))
        self.client.on_subscribe = self._on_acknowledged
        self.client.on_unsubscribe = self._on_acknowledged
        self.client.on_disconnect = self._on_disconnect
        will = connect.will
        if will:
            self.client.will_set(will.topic, will.payload, will.qos, will.retain)
        properties = None
        start = {}
        if self._five:
            properties = Properties(PacketTypes.CONNECT)
            expiry = connect.session_expiry
            properties.SessionExpiryInterval = (0 if connect.clean else NEVER) if expiry is None else expiry
            start = {"clean_start": connect.clean}
        self.client.connect(connect.address.host, connect.address.port, properties=properties, **start)
        self.client.loop_start()
        await_event(self._connected, "CONNACK")
        if self._refused:
            raise Failure(f"CONNACK {self._refused}")

    def _on_connect(self, _client, _data, flags, reason, _properties) -> None:
        self.session_present = flags.session_present
        self._refused = str(reason) if reason.is_failure else ""
        self._connected.set()

    def _on_acknowledged(self, _client, _data, _id, reasons, _properties) -> None:
        failures = [str(reason) for reason in reasons if reason.is_failure]
        self._refused = ", ".join(failures)
        self._acknowledged.set()

    def _on_disconnect(self, _client, _data, _flags, reason, _properties) -> None:
        if not self._ended:
            self._inbox.put(Failure(f"the connection is closed: {reason}"))

    def await_acknowledgement(self, what: str) -> None:
        await_event(self._acknowledged, what)
        self._acknowledged.clear()
        if self._refused:
            raise Failure(f"{what} {self._refused}")

    def subscribe(self, subscribe: Subscribe) -> None:
        if self._five:
            options = {
                "noLocal": subscribe.options.get("no_local", False),
                "retainAsPublished": subscribe.options.get("retain_as_published", False),
                "retainHandling": subscribe.options.get("retain_handling", 0),
            }
            topics = [(each, SubscribeOptions(subscribe.qos, **options)) for each in subscribe.filters]
            properties = Properties(PacketTypes.SUBSCRIBE)
            if subscribe.identifier is not None:
                properties.SubscriptionIdentifier = subscribe.identifier
            self.client.subscribe(topics, properties=properties)
        else:
            self.client.subscribe([(each, subscribe.qos) for each in subscribe.filters])
        self.await_acknowledgement("SUBACK")

    def unsubscribe(self, topic_filter: str) -> None:
        self.client.unsubscribe(topic_filter)
        self.await_acknowledgement("UNSUBACK")

    def publish(self, messages: list[Message], topic_alias: bool = False) -> None:
        aliased: set[str] = set()
        pending = []
        for message in messages:
            properties = to_paho(message.properties) if self._five else None
            topic = message.topic
            if topic_alias:
                # One topic is enough for a case; from the second message on the alias stands for it.
                properties.TopicAlias = 1
                topic = "" if topic in aliased else topic
                aliased.add(message.topic)
            sent = self.client.publish(topic, message.payload, message.qos, message.retain, properties)
            if sent.rc != paho.MQTT_ERR_SUCCESS:
                raise Failure(f"paho does not publish: {paho.error_string(sent.rc)}")
            pending.append(sent)
        for sent in pending:
            sent.wait_for_publish(PATIENCE)
            if not sent.is_published():
                raise Failure("a message is not acknowledged")

    def is_connected(self) -> bool:
        return self.client.is_connected()

    def close(self) -> None:
        self._ended = True
        self.client.disconnect()
        self.client.loop_stop()

    def kill(self) -> None:
        self._ended = True
        self.client.socket().shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()


class Paho(Library):
    """paho-mqtt of PyPI."""

    name = "paho"
    features = frozenset({"unsubscribe", "subscription-options", "session-present", "topic-alias"})

    def subscribe(self, connect: Connect, subscribe: Subscribe) -> Subscriber:
        session = Session(connect)
        session.subscribe(subscribe)
        return session

    def publish(self, connect: Connect, messages: list[Message], topic_alias: bool = False) -> None:
        session = Session(connect)
        try:
            session.publish(messages, topic_alias)
        finally:
            session.close()

    def version(self) -> str:
        return package_version("paho-mqtt")


def to_paho(values: dict) -> Properties:
    """Properties for PUBLISH."""
    properties = Properties(PacketTypes.PUBLISH)
    for name, value in values.items():
        setattr(properties, PROPERTIES[name], value)
    return properties


def from_paho(message) -> Message:
    """The message as the cases see it."""
    properties = {}
    for name, attribute in PROPERTIES.items():
        if message.properties is not None and hasattr(message.properties, attribute):
            properties[name] = getattr(message.properties, attribute)
    return Message(message.topic, message.payload, message.qos, message.retain, properties)
