"""Runs the cases; `run.sh` starts it in an environment that has everything."""

from __future__ import annotations

import argparse
import fnmatch
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import brokers
from libraries import Library
from libraries.command_line import Mosquitto, Mqtt
from libraries.mqtt_js import MqttJs
from libraries.paho_python import Paho, Session
from model import Connect, Failure
from suite import CASES, CLIENTS, WIRE, Case, Test

# Each file registers its cases; this is the order they run in.
from cases import connections, delivery, filters, properties, retained, sessions, wills  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
FOLDER = TARGET / "interop"
EXAMPLES = TARGET / "release" / "examples"

#: How long a case may take, in seconds.
CASE_TIMEOUT = 60

Run = tuple[str, Case]


class TimeIsUp(Exception):
    """A case takes too long."""


def main() -> int:
    options = parse_options()
    plan = plan_runs(options)
    if options.list:
        for broker, case in plan:
            print(case.name(broker))
        return 0
    if not plan:
        print("no such case; see --list", file=sys.stderr)
        return 2

    def on_alarm(*_):
        raise TimeIsUp

    signal.signal(signal.SIGALRM, on_alarm)
    used = set().union(*(case.libraries for _, case in plan))
    if not options.no_build and not build(broker=any(broker == "ours" for broker, _ in plan), mqtt="mqtt" in used):
        print("FAIL interop build")
        return 1
    libraries: dict[str, Library] = {
        library.name: library for library in (Mosquitto(), Paho(), MqttJs(FOLDER / "npm"), Mqtt(EXAMPLES / "mqtt"))
    }
    for name in sorted(used & libraries.keys()):
        print(f"#    interop {name} {libraries[name].version()}")
    report = Report()
    try:
        for broker in dict.fromkeys(broker for broker, _ in plan):
            run_broker(broker, [case for each, case in plan if each == broker], libraries, report)
    finally:
        for library in libraries.values():
            library.stop()
    return report.end()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only these cases; a pattern such as '*/qos-*', or any part of a name"
    )
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--broker", choices=["ours", "mosquitto"], help="only this broker, with every library")
    parser.add_argument("--library", help="only these libraries, as a list with commas; `wire` is MQTT by hand")
    parser.add_argument("--no-build", action="store_true", help="use the examples as they were built before")
    return parser.parse_args()


def plan_runs(options: argparse.Namespace) -> list[Run]:
    """Our broker with every library, and our clients with both brokers; or what the options say."""
    chosen = set(options.library.split(",")) if options.library else {*CLIENTS, *WIRE}
    runs = []
    for broker in [options.broker] if options.broker else ["ours", "mosquitto"]:
        for case in CASES:
            has_ours = broker == "ours" or "mqtt" in case.libraries or options.broker
            if has_ours and case.libraries <= chosen and is_wanted(case.name(broker), options.names):
                runs.append((broker, case))
    return runs


def is_wanted(name: str, patterns: list[str]) -> bool:
    return not patterns or any(pattern in name or fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def build(**examples: bool) -> bool:
    """Builds the examples that are needed; returns whether that went well."""
    chosen = [argument for name, needed in examples.items() if needed for argument in ("--example", name)]
    command = ["cargo", "build", "--quiet", "--release", "-p", "mqtt-session", *chosen]
    return not chosen or subprocess.run(command, cwd=ROOT, check=False).returncode == 0


class Report:
    """The lines and the count."""

    def __init__(self) -> None:
        self.passed = self.failed = self.differing = 0
        self._start = time.monotonic()

    def ok(self, name: str) -> None:
        self.passed += 1
        print(f"ok   interop {name}", flush=True)

    def fail(self, name: str, why: str) -> None:
        self.failed += 1
        print(f"FAIL interop {name}: {why}", flush=True)

    def differs(self, name: str, why: str) -> None:
        self.differing += 1
        print(f"known interop {name}: {why}", flush=True)

    def end(self) -> int:
        known = f", {self.differing} known to differ" if self.differing else ""
        print(f"{self.passed} passed, {self.failed} failed{known} in {time.monotonic() - self._start:.0f} s")
        return 1 if self.failed else 0


class Bench:
    """A running broker and the client that publishes fences."""

    def __init__(self, name: str) -> None:
        self.broker = brokers.Ours(EXAMPLES / "broker", FOLDER) if name == "ours" else brokers.Mosquitto(FOLDER)
        self.driver = Session(Connect(self.broker.address, "3.1.1", "driver"))

    def stop(self) -> int:
        self.driver.close()
        return self.broker.stop()


def run_broker(name: str, cases: list[Case], libraries: dict[str, Library], report: Report) -> None:
    bench = None
    for number, case in enumerate(cases):
        if bench and not (bench.broker.is_alive() and bench.driver.is_connected()):
            # What one case did to the broker must not fail the next.
            bench.stop()
            bench = None
        why = None
        try:
            bench = bench or Bench(name)
            run_case(case, number, bench, libraries)
        except Failure as failure:
            why = str(failure)
        except TimeIsUp:
            why = f"not done within {CASE_TIMEOUT} s"
        except Exception as error:  # A case must not end the run.
            why = f"{type(error).__name__}: {error}"
        if bench and not bench.broker.is_alive():
            why = f"the broker has ended; {why or 'the case was fine'}"
        known = case.known_difference(name)
        if why is None:
            report.ok(case.name(name))
        elif known:
            report.differs(case.name(name), known)
        else:
            report.fail(case.name(name), " ".join(why.split())[:400])
    if bench:
        stop_broker(name, bench, report)


def run_case(case: Case, number: int, bench: Bench, libraries: dict[str, Library]) -> None:
    library = libraries.get(case.library)
    test = Test(number, bench.broker.address, library, case.version, libraries, bench.driver)
    signal.alarm(CASE_TIMEOUT)
    try:
        case.body(test, *case.parameters)
    finally:
        signal.alarm(0)
        test.end()


def stop_broker(name: str, bench: Bench, report: Report) -> None:
    """The end of a broker is a case too."""
    try:
        code = bench.stop()
    except Failure as failure:
        report.fail(f"{name}/stop", str(failure))
        return
    if code == 0:
        report.ok(f"{name}/stop")
    else:
        report.fail(f"{name}/stop", f"exits with {code} on SIGINT")


if __name__ == "__main__":
    sys.exit(main())
