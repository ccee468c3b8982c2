"""How a connection begins, byte for byte."""

import wire
from model import VERSIONS, Failure, Message
from suite import WIRE, Test, case, expect


def is_refused(test: Test, packet: bytes, code: int | None) -> None:
    """The packet gets at most a CONNACK with this code, and the connection is closed."""
    connection = test.wire()
    connection.send(packet)
    told = connection.expect_close()
    for packet in told:
        if packet.kind != wire.CONNACK or packet.body[1] == 0:
            raise Failure(f"a CONNACK that refuses, or nothing, expected; got {told}")
    if code is not None and told:
        expect(told[0].body[1], code, "CONNACK")


@case(WIRE, ("5",))
def unknown_level(test: Test) -> None:
    """CONNECT of protocol level 6 is refused."""
    is_refused(test, wire.connect("5", test.client_id(), level=6), None)


@case(WIRE, ("3.1.1",))
def level_of_another_name(test: Test) -> None:
    """MQIsdp with level 4 is no version."""
    is_refused(test, wire.connect("3.1.1", test.client_id(), name="MQIsdp"), None)


@case(WIRE, ("3.1.1",))
def unknown_name(test: Test) -> None:
    is_refused(test, wire.connect("3.1.1", test.client_id(), name="HTTP"), None)


@case(WIRE, ("3.1.1",))
def no_client_id_without_clean_session(test: Test) -> None:
    """An empty Client Identifier needs Clean Session [MQTT-3.1.3-8]; the code is 0x02."""
    is_refused(test, wire.connect("3.1.1", "", clean=False), 2)


@case(WIRE, VERSIONS)
def not_connect_first(test: Test) -> None:
    """The first packet is CONNECT, or the connection is closed [MQTT-3.1.0-1]."""
    connection = test.wire()
    connection.send(wire.publish(test.version, test.topic("a"), b"x"))
    if any(packet.kind != wire.DISCONNECT for packet in connection.expect_close()):
        raise Failure("closing expected")


@case(WIRE, VERSIONS)
def second_connect(test: Test) -> None:
    """A second CONNECT is an error [MQTT-3.1.0-2]."""
    connection, client_id = test.wire(), test.client_id()
    wire.open_session(connection, test.version, client_id)
    connection.send(wire.connect(test.version, client_id))
    if any(packet.kind != wire.DISCONNECT for packet in connection.expect_close()):
        raise Failure("closing expected")


def conversation(test: Test, client_id: str) -> bytes:
    """Everything a short connection sends, in one piece."""
    version, topic = test.version, test.topic("a")
    return b"".join([
        wire.connect(version, client_id),
        wire.subscribe(version, 1, topic, 1),
        wire.publish(version, topic, b"zero"),
        wire.publish(version, topic, b"one", qos=1, packet_id=2),
        wire.packet(wire.PINGREQ, 0),
    ])


def answers(test: Test, connection: wire.Wire) -> None:
    """What a Server says to that."""
    got = [connection.next() for _ in range(6)]
    kinds = sorted(packet.kind for packet in got)
    expected = [wire.CONNACK, wire.PUBLISH, wire.PUBLISH, wire.PUBACK, wire.SUBACK, wire.PINGRESP]
    expect(kinds, sorted(expected))
    expect(got[0].kind, wire.CONNACK, "the first packet")
    published = [packet.published(test.version)[:2] for packet in got if packet.kind == wire.PUBLISH]
    expect(published, [(test.topic("a"), b"zero"), (test.topic("a"), b"one")])


@case(WIRE, VERSIONS)
def pipelined(test: Test) -> None:
    """A client need not wait for CONNACK [MQTT-3.1.4-6]."""
    connection = test.wire()
    connection.send(conversation(test, test.client_id()))
    answers(test, connection)


@case(WIRE, VERSIONS)
def byte_by_byte(test: Test) -> None:
    """Packets may be cut anywhere."""
    connection = test.wire()
    connection.send_bytewise(conversation(test, test.client_id()))
    answers(test, connection)


@case(WIRE, VERSIONS)
def large_packet_byte_by_byte(test: Test) -> None:
    """A header of several length bytes may be cut anywhere too."""
    connection, topic = test.wire(), test.topic("a")
    subscriber = test.subscribe(topic, library="paho")
    wire.open_session(connection, test.version, test.client_id())
    packet = wire.publish(test.version, topic, b"x" * 20_000, qos=1, packet_id=1)
    connection.send_bytewise(packet[:40])
    connection.send(packet[40:])
    expect(connection.expect(wire.PUBACK).packet_id, 1)
    expect(test.drain(subscriber), [Message(topic, b"x" * 20_000, 1)])
