"""`patrol-edge simulate board`: a microcontroller board on a pseudo-terminal."""

import argparse
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.body.simulating import add_control, add_duration, ends_s, played
from edge.cli.console import CommandError, note
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.simulated.verbs import Verb
    from firmware_bridge.simulated.bench import Bench
    from firmware_bridge.simulated.controls import Controls
    from firmware_bridge.simulated.management import SimulatedManagement

BOARD_HELP = """\
Be a board with lights, siren and buttons behind a pseudo-terminal, which the runtime and
`patrol-edge firmware` open like a serial port. Ends with Ctrl-C, or after --duration.

  patrol-edge simulate board --link /tmp/board --control /tmp/board.control
  echo 'hang 3' | socat - UNIX-CONNECT:/tmp/board.control

It does what it is told on stdin and on the control socket, a line each, and with --at at a time
from its start; `help` lists what.

  patrol-edge simulate board --link /tmp/board --at '20:press sos' --at '40:hang 3' --at 60:reset
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(parts, "board", "be a board, and what can befall one", BOARD_HELP)
    add = parser.add_argument
    add("--link", type=Path, metavar="PATH", help="name the pseudo-terminal so")
    add_control(parser)
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
    add(
        "--at",
        type=_timed,
        action="append",
        default=[],
        metavar="S:ORDER",
        help="obey this order so many seconds after the start; may be repeated",
    )
    add_duration(parser)
    _add_firmware_options(parser)
    parser.set_defaults(handler=simulate)


def _add_firmware_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--flash", type=Path, metavar="DIR", help="where its flash is kept; default: nowhere")
    add("--model", default="patrol-io", metavar="NAME", help="what it is; default: %(default)s")
    add("--hardware", default="1", metavar="REV", help="its revision; default: %(default)s")
    add(
        "--firmware",
        type=_version,
        default="1.0.0",
        metavar="X.Y.Z",
        help="what it was delivered with",
    )
    add("--slot", type=int, default=256 * 1024, metavar="BYTES", help="for an image (%(default)s)")
    add("--buffer", type=int, default=2048, metavar="BYTES", help="it takes at once (%(default)s)")
    add("--erase", type=number_in(0, 60), default=0.0, metavar="S", help="to erase a slot")


def _version(text: str) -> str:
    if re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,5}", text) is None:
        raise argparse.ArgumentTypeError(f"{text} is not X.Y.Z, such as 1.0.0")
    return text


def _timed(text: str) -> tuple[float, str]:
    seconds, colon, order = text.partition(":")
    if not colon or not order.strip():
        raise argparse.ArgumentTypeError(f"{text} is not S:ORDER, such as 20:reset")
    return float(seconds), order.strip()


def simulate(args: argparse.Namespace) -> int:
    from drivers.base import DeviceUnavailableError
    from drivers.simulated.hands import Hands
    from firmware_bridge.simulated.bench import run

    end_s = ends_s(args)
    with tempfile.TemporaryDirectory(prefix="board-") as throw_away:
        try:
            management = _management(args, args.flash or Path(throw_away))
            bench, controls = _board(args, management)
            controls.learn(_verbs(management))
            hands = Hands(controls.obey, args.control, sys.stdin.fileno())
        except DeviceUnavailableError as error:
            raise CommandError(str(error)) from error
        over = _obeying(args.at, controls, end_s)
        return played(f"a board: {bench.name}", lambda: run(bench, hands, over), hands, bench)


def _obeying(
    at: "Sequence[tuple[float, str]]", controls: "Controls", end_s: float
) -> "Callable[[], bool]":
    """What gives the orders of --at when their time has come, and says when it is over."""
    start_s, timed = time.monotonic(), sorted(at)

    def ended() -> bool:
        now_s = time.monotonic()
        while timed and now_s - start_s >= timed[0][0]:
            _, order = timed.pop(0)
            note(f"{order}: {controls.obey(order, now_s)}")
        return now_s >= end_s

    return ended


def _management(args: argparse.Namespace, folder: Path) -> "SimulatedManagement":
    from firmware_bridge.simulated.management import BoardModel, SimulatedManagement

    model = BoardModel(
        model=args.model,
        hardware=args.hardware,
        firmware=args.firmware,
        slot_bytes=args.slot,
        buffer_bytes=args.buffer,
        erase_s=args.erase,
    )
    try:
        return SimulatedManagement(folder, model, time.sleep)
    except OSError as error:
        told = f"{folder} takes no flash: {error.strerror}"
        raise CommandError(told, "give another --flash") from error


def _verbs(management: "SimulatedManagement") -> "dict[str, Verb]":
    from drivers.simulated.verbs import Verb

    def burn(words: "Sequence[str]", _now_s: float) -> None:
        management.slots.flash.fuse = None if words[0] == "never" else int(words[0])

    what = "lose its power in the middle of writing so many more pages of flash"
    return {"burn": Verb("burn PAGES|never", what, burn)}


def _board(args: argparse.Namespace, management: "SimulatedManagement") -> "tuple[Bench, Controls]":
    from firmware_bridge.simulated.bench import Bench
    from firmware_bridge.simulated.board import SimulatedBoard
    from firmware_bridge.simulated.controls import Controls
    from firmware_bridge.simulated.equipment import PAYLOAD
    from firmware_bridge.simulated.firmware import SimulatedFirmware
    from firmware_bridge.simulated.happenings import Happenings
    from firmware_bridge.simulated.line import Noise

    equipment = replace(PAYLOAD, model=args.model, serial=args.serial, hardware=args.hardware)
    firmware = SimulatedFirmware(equipment, protocol=args.protocol)
    board = SimulatedBoard(firmware, management)
    firmware.bad_in = board.bad_frames
    bench = Bench(board, args.link, args.baud, args.seed)
    bench.set_noise(Noise(flipped=args.flip, dropped=args.drop))
    bench.board.power_on(time.monotonic())
    controls = Controls(bench)
    controls.learn(Happenings(firmware).verbs)
    return bench, controls
