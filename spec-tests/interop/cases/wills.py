"""Will Messages."""

import time

import wire
from model import VERSIONS, Failure, Message
from suite import WIRE, Test, case, expect


@case()
def will_after_kill(test: Test) -> None:
    """The Will is published when the connection ends without DISCONNECT [MQTT-3.1.2-8]."""
    topic = test.topic("will")
    watcher = test.subscribe(topic)
    test.subscribe(test.topic("x"), will=Message(topic, b"gone", 1)).kill()
    expect(watcher.receive(), Message(topic, b"gone", 1))


@case()
def no_will_after_disconnect(test: Test) -> None:
    """And not after a DISCONNECT [MQTT-3.14.4-3]."""
    topic = test.topic("will")
    watcher = test.subscribe(topic)
    test.publish(Message(test.topic("x"), b"x", 1), will=Message(topic, b"gone", 1))
    expect(test.drain(watcher), [])


@case()
def retained_will(test: Test) -> None:
    """A Will can be retained [MQTT-3.1.2-15]."""
    topic = test.topic("will")
    watcher = test.subscribe(topic)
    test.subscribe(test.topic("x"), will=Message(topic, b"gone", 2, True)).kill()
    expect(watcher.receive(), Message(topic, b"gone", 2))
    expect(test.drain(test.subscribe(topic)), [Message(topic, b"gone", 2, True)])


def publishes_will(test: Test, end, **options) -> None:
    """The Will of a bare connection that `end` ends arrives."""
    topic = test.topic("will")
    watcher = test.subscribe(topic, library="paho")
    connection = test.wire()
    wire.open_session(connection, test.version, test.client_id(), will=(topic, b"gone"), **options)
    end(connection)
    expect(watcher.receive(), Message(topic, b"gone", 1))


@case(WIRE, VERSIONS)
def will_after_reset(test: Test) -> None:
    publishes_will(test, lambda connection: connection.reset())


@case(WIRE, VERSIONS)
def will_after_protocol_error(test: Test) -> None:
    """A connection the Server closes because of an error has not ended normally."""
    publishes_will(test, lambda connection: connection.send(wire.packet(wire.PUBLISH, 6, b"\x00\x01a\x00\x01")))


@case(WIRE, ("5",))
def will_after_disconnect_with_will(test: Test) -> None:
    """DISCONNECT with Reason Code 0x04 publishes the Will."""
    publishes_will(test, lambda connection: connection.send(wire.disconnect(0x04)))


@case(WIRE, VERSIONS, differs={"mosquitto/*": "mosquitto 2.0.11 looks for silent clients every 5 s only"})
def keep_alive_expiry(test: Test) -> None:
    """A silent client is cut off after one and a half Keep Alives, and its Will published [MQTT-3.1.2-22]."""
    start = time.monotonic()

    def wait(connection: wire.Wire) -> None:
        connection.expect_close()
        took = time.monotonic() - start
        if not 1.4 <= took <= 3.0:
            raise Failure(f"closed after {took:.2f} s, not 1.4 to 3 s")

    publishes_will(test, wait, keep_alive=1)


@case(WIRE, VERSIONS)
def keep_alive_kept(test: Test) -> None:
    """PINGREQ keeps a connection past its Keep Alive."""
    connection = test.wire()
    wire.open_session(connection, test.version, test.client_id(), keep_alive=1)
    for _ in range(4):
        time.sleep(0.7)
        connection.send(wire.packet(wire.PINGREQ, 0))
        connection.expect(wire.PINGRESP)


@case(WIRE, ("5",))
def will_delay(test: Test) -> None:
    """The Will waits for its Will Delay Interval; a new connection in time stops it [MQTT-3.1.3-9]."""
    topic, client_id = test.topic("will"), test.client_id()
    options = {"will": (topic, b"gone"), "will_delay": 1, "session_expiry": 60, "clean": False}
    watcher = test.subscribe(topic, library="paho")
    first = test.wire()
    wire.open_session(first, "5", client_id, **options)
    first.reset()
    second = test.wire()
    wire.open_session(second, "5", client_id, **options)
    time.sleep(2.5)
    expect(test.drain(watcher), [], "connected again in time")
    cut = time.monotonic()
    second.reset()
    expect(watcher.receive(), Message(topic, b"gone", 1))
    if time.monotonic() - cut < 0.9:
        raise Failure("the Will does not wait")
