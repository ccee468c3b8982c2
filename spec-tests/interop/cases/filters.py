"""Topic Filters and what a Subscription says about them."""

from model import Failure, Message
from suite import Test, case, expect

#: Libraries that can set the options of a 5.0 subscription, and unsubscribe.
FULL = ("paho", "npm")


def arriving(test: Test, subscriber) -> list[str]:
    """The Topic Names that have arrived, without this case's prefix."""
    prefix = test.topic("")
    return sorted(message.topic.removeprefix(prefix) for message in test.drain(subscriber))


@case()
def plus(test: Test) -> None:
    """`+` is exactly one level, an empty one included."""
    subscriber = test.subscribe(test.topic("+/b"))
    for topic in ("a/b", "x/b", "/b", "b", "a/b/c", "a/x/b"):
        test.publish(Message(test.topic(topic), b"x", 1))
    expect(arriving(test, subscriber), ["/b", "a/b", "x/b"])


@case()
def hash(test: Test) -> None:
    """`#` is any number of levels, none included."""
    subscriber = test.subscribe(test.topic("a/#"))
    for topic in ("a", "a/b", "a/b/c", "a/", "ab", "b/a"):
        test.publish(Message(test.topic(topic), b"x", 1))
    expect(arriving(test, subscriber), ["a", "a/", "a/b", "a/b/c"])


@case()
def dollar_topics(test: Test) -> None:
    """A leading wildcard does not match a Topic Name that starts with `$` [MQTT-4.7.2-1]."""
    hidden = f"$interop/{test.number}/a"
    wild, one_level = test.subscribe("#"), test.subscribe(f"+/{test.number}/a")
    named = test.subscribe(f"$interop/{test.number}/#")
    test.publish(Message(hidden, b"x", 1), Message(test.topic("a"), b"x", 1))
    expect([message.topic for message in test.drain(named)], [hidden])
    expect([message.topic for message in test.drain(one_level)], [test.topic("a")])
    seen = [message.topic for message in test.drain(wild)]
    expect([topic for topic in seen if topic.startswith("$")], [], "`#` matches")
    expect(test.topic("a") in seen, True, "`#` matches the other topic")


@case()
def overlapping(test: Test) -> None:
    """Overlapping subscriptions: one message with the highest QoS, or one for each subscription [MQTT-3.3.4-2]."""
    topic = test.topic("a/b")
    subscriber = test.subscribe(topic, test.topic("+/b"), test.topic("#"))
    test.publish(Message(topic, b"x", 2))
    received = test.drain(subscriber)
    if not (1 <= len(received) <= 3) or any(message != Message(topic, b"x", 2) for message in received):
        raise Failure(f"one to three equal messages expected, got {received}")


@case(FULL)
def unsubscribe(test: Test) -> None:
    """Nothing comes after UNSUBACK; other subscriptions stay [MQTT-3.10.4-1]."""
    subscriber = test.subscribe(test.topic("a"), test.topic("b"))
    subscriber.unsubscribe(test.topic("a"))
    test.publish(Message(test.topic("a"), b"x", 1), Message(test.topic("b"), b"x", 1))
    expect(test.drain(subscriber), [Message(test.topic("b"), b"x", 1)])


@case(versions=("5",))
def subscription_identifier(test: Test) -> None:
    """A message carries the identifier of the subscription that matched [MQTT-3.3.4-3]."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic, identifier=268_435_455)
    test.publish(Message(topic, b"x", 1))
    expect(test.drain(subscriber), [Message(topic, b"x", 1, False, {"subscription-identifier": [268_435_455]})])


@case(FULL, versions=("5",))
def overlapping_identifiers(test: Test) -> None:
    """Both identifiers arrive, in one message or in two [MQTT-3.3.4-4], [MQTT-3.3.4-5]."""
    client_id, topic = test.client_id(), test.topic("a/b")
    test.subscribe(topic, identifier=1, client_id=client_id, clean=False).close()
    subscriber = test.subscribe(test.topic("a/+"), identifier=2, client_id=client_id, clean=False)
    test.publish(Message(topic, b"x", 1))
    identifiers = [each for got in test.drain(subscriber) for each in got.properties["subscription-identifier"]]
    expect(sorted(identifiers), [1, 2])


@case(FULL, versions=("5",))
def no_local(test: Test) -> None:
    """With No Local a client does not get what it published itself [MQTT-3.8.3-3]."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic, options={"no_local": True})
    subscriber.publish([Message(topic, b"own", 1)])
    test.publish(Message(topic, b"another's", 1))
    expect(test.drain(subscriber), [Message(topic, b"another's", 1)])


@case(FULL)
def own_messages(test: Test) -> None:
    """Without No Local it does."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic)
    subscriber.publish([Message(topic, b"own", 1)])
    expect(test.drain(subscriber), [Message(topic, b"own", 1)])
