"""MQTT by hand, on a bare socket: for what no client library would send, and for looking at single packets."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

from model import Address, Failure

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)

LEVELS = {"3.1": 3, "3.1.1": 4, "5": 5}


def string(text: str | bytes) -> bytes:
    """A UTF-8 Encoded String, or Binary Data."""
    body = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(body)) + body


def variable_byte_integer(value: int) -> bytes:
    encoded = bytearray()
    while True:
        value, low = divmod(value, 128)
        encoded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


def packet(kind: int, flags: int, body: bytes = b"") -> bytes:
    return bytes([kind << 4 | flags]) + variable_byte_integer(len(body)) + body


def connect(
    version: str,
    client_id: str,
    *,
    name: str | None = None,
    level: int | None = None,
    clean: bool = True,
    keep_alive: int = 60,
    session_expiry: int | None = None,
    will: tuple[str, bytes] | None = None,
    will_delay: int = 0,
) -> bytes:
    """CONNECT. `name` and `level` stand for the version's own; the Will is QoS 1 and not retained."""
    five = version == "5"
    name = name if name is not None else ("MQIsdp" if version == "3.1" else "MQTT")
    flags = 0x02 if clean else 0
    properties = b"" if session_expiry is None else b"\x11" + struct.pack(">I", session_expiry)
    payload = string(client_id)
    if will:
        flags |= 0x04 | 0x08
        will_properties = b"\x18" + struct.pack(">I", will_delay)
        payload += variable_byte_integer(len(will_properties)) + will_properties if five else b""
        payload += string(will[0]) + string(will[1])
    body = string(name) + bytes([LEVELS[version] if level is None else level, flags]) + struct.pack(">H", keep_alive)
    body += variable_byte_integer(len(properties)) + properties if five else b""
    return packet(CONNECT, 0, body + payload)


def subscribe(version: str, packet_id: int, topic_filter: str, qos: int) -> bytes:
    properties = b"\x00" if version == "5" else b""
    return packet(SUBSCRIBE, 2, struct.pack(">H", packet_id) + properties + string(topic_filter) + bytes([qos]))


def publish(version: str, topic: str, payload: bytes, *, qos: int = 0, packet_id: int = 0, dup: bool = False) -> bytes:
    body = string(topic) + (struct.pack(">H", packet_id) if qos else b"") + (b"\x00" if version == "5" else b"")
    return packet(PUBLISH, qos << 1 | (8 if dup else 0), body + payload)


def acknowledge(kind: int, packet_id: int) -> bytes:
    return packet(kind, 2 if kind == PUBREL else 0, struct.pack(">H", packet_id))


def disconnect(reason: int | None = None) -> bytes:
    return packet(DISCONNECT, 0, b"" if reason is None else bytes([reason]))


@dataclass
class Packet:
    """A packet as it came."""

    kind: int
    flags: int
    body: bytes

    @property
    def packet_id(self) -> int:
        """Of every packet with an identifier but PUBLISH."""
        return struct.unpack_from(">H", self.body)[0]

    def published(self, version: str) -> tuple[str, bytes, int]:
        """Topic Name, payload and Packet Identifier (0 without) of a PUBLISH whose properties fit in 127 bytes."""
        end = 2 + struct.unpack_from(">H", self.body)[0]
        topic, packet_id = self.body[2:end].decode(), 0
        if self.flags & 0x06:
            packet_id = struct.unpack_from(">H", self.body, end)[0]
            end += 2
        if version == "5":
            end += 1 + self.body[end]
        return topic, self.body[end:], packet_id


class Wire:
    """A connection."""

    def __init__(self, address: Address, patience: float = 10.0) -> None:
        self._socket = socket.create_connection((address.host, address.port), patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._patience = patience
        self._input = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def send(self, *packets: bytes) -> None:
        """Sends in one write."""
        self._socket.sendall(b"".join(packets))

    def send_bytewise(self, data: bytes) -> None:
        """Sends each byte in a segment of its own."""
        for byte in data:
            self._socket.sendall(bytes([byte]))

    def next(self) -> Packet | None:
        """The next packet; `None` when the peer has closed."""
        end = time.monotonic() + self._patience
        while True:
            taken = self._take()
            if taken:
                return taken
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                raise Failure(f"neither a packet nor an end within {self._patience:g} s") from None
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._input += data

    def expect(self, kind: int) -> Packet:
        """The next packet, which must be of this kind."""
        got = self.next()
        if got is None or got.kind != kind:
            raise Failure(f"packet type {kind} expected, not {got}")
        return got

    def expect_close(self) -> list[Packet]:
        """Everything up to the peer's closing."""
        packets = []
        while (got := self.next()) is not None:
            packets.append(got)
        return packets

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Ends with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _take(self) -> Packet | None:
        length, shift = 0, 0
        for index in range(1, min(5, len(self._input))):
            byte = self._input[index]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                start, end = index + 1, index + 1 + length
                if len(self._input) < end:
                    return None
                taken = Packet(self._input[0] >> 4, self._input[0] & 15, self._input[start:end])
                self._input = self._input[end:]
                return taken
        return None


def open_session(wire: Wire, version: str, client_id: str, **options) -> bool:
    """CONNECT and its CONNACK, which must accept; returns Session Present."""
    wire.send(connect(version, client_id, **options))
    connack = wire.expect(CONNACK)
    if connack.body[1] != 0:
        raise Failure(f"CONNACK 0x{connack.body[1]:02x}")
    return bool(connack.body[0] & 1)
