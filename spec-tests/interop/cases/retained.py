"""Retained messages."""

from model import Message
from suite import Test, case, expect

#: Libraries that can set the options of a 5.0 subscription.
FULL = ("paho", "npm")


@case()
def retained(test: Test) -> None:
    """Set, replaced and cleared; RETAIN is 1 for a new subscription [MQTT-3.3.1-8] and 0 for one that stands."""
    topic = test.topic("a")
    standing = test.subscribe(topic)
    test.publish(Message(topic, b"first", 1, True))
    expect(test.drain(standing), [Message(topic, b"first", 1)], "live")
    expect(test.drain(test.subscribe(topic)), [Message(topic, b"first", 1, True)], "new subscription")

    test.publish(Message(topic, b"second", 1, True))
    expect(test.drain(test.subscribe(test.topic("+"))), [Message(topic, b"second", 1, True)], "replaced")

    test.publish(Message(topic, b"not retained", 1))
    expect(test.drain(test.subscribe(topic)), [Message(topic, b"second", 1, True)], "kept")

    test.publish(Message(topic, b"", 1, True))
    expect(test.drain(test.subscribe(topic)), [], "cleared")
    expect([message.payload for message in test.drain(standing)], [b"second", b"not retained", b""], "live")


@case(parameters=[(qos,) for qos in (0, 1, 2)], label="retained-downgraded-to-qos-{}")
def retained_downgraded(test: Test, qos: int) -> None:
    """A retained message comes with the lower QoS too."""
    topic = test.topic("a")
    test.publish(Message(topic, b"x", 2, True))
    expect(test.drain(test.subscribe(topic, qos=qos)), [Message(topic, b"x", qos, True)])


@case()
def retained_tree(test: Test) -> None:
    """A filter brings each retained message it matches, once."""
    names = [test.topic(f"{level}/{leaf}") for level in "ab" for leaf in range(10)]
    test.publish(*(Message(topic, b"x", 1, True) for topic in names))
    received = test.drain(test.subscribe(test.topic("a/#")))
    expect(sorted(message.topic for message in received), names[:10])


@case(FULL, versions=("5",))
def retain_as_published(test: Test) -> None:
    """RETAIN stays as the publisher set it [MQTT-3.3.1-13]."""
    topic = test.topic("a")
    subscriber = test.subscribe(topic, options={"retain_as_published": True})
    test.publish(Message(topic, b"retained", 1, True), Message(topic, b"not", 1, False))
    expect(test.drain(subscriber), [Message(topic, b"retained", 1, True), Message(topic, b"not", 1, False)])


@case(FULL, versions=("5",), parameters=[(0, 1, 1), (1, 1, 0), (2, 0, 0)], label="retain-handling-{}")
def retain_handling(test: Test, handling: int, new: int, again: int) -> None:
    """0 sends retained messages, 1 sends them for a new subscription, 2 does not [MQTT-3.3.1-9] to [MQTT-3.3.1-11]."""
    client_id, topic, options = test.client_id(), test.topic("a"), {"retain_handling": handling}
    test.publish(Message(topic, b"x", 1, True))
    subscriber = test.subscribe(topic, options=options, client_id=client_id, clean=False)
    expect(len(test.drain(subscriber)), new, "new subscription")
    subscriber.close()
    subscriber = test.subscribe(topic, options=options, client_id=client_id, clean=False)
    expect(len(test.drain(subscriber)), again, "the same again")
