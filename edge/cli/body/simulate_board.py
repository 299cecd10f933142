"""`patrol-edge simulate board`: a microcontroller board on a pseudo-terminal."""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, CommandError, note
from edge.cli.parser import number_in

if TYPE_CHECKING:
    from firmware_bridge.simulated.bench import Bench
    from firmware_bridge.simulated.controls import Controls

BOARD_HELP = """\
Be a board with lights, siren and buttons behind a pseudo-terminal, which the runtime and
`patrol-edge firmware` open like a serial port. Ends with Ctrl-C, or after --duration.

  patrol-edge simulate board --link /tmp/board --control /tmp/board.control
  echo 'hang 3' | socat - UNIX-CONNECT:/tmp/board.control

It does what it is told on stdin and on the control socket, a line each; `help` lists what.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = parts.add_parser(
        "board",
        help="be a board, and what can befall one",
        description=BOARD_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--link", type=Path, metavar="PATH", help="name the pseudo-terminal so")
    add("--control", type=Path, metavar="PATH", help="take orders on this Unix socket, too")
    add("--baud", type=int, metavar="BITS/S", help="keep to a real line's speed; default: none")
    add("--flip", type=number_in(0, 1), default=0.0, metavar="SHARE", help="of bytes, damaged")
    add("--drop", type=number_in(0, 1), default=0.0, metavar="SHARE", help="of bytes, lost")
    add("--serial", default="SIM-0001", metavar="TEXT", help="its serial number; default: SIM-0001")
    add(
        "--protocol",
        type=int,
        choices=range(1, 8),
        default=2,
        metavar="N",
        help="version of the board link that it speaks; default: 2, the present one",
    )
    add("--seed", type=int, default=1, metavar="N", help="another one, other damage; default: 1")
    add("--duration", type=number_in(0, 1e9), metavar="S", help="end after so many seconds")
    parser.set_defaults(handler=simulate)


def simulate(args: argparse.Namespace) -> int:
    from drivers.base import DeviceUnavailableError
    from firmware_bridge.simulated.bench import Hands, run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the link is taken away
    end_s = time.monotonic() + (float("inf") if args.duration is None else args.duration)
    try:
        bench, controls = _board(args)
        hands = Hands(controls.obey, args.control, sys.stdin.fileno())
    except DeviceUnavailableError as error:
        raise CommandError(str(error)) from error
    note(f"a board: {bench.name}")
    try:
        run(bench, hands, lambda: time.monotonic() >= end_s)
    except KeyboardInterrupt:
        note("stopped")
    finally:
        hands.close()
        bench.close()
    return DONE


def _board(args: argparse.Namespace) -> "tuple[Bench, Controls]":
    from firmware_bridge.simulated.bench import Bench
    from firmware_bridge.simulated.board import SimulatedBoard
    from firmware_bridge.simulated.controls import Controls
    from firmware_bridge.simulated.equipment import PAYLOAD
    from firmware_bridge.simulated.firmware import SimulatedFirmware
    from firmware_bridge.simulated.happenings import Happenings
    from firmware_bridge.simulated.line import Noise
    from firmware_bridge.simulated.planes import NoManagement

    firmware = SimulatedFirmware(PAYLOAD.called(args.serial), protocol=args.protocol)
    board = SimulatedBoard(firmware, NoManagement())
    firmware.bad_in = board.bad_frames
    bench = Bench(board, args.link, args.baud, args.seed)
    bench.set_noise(Noise(flipped=args.flip, dropped=args.drop))
    bench.board.power_on(time.monotonic())
    controls = Controls(bench)
    controls.learn(Happenings(firmware).verbs)
    return bench, controls
