"""What a case is, and what it has at hand."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from libraries import Library, Subscriber
from model import VERSIONS, Address, Connect, Failure, Message, Subscribe
from wire import Wire

#: Every client library, by its name.
CLIENTS = ("mosquitto", "paho", "npm", "mqtt")

#: Cases that speak MQTT by hand; no client library is involved.
WIRE = ("wire",)


@dataclass(frozen=True)
class Case:
    """One case, for one library and one version."""

    label: str
    library: str
    version: str
    parameters: tuple
    body: Callable
    #: Why a case is known to fail, by patterns of full case names.
    differs: dict[str, str]

    def name(self, broker: str) -> str:
        """The full name."""
        return f"{broker}/{self.library}/{self.version}/{self.label}"

    @property
    def libraries(self) -> set[str]:
        """All libraries this case uses by name."""
        return {self.library, *self.parameters} & {*CLIENTS, *WIRE}

    def known_difference(self, broker: str) -> str | None:
        """Why this case is known to fail with this broker."""
        reasons = (why for pattern, why in self.differs.items() if fnmatch.fnmatchcase(self.name(broker), pattern))
        return next(reasons, None)


#: All cases, in order of definition.
CASES: list[Case] = []


def case(
    libraries: Iterable[str] = CLIENTS,
    versions: Iterable[str] = VERSIONS,
    parameters: Iterable[tuple] = ((),),
    label: str = "",
    differs: dict[str, str] | None = None,
) -> Callable:
    """Registers a function as one case for each library, version and tuple of parameters.

    The label is the function's name unless given; `label` is a format string for the parameters. `differs` says which
    cases fail for a reason that is not ours: a pattern of full names, and why.
    """

    def register(body: Callable) -> Callable:
        for library, version, given in itertools.product(libraries, versions, parameters):
            name = (label or body.__name__.replace("_", "-")).format(*given)
            CASES.append(Case(name, library, version, given, body, differs or {}))
        return body

    return register


def expect(actual, expected, what: str = "") -> None:
    """Fails unless the two are equal."""
    if actual == expected:
        return
    where = f"{what}: " if what else ""
    if isinstance(actual, list) and isinstance(expected, list) and len(expected) > 3:
        same = next((at for at, (a, b) in enumerate(zip(actual, expected)) if a != b), min(len(actual), len(expected)))
        where += f"{len(actual)} of {len(expected)}, different from number {same}: "
        actual, expected = actual[same : same + 3], expected[same : same + 3]
    raise Failure(f"{where}expected {expected!r}, got {actual!r}")


@dataclass
class Test:
    """What a running case has: names nobody else uses, clients of its library and version, and a way to know that
    nothing more will arrive."""

    number: int
    address: Address
    #: The library and the version under test; the library is `None` in a wire case.
    library: Library | None
    version: str
    libraries: dict[str, Library]
    #: A connected client of another library, which publishes the fences.
    driver: object
    _subscribers: list[Subscriber] = field(default_factory=list)
    _wires: list[Wire] = field(default_factory=list)
    _count: itertools.count = field(default_factory=itertools.count)

    @property
    def fence(self) -> str:
        """The topic of this case's fences."""
        return f"fence/{self.number}"

    def topic(self, name: str) -> str:
        """A topic of this case's own."""
        return f"interop/{self.number}/{name}"

    def client_id(self) -> str:
        """A new Client Identifier, short enough for 3.1."""
        return f"interop-{self.number}-{next(self._count)}"

    def subscribe(
        self,
        *filters: str,
        qos: int = 2,
        options: dict | None = None,
        identifier: int | None = None,
        library: str | None = None,
        version: str | None = None,
        client_id: str | None = None,
        clean: bool = True,
        session_expiry: int | None = None,
        will: Message | None = None,
    ) -> Subscriber:
        """A client that has subscribed to the filters, and to the fences."""
        connect = Connect(
            self.address,
            version or self.version,
            client_id or self.client_id(),
            clean,
            session_expiry,
            will,
        )
        subscriber = (self.libraries[library] if library else self.library).subscribe(
            connect, Subscribe([*filters, self.fence], qos, options or {}, identifier)
        )
        self._subscribers.append(subscriber)
        return subscriber

    def publish(
        self, *messages: Message, version: str | None = None, topic_alias: bool = False, will: Message | None = None
    ) -> None:
        """Publishes on a new connection, to the last acknowledgement, and disconnects."""
        connect = Connect(self.address, version or self.version, self.client_id(), will=will)
        self.library.publish(connect, list(messages), topic_alias)

    def drain(self, subscriber: Subscriber, count: int = 0) -> list[Message]:
        """All that the subscriber has received up to now.

        A message with a payload of its own is published behind all others; what comes before it is all there is. It can
        overtake QoS 0 messages, whose publisher cannot know that they have arrived: so many of those are waited for first.
        """
        received = [subscriber.receive() for _ in range(count)]
        mark = f"fence {next(self._count)}".encode()
        self.driver.publish([Message(self.fence, mark, 2)])
        while True:
            message = subscriber.receive()
            if message.topic != self.fence:
                received.append(message)
            elif message.payload == mark:
                return received

    def wire(self) -> Wire:
        """A bare connection."""
        wire = Wire(self.address)
        self._wires.append(wire)
        return wire

    def end(self) -> None:
        """Ends the clients that are left, whatever state they are in."""
        for subscriber in self._subscribers:
            try:
                subscriber.kill()
            except (Failure, OSError, AttributeError):
                pass  # It has ended in the case.
        for wire in self._wires:
            wire.close()
