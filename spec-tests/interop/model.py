"""What the cases, the libraries and the brokers all speak of: addresses, connections and messages."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The protocol versions, as the command lines of both projects and the case names spell them.
VERSIONS = ("3.1", "3.1.1", "5")


class Failure(Exception):
    """A case did not see what it must see."""


@dataclass(frozen=True)
class Address:
    """Where a broker listens."""

    host: str
    port: int


@dataclass
class Message:
    """An Application Message as a publisher gives it or a subscriber gets it.

    `properties` holds those that are present, under the names of `mosquitto_pub -D`. User Properties are a list of
    pairs under `user-property`, Subscription Identifiers a list of numbers under `subscription-identifier`.
    """

    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    properties: dict = field(default_factory=dict)

    def __repr__(self) -> str:
        shown = repr(self.payload) if len(self.payload) <= 40 else f"{len(self.payload)} bytes"
        properties = f" {self.properties}" if self.properties else ""
        return f"<{self.topic} q{self.qos} r{int(self.retain)} {shown}{properties}>"


@dataclass
class Connect:
    """What a client connects with."""

    address: Address
    version: str
    client_id: str
    clean: bool = True
    #: Seconds; 5.0 only. `None`: 0 with a clean start, never without.
    session_expiry: int | None = None
    will: Message | None = None


@dataclass
class Subscribe:
    """What a client subscribes to: all filters with one QoS and the same options."""

    filters: list[str]
    qos: int = 2
    #: 5.0 only: `no_local`, `retain_as_published`, `retain_handling`.
    options: dict = field(default_factory=dict)
    #: The Subscription Identifier; 5.0 only.
    identifier: int | None = None
