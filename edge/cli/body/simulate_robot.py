"""`patrol-edge simulate robot`: a robot dog with an adapter in front of it."""

import argparse
import select
import sys
import time
from functools import partial

from edge.cli.body.simulating import add_control, add_duration, ends_s, played
from edge.cli.console import CommandError
from edge.cli.parser import add_command, tcp_port

STEP_S = 0.01
ROBOT_HELP = """\
Be a robot dog behind the robot protocol (docs/robot-adapter.md), for a unit with
`platforms: {dog: {kind: robot}}`. Ends with Ctrl-C, or after --duration.

  patrol-edge simulate robot --control /tmp/dog
  echo 'fall on' | socat - UNIX-CONNECT:/tmp/dog

It does what it is told on stdin and on the control socket, a line each; `help` lists what.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(parts, "robot", "be a robot dog, and what can befall one", ROBOT_HELP)
    add = parser.add_argument
    add("--port", type=tcp_port, default=7788, metavar="N", help="TCP port; 0: any; default: 7788")
    add("--address", default="127.0.0.1", metavar="IP", help="listen there; default: 127.0.0.1")
    add_control(parser)
    add("--seed", type=int, default=1, metavar="N", help="another one, other errors; default: 1")
    add_duration(parser)
    parser.set_defaults(handler=simulate)


def simulate(args: argparse.Namespace) -> int:
    from drivers.base import DeviceUnavailableError
    from drivers.simulated.hands import Hands
    from drivers.simulated.robot import SimulatedRobot
    from drivers.simulated.robot_adapter import RobotAdapter
    from drivers.simulated.verbs import obey

    end_s = ends_s(args)
    robot = SimulatedRobot(seed=args.seed)
    try:
        adapter = RobotAdapter(robot, args.port, args.address)
        verbs = robot.verbs() | adapter.verbs()
        hands = Hands(partial(obey, verbs), args.control, sys.stdin.fileno())
    except DeviceUnavailableError as error:
        raise CommandError(str(error)) from error

    def play() -> None:
        while time.monotonic() < end_s:
            ready, _, _ = select.select([*adapter.waits_on(), *hands.waits_on()], [], [], STEP_S)
            hands.serve([fd for fd in ready if fd not in adapter.waits_on()])
            adapter.step(ready, time.monotonic())

    return played(f"a robot dog: {args.address}:{adapter.port}", play, hands, adapter)
