"""The brokers under test."""

from __future__ import annotations

import queue
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

from model import Address, Failure

PATIENCE = 15.0


class Broker:
    """A broker process on 127.0.0.1, started when it is made."""

    name = ""

    def __init__(self, arguments: list[str], ready: str, log: Path) -> None:
        self._ready = re.compile(ready)
        self._announced: queue.Queue = queue.Queue()
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._log = log
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.announcement = self._announced.get(timeout=PATIENCE)
        except queue.Empty:
            self.announcement = None
        if self.announcement is None:
            self._process.kill()
            raise Failure(f"{self.name}: not ready within {PATIENCE:g} s, see {log}")

    @property
    def address(self) -> Address:
        raise NotImplementedError

    def _read(self) -> None:
        with self._log.open("wb") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
                found = self._ready.search(line.decode(errors="replace"))
                if found:
                    self._announced.put(found)
        self._announced.put(None)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> int:
        """SIGINT; returns the exit code."""
        if self.is_alive():
            self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise Failure(f"{self.name} does not end on SIGINT within {PATIENCE:g} s") from None
        self._reader.join(PATIENCE)
        return code


class Ours(Broker):
    """The broker example of this repository, on a store that is empty at first."""

    name = "ours"

    def __init__(self, program: Path, folder: Path) -> None:
        store = folder / "ours.redb"
        store.unlink(missing_ok=True)
        super().__init__(
            [str(program), "--listen", "127.0.0.1:0", "--store", str(store)],
            r"listening on (\S+):(\d+)",
            folder / "ours.log",
        )

    @property
    def address(self) -> Address:
        return Address(self.announcement[1], int(self.announcement[2]))


class Mosquitto(Broker):
    """Debian's mosquitto, with a configuration of its own."""

    name = "mosquitto"

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {self._port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type all\n"
        )
        program = "/usr/sbin/mosquitto"
        super().__init__([program, "-c", str(config)], r"mosquitto version (\S+) running", folder / "mosquitto.log")

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self._port)
