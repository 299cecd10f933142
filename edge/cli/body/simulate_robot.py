"""`patrol-edge simulate robot`: a robot dog with an adapter in front of it."""

import argparse
import select
import signal
import sys
import time
from functools import partial
from pathlib import Path

from edge.cli.console import DONE, CommandError, note
from edge.cli.parser import number_in, tcp_port

STEP_S = 0.01
ROBOT_HELP = """\
Be a robot dog behind the robot protocol (docs/robot-adapter.md), for a unit with
`platforms: {dog: {kind: robot}}`. Ends with Ctrl-C, or after --duration.

  patrol-edge simulate robot --control /tmp/dog
  echo 'fall on' | socat - UNIX-CONNECT:/tmp/dog

It does what it is told on stdin and on the control socket, a line each; `help` lists what.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = parts.add_parser(
        "robot",
        help="be a robot dog, and what can befall one",
        description=ROBOT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=tcp_port, default=7788, metavar="N", help="TCP port; 0: any; default: 7788")
    add("--address", default="127.0.0.1", metavar="IP", help="listen there; default: 127.0.0.1")
    add("--control", type=Path, metavar="PATH", help="take orders on this Unix socket, too")
    add("--seed", type=int, default=1, metavar="N", help="another one, other errors; default: 1")
    add("--duration", type=number_in(0, 1e9), metavar="S", help="end after so many seconds")
    parser.set_defaults(handler=simulate)


def simulate(args: argparse.Namespace) -> int:
    from drivers.base import DeviceUnavailableError
    from drivers.simulated.robot import SimulatedRobot
    from drivers.simulated.robot_adapter import RobotAdapter
    from drivers.simulated.verbs import obey
    from firmware_bridge.simulated.bench import Hands

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the socket is taken away
    end_s = time.monotonic() + (float("inf") if args.duration is None else args.duration)
    robot = SimulatedRobot(seed=args.seed)
    try:
        adapter = RobotAdapter(robot, args.port, args.address)
        verbs = robot.verbs() | adapter.verbs()
        hands = Hands(partial(obey, verbs), args.control, sys.stdin.fileno())
    except DeviceUnavailableError as error:
        raise CommandError(str(error)) from error
    note(f"a robot dog: {args.address}:{adapter.port}")
    try:
        while time.monotonic() < end_s:
            ready, _, _ = select.select([*adapter.waits_on(), *hands.waits_on()], [], [], STEP_S)
            hands.serve([fd for fd in ready if fd not in adapter.waits_on()])
            adapter.step(ready, time.monotonic())
    except KeyboardInterrupt:
        note("stopped")
    finally:
        hands.close()
        adapter.close()
    return DONE
