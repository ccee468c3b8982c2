"""Properties of 5.0 messages."""

from model import Failure, Message
from suite import Test, case, expect

FIVE = ("5",)


def passes(test: Test, properties: dict) -> None:
    """A message arrives with just these properties."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    test.publish(Message(topic, b"x", 1, False, properties))
    expect(test.drain(subscriber), [Message(topic, b"x", 1, False, properties)])


@case(versions=FIVE)
def user_properties(test: Test) -> None:
    """User Properties keep their order and their duplicates [MQTT-3.3.2-17], [MQTT-3.3.2-18]."""
    passes(test, {"user-property": [("b", "1"), ("b", "2"), ("b", "1"), ("a", "3"), ("ä", "")]})


@case(versions=FIVE)
def content_type(test: Test) -> None:
    passes(test, {"content-type": "text/plain; charset=utf-8"})


@case(versions=FIVE)
def request_response(test: Test) -> None:
    """Response Topic and Correlation Data pass unaltered [MQTT-3.3.2-15], [MQTT-3.3.2-16]."""
    passes(test, {"response-topic": "interop/answers", "correlation-data": b"request 1"})


@case(versions=FIVE)
def retained_properties(test: Test) -> None:
    """A retained message keeps its properties."""
    topic, properties = test.topic("a"), {"content-type": "x/y", "user-property": [("k", "v"), ("k", "w")]}
    test.publish(Message(topic, b"x", 1, True, properties))
    expect(test.drain(test.subscribe(topic)), [Message(topic, b"x", 1, True, properties)])


@case(versions=FIVE)
def message_expiry(test: Test) -> None:
    """The Message Expiry Interval arrives, less the time it waited [MQTT-3.3.2-6]."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    test.publish(Message(topic, b"x", 1, False, {"message-expiry-interval": 100}))
    (received,) = test.drain(subscriber)
    if not 90 <= received.properties.get("message-expiry-interval", 0) <= 100:
        raise Failure(f"90 to 100 s left expected, got {received}")


@case(versions=FIVE)
def not_shown_to_3_1_1(test: Test) -> None:
    """A subscriber of an older version gets the message without its properties."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic, version="3.1.1")
    test.publish(Message(topic, b"x", 1, False, {"user-property": [("k", "v")], "content-type": "t"}))
    expect(test.drain(subscriber), [Message(topic, b"x", 1)])


@case(versions=FIVE)
def topic_alias(test: Test) -> None:
    """A Topic Alias stands for its topic on that connection, and is not passed on."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    messages = [Message(topic, b"line %d" % number, 1) for number in range(5)]
    test.publish(*messages, topic_alias=True)
    expect(test.drain(subscriber), messages)
