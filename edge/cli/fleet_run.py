"""Running a simulated fleet from the command line: until when, what is shown, what is reported."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from drivers.clock import SystemClock
from edge.cli.console import DONE, FAILED, CommandError, note, say
from edge.fleet.figures import Snapshot
from edge.running.supervisor import wait_for_stop_signal

SETTLE_S = 20.0  # at the end, for acknowledgements that are still to come
SETTLE_AFTER_SIGNAL_S = 3.0
GOODBYE_S = 10.0
TOLD_EVERY_S = 1.0
BEHIND_S = 5.0  # less than this is a start, or a busy moment


class Running(Protocol):
    """What `Fleet` and `OutboxFleet` have in common."""

    def work(self, timeout_s: float) -> None: ...

    def stop_making(self) -> None: ...

    def leave(self) -> None: ...

    def close(self) -> None: ...

    def snapshot(self) -> Snapshot: ...

    @property
    def settled(self) -> bool: ...

    @property
    def away(self) -> bool: ...

    @property
    def sequences(self) -> dict[str, int]: ...


def drive(fleet: Running, duration_s: float | None, *, as_json: bool) -> Snapshot:
    """Until the time is over or somebody says stop; then everything home. The last figures."""
    clock = SystemClock()
    show = Progress(as_json=as_json)
    ends_s = float("inf") if duration_s is None else clock.mono_s() + duration_s
    stopped = False
    while not stopped and (left_s := ends_s - clock.mono_s()) > 0:
        fleet.work(min(left_s, 0.2))
        show(fleet, clock.mono_s())
        stopped = wait_for_stop_signal(0)
    told = fleet.snapshot()  # rates are of the time in which messages were made
    fleet.stop_making()
    patience_s = SETTLE_AFTER_SIGNAL_S if stopped else SETTLE_S
    _work_until(fleet, lambda: fleet.settled, patience_s)
    fleet.leave()
    _work_until(fleet, lambda: fleet.away, GOODBYE_S)
    show.end()
    after = fleet.snapshot()
    return replace(after, seconds=told.seconds, online=told.online)


def _work_until(fleet: Running, done: Callable[[], bool], patience_s: float) -> None:
    clock = SystemClock()
    ends_s = clock.mono_s() + patience_s
    while not done() and clock.mono_s() < ends_s:
        fleet.work(0.05)
        if wait_for_stop_signal(0):  # a second Ctrl-C: enough of it
            return


class Progress:
    """Once a second: a line of JSON on stdout, or one line on a terminal, written over."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._live = not as_json and sys.stderr.isatty()
        self._next_s = 0.0
        self._complained: str | None = None

    def __call__(self, fleet: Running, now_s: float) -> None:
        if now_s < self._next_s:
            return
        self._next_s = now_s + TOLD_EVERY_S
        snapshot = fleet.snapshot()
        if self._as_json:
            say(json.dumps(snapshot.as_json()))
            sys.stdout.flush()
        elif self._live:
            sys.stderr.write(f"\r\x1b[K{in_a_line(snapshot)}")
            sys.stderr.flush()
        error = snapshot.figures.last_error
        if error and error != self._complained and not snapshot.online:
            self._complained = error
            note(f"{self._clear()}waiting for the broker: {error}")

    def _clear(self) -> str:
        return "\r\x1b[K" if self._live else ""

    def end(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")


def in_a_line(snapshot: Snapshot) -> str:
    shown = snapshot.as_json()
    return (
        f"{snapshot.seconds:.0f} s  {snapshot.online}/{snapshot.units} online  "
        f"{shown['sent']} sent, {shown['per_s']}/s  {shown['hub_acked']} acked by the hub  "
        f"{snapshot.waiting} waiting"
    )


# --- the report ----------------------------------------------------------------------------------


def report(told: Snapshot, *, as_json: bool) -> int:
    shown = told.as_json()
    if as_json:
        say(json.dumps({"report": shown}))
    else:
        for line in table(shown):
            say(line)
    return _verdict(told)


def table(shown: dict[str, Any]) -> list[str]:
    """The report for people."""

    def ms(name: str) -> str:
        return "-" if shown[name] is None else f"{shown[name]:g} ms"

    lines = [
        f"units            {shown['units']} ({shown['online']} online at the end)",
        f"messages         {shown['made']} made, {shown['sent']} sent, {shown['resent']} again, "
        f"{shown['per_s']}/s in {shown['seconds']:g} s, {shown['bytes_per_message']} bytes each",
        f"acknowledged     {shown['broker_acked']} by the broker, {shown['hub_acked']} by the hub, "
        f"{shown['unacked']} not yet, {shown['waiting']} not sent, {shown['dropped']} dropped",
        f"broker PUBACK    p50 {ms('puback_p50_ms')}, p99 {ms('puback_p99_ms')}",
        f"hub's ack        p50 {ms('hub_ack_p50_ms')}, p99 {ms('hub_ack_p99_ms')}",
        f"connections      {shown['connects']} made, {shown['connections_lost']} lost, "
        f"{shown['outages']} outages",
        f"CPU              {shown['cpu_us_per_message']} us per message, all included",
    ]
    for title in ("refused", "connect_failures", "commands", "bad_down"):
        if shown[title]:
            counts = ", ".join(f"{count} {name}" for name, count in sorted(shown[title].items()))
            lines.append(f"{title.replace('_', ' '):<17}{counts}")
    if shown["behind_s"] > BEHIND_S:
        lines.append(
            f"behind           up to {shown['behind_s']:g} s: more than one core carries; "
            "take fewer units or a lower rate, or run a second fleet with another --prefix"
        )
    return lines


def _verdict(told: Snapshot) -> int:
    figures = told.figures
    if not figures.connects:
        why = figures.last_error or "no answer"
        raise CommandError(f"the broker was not reached: {why}", "check --broker", FAILED)
    if figures.refused:
        codes = ", ".join(sorted(figures.refused))
        raise CommandError(
            f"the broker refused messages ({codes})", "check its access rules for these units"
        )
    left = told.waiting + told.unacked
    if left and not figures.hub_acked and figures.broker_acked:
        raise CommandError(
            f"no hub acknowledged anything: {left} messages are left",
            "run `patrol-edge hub`, or take --ack broker",
        )
    if left or figures.dropped:
        why = f": {figures.last_error}" if figures.last_error else ""
        raise CommandError(
            f"{left} messages were not acknowledged, {figures.dropped} dropped{why}",
            "stop with a longer wait, or give the hub more time: lower --rate or --units",
        )
    return DONE
