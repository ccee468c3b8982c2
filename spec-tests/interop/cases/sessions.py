"""Sessions that outlive their connections, and those that do not."""

import time

import wire
from cases.delivery import DROPPED, OVERRUN
from model import VERSIONS, Message
from suite import WIRE, Test, case, expect


@case(differs={"mosquitto/mosquitto/5/*": OVERRUN, "mosquitto/npm/3.*": DROPPED})
def offline(test: Test) -> None:
    """What is published while a client is away arrives when it is back: all, once, in order [MQTT-4.4.0-1]."""
    client_id, topic = test.client_id(), test.topic("a")
    subscriber = test.subscribe(topic, client_id=client_id, clean=False)
    expect(bool(subscriber.session_present), False, "Session Present at first")
    subscriber.close()
    once = [Message(topic, b"once %d" % number, 1) for number in range(100)]
    twice = [Message(topic, b"twice %d" % number, 2) for number in range(100)]
    test.publish(*once)
    test.publish(*twice)
    subscriber = test.subscribe(topic, client_id=client_id, clean=False)
    # MQTT 3.1 has no Session Present.
    if subscriber.session_present is not None and test.version != "3.1":
        expect(subscriber.session_present, True, "Session Present")
    received = test.drain(subscriber)
    # Order is kept among messages of one QoS [MQTT-4.6.0-6]; these came on two connections besides.
    expect([message for message in received if message.qos == 1], once)
    expect([message for message in received if message.qos != 1], twice)


@case()
def offline_after_kill(test: Test) -> None:
    """A Session does not need a DISCONNECT to stay."""
    client_id, topic = test.client_id(), test.topic("a")
    test.subscribe(topic, client_id=client_id, clean=False).kill()
    test.publish(Message(topic, b"x", 1))
    received = test.drain(test.subscribe(topic, client_id=client_id, clean=False))
    expect(received, [Message(topic, b"x", 1)])


@case()
def clean_start(test: Test) -> None:
    """Clean Start discards the Session and what waits in it [MQTT-3.1.2-4]."""
    client_id, topic = test.client_id(), test.topic("a")
    test.subscribe(topic, client_id=client_id, clean=False).close()
    test.publish(Message(topic, b"x", 1))
    subscriber = test.subscribe(test.topic("other"), client_id=client_id)
    expect(bool(subscriber.session_present), False, "Session Present")
    test.publish(Message(topic, b"x", 1))
    expect(test.drain(subscriber), [])


@case(versions=("5",))
def session_expiry(test: Test) -> None:
    """A Session ends when its Session Expiry Interval is over [MQTT-3.1.2-23]."""
    client_id, topic = test.client_id(), test.topic("a")
    test.subscribe(topic, client_id=client_id, clean=False, session_expiry=1).close()
    time.sleep(3)
    test.publish(Message(topic, b"x", 1))
    subscriber = test.subscribe(test.topic("other"), client_id=client_id, clean=False, session_expiry=1)
    expect(bool(subscriber.session_present), False, "Session Present")
    expect(test.drain(subscriber), [])


@case(WIRE, VERSIONS, differs={"mosquitto/wire/5/*": "mosquitto 2.0.11 closes without DISCONNECT"})
def takeover(test: Test) -> None:
    """A second connection with the same Client Identifier ends the first [MQTT-3.1.4-3]."""
    client_id = test.client_id()
    first, second = test.wire(), test.wire()
    wire.open_session(first, test.version, client_id)
    wire.open_session(second, test.version, client_id)
    told = [(packet.kind, packet.body[:1]) for packet in first.expect_close()]
    expect(told, [(wire.DISCONNECT, b"\x8e")] if test.version == "5" else [])
    second.send(wire.packet(wire.PINGREQ, 0))
    second.expect(wire.PINGRESP)


@case(WIRE, VERSIONS)
def resent_after_reset(test: Test) -> None:
    """A message without acknowledgement comes again, with DUP and the same Packet Identifier [MQTT-4.4.0-1]."""
    client_id, topic, version = test.client_id(), test.topic("a"), test.version
    expiry = {"session_expiry": 60} if version == "5" else {}
    first = test.wire()
    wire.open_session(first, version, client_id, clean=False, **expiry)
    first.send(wire.subscribe(version, 1, topic, 1))
    first.expect(wire.SUBACK)
    first.send(wire.publish(version, topic, b"x", qos=1, packet_id=2))
    sent = {packet.kind: packet for packet in (first.next(), first.next())}
    first.reset()
    second = test.wire()
    expect(wire.open_session(second, version, client_id, clean=False, **expiry), version != "3.1", "Session Present")
    again = second.expect(wire.PUBLISH)
    expect(again.published(version), sent[wire.PUBLISH].published(version))
    expect((sent[wire.PUBLISH].flags, again.flags), (2, 10), "flags with QoS 1 and DUP")


@case(WIRE, VERSIONS)
def exactly_once_after_reset(test: Test) -> None:
    """A QoS 2 message sent again after a reset is not delivered again [MQTT-4.3.3-10]."""
    client_id, topic, version = test.client_id(), test.topic("a"), test.version
    expiry = {"session_expiry": 60} if version == "5" else {}
    subscriber = test.subscribe(topic, library="paho")
    first = test.wire()
    wire.open_session(first, version, client_id, clean=False, **expiry)
    first.send(wire.publish(version, topic, b"x", qos=2, packet_id=7))
    expect(first.expect(wire.PUBREC).packet_id, 7)
    first.reset()
    second = test.wire()
    wire.open_session(second, version, client_id, clean=False, **expiry)
    second.send(wire.publish(version, topic, b"x", qos=2, packet_id=7, dup=True))
    expect(second.expect(wire.PUBREC).packet_id, 7)
    second.send(wire.acknowledge(wire.PUBREL, 7))
    expect(second.expect(wire.PUBCOMP).packet_id, 7)
    expect(test.drain(subscriber), [Message(topic, b"x", 2)])
