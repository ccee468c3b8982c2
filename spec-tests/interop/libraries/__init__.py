"""The client libraries under test, behind one small interface."""

from __future__ import annotations

import queue

from model import Connect, Failure, Message, Subscribe

#: How long a client may take to connect, subscribe, publish, receive or end, in seconds.
PATIENCE = 15.0


class Subscriber:
    """A connected client with an acknowledged subscription; what it receives is queued."""

    #: Session Present of its CONNACK; `None` when the library does not tell.
    session_present: bool | None = None

    def __init__(self) -> None:
        self._inbox: queue.Queue[Message | Exception] = queue.Queue()

    def receive(self, patience: float = PATIENCE) -> Message:
        """The next message."""
        try:
            item = self._inbox.get(timeout=patience)
        except queue.Empty:
            raise Failure(f"no message within {patience:g} s") from None
        if isinstance(item, Exception):
            self._inbox.put(item)
            raise item
        return item

    def close(self) -> None:
        """DISCONNECT, and wait for the end."""
        raise NotImplementedError

    def kill(self) -> None:
        """End the Network Connection without DISCONNECT."""
        raise NotImplementedError

    def unsubscribe(self, topic_filter: str) -> None:
        """UNSUBSCRIBE, and wait for UNSUBACK. Only where `Library.features` has "unsubscribe"."""
        raise NotImplementedError


class Library:
    """A client library."""

    name = ""
    #: What cases may ask for that not every library can do: "unsubscribe", "subscription-options", "session-present"
    #: and "topic-alias".
    features: frozenset[str] = frozenset()

    def subscribe(self, connect: Connect, subscribe: Subscribe) -> Subscriber:
        """Connects and subscribes; returns after SUBACK."""
        raise NotImplementedError

    def publish(self, connect: Connect, messages: list[Message], topic_alias: bool = False) -> None:
        """Connects, publishes, waits until every message is acknowledged as its QoS says, and disconnects.

        With `topic_alias` (5.0), Topic Names may be replaced by Topic Aliases.
        """
        raise NotImplementedError

    def version(self) -> str:
        """The version of the software, for the report."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ends what the library keeps running."""


def await_event(event, what: str) -> None:
    """Waits for a `threading.Event`."""
    if not event.wait(PATIENCE):
        raise Failure(f"no {what} within {PATIENCE:g} s")

