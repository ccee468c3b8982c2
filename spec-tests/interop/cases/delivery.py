"""What is published arrives, once, as it was."""

import itertools

from model import VERSIONS, Message
from suite import CLIENTS, Test, case, expect

QOS = (0, 1, 2)

#: Why mosquitto fails with a publisher that has no window of its own.
DROPPED = "mosquitto 2.0.11 drops QoS 2 messages when more than 20 are in flight"

#: Why it fails, at times, with a subscriber that enforces its Receive Maximum.
OVERRUN = "mosquitto 2.0.11 sends more messages at once than the client's Receive Maximum"


@case(parameters=itertools.product(QOS, QOS), label="qos-{}-to-{}")
def delivery(test: Test, published: int, subscribed: int) -> None:
    """A message is delivered with the lower of the two QoS [MQTT-3.8.4-8]."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic, qos=subscribed)
    test.publish(Message(topic, b"payload", published))
    expect(test.drain(subscriber, 1), [Message(topic, b"payload", min(published, subscribed))])


@case(parameters=[(version,) for version in VERSIONS], label="from-version-{}")
def across_versions(test: Test, publisher: str) -> None:
    """Publisher and subscriber need not speak the same version."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    for qos in QOS:
        test.publish(Message(topic, b"payload %d" % qos, qos), version=publisher)
    received = sorted(test.drain(subscriber, len(QOS)), key=lambda message: message.qos)
    expect(received, [Message(topic, b"payload %d" % qos, qos) for qos in QOS])


@case(parameters=[(library,) for library in CLIENTS], label="to-{}")
def across_libraries(test: Test, subscribing: str) -> None:
    """Publisher and subscriber need not be of one library."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic, library=subscribing)
    for qos in QOS:
        test.publish(Message(topic, b"payload %d" % qos, qos))
    received = sorted(test.drain(subscriber, len(QOS)), key=lambda message: message.qos)
    expect(received, [Message(topic, b"payload %d" % qos, qos) for qos in QOS])


@case(
    parameters=[(qos,) for qos in QOS],
    label="hundred-in-order-qos-{}",
    differs={
        "mosquitto/npm/3.*/hundred-in-order-qos-2": DROPPED,
        "mosquitto/mosquitto/5/hundred-in-order-qos-2": OVERRUN,
    },
)
def hundred(test: Test, qos: int) -> None:
    """A hundred messages of one connection arrive once and in order [MQTT-4.6.0-5]."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    messages = [Message(topic, b"line %d" % number, qos) for number in range(100)]
    test.publish(*messages)
    expect(test.drain(subscriber, len(messages)), messages)


@case()
def empty_payload(test: Test) -> None:
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    test.publish(Message(topic, b"", 1))
    expect(test.drain(subscriber), [Message(topic, b"", 1)])


@case()
def every_byte(test: Test) -> None:
    """A payload is bytes; nothing reads it."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    test.publish(Message(topic, bytes(range(256)), 1))
    expect(test.drain(subscriber), [Message(topic, bytes(range(256)), 1)])


@case()
def topic_of_any_alphabet(test: Test) -> None:
    """Topic Names are UTF-8, spaces and empty levels included."""
    topic = test.topic("Größe /温度//\U0001f321")
    subscriber = test.subscribe(topic)
    test.publish(Message(topic, "21 °C".encode(), 1))
    expect(test.drain(subscriber), [Message(topic, "21 °C".encode(), 1)])


@case(parameters=[(qos,) for qos in QOS], label="ten-megabytes-qos-{}")
def ten_megabytes(test: Test, qos: int) -> None:
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    payload = bytes(range(1, 251)) * 40_000
    test.publish(Message(topic, payload, qos))
    expect(test.drain(subscriber, 1), [Message(topic, payload, qos)])
