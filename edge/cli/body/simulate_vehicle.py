"""`patrol-edge simulate vehicle`: a car behind an OBD adapter or on its CAN bus."""

import argparse
import select
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.body.simulating import add_control, add_duration, ends_s, played
from edge.cli.console import CommandError
from edge.cli.parser import add_command

if TYPE_CHECKING:
    from drivers.gnss.outlets import PtyOutlet
    from drivers.simulated.elm327 import SimulatedElm327
    from drivers.simulated.hands import Hands
    from drivers.simulated.slcan import SimulatedSlcan

STEP_S = 0.02
VEHICLE_HELP = """\
Be a car that drives through a town: behind an ELM327 adapter (the default), or with its raw
frames behind a slcan adapter, on a pseudo-terminal which the runtime opens like a serial port.
Ends with Ctrl-C, or after --duration.

  patrol-edge simulate vehicle --link /tmp/obd --control /tmp/car
  patrol-edge simulate vehicle --as slcan --link /tmp/can
  echo 'ignition off' | socat - UNIX-CONNECT:/tmp/car

It does what it is told on stdin and on the control socket, a line each; `help` lists what.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(parts, "vehicle", "be a car, and what can befall one", VEHICLE_HELP)
    add = parser.add_argument
    add("--as", dest="adapter", choices=("elm327", "slcan"), default="elm327", help="behind what")
    add("--link", type=Path, metavar="PATH", help="name the pseudo-terminal so")
    add_control(parser)
    add_duration(parser)
    parser.set_defaults(handler=simulate)


def simulate(args: argparse.Namespace) -> int:
    from drivers.base import DeviceUnavailableError
    from drivers.gnss.outlets import PtyOutlet
    from drivers.simulated.car import SimulatedCar
    from drivers.simulated.elm327 import SimulatedElm327
    from drivers.simulated.hands import Hands
    from drivers.simulated.slcan import SimulatedSlcan
    from drivers.simulated.verbs import obey

    end_s = ends_s(args)
    car = SimulatedCar()
    adapter = SimulatedElm327(car) if args.adapter == "elm327" else SimulatedSlcan(car)
    try:
        outlet = PtyOutlet(args.link)
        hands = Hands(
            partial(obey, car.verbs() | adapter.verbs()), args.control, sys.stdin.fileno()
        )
    except DeviceUnavailableError as error:
        raise CommandError(str(error)) from error

    def play() -> None:
        _run(adapter, outlet, hands, end_s)

    return played(f"a car: {outlet.name}", play, hands, outlet)


def _run(
    adapter: "SimulatedElm327 | SimulatedSlcan", outlet: "PtyOutlet", hands: "Hands", end_s: float
) -> None:
    while time.monotonic() < end_s:
        waited_on = [outlet.fileno(), *hands.waits_on()]
        ready, _, _ = select.select(waited_on, [], [], STEP_S)
        hands.serve([fd for fd in ready if fd != outlet.fileno()])
        now_s = time.monotonic()
        told = adapter.feed(outlet.read(), now_s) + adapter.tick(now_s)
        if told:
            outlet.write(told)
