"""`patrol-edge gnss configure`: what a receiver sends, how often, and at which speed."""

import argparse
import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.body.gnss_monitor import of_unit
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from drivers.gnss.setup.setting_up import Outcome
    from drivers.gnss.setup.settings import Receiver, Settings

CONFIGURE_HELP = """\
Finds the receiver and its speed, shows what it is set to, sets what is wished, reads it back and
measures it. Without --save the settings are gone when it loses power: try them out, then save.

  patrol-edge gnss configure --port /dev/ttyUSB0                      # only shows
  patrol-edge gnss configure --port /dev/ttyUSB0 --rate 5 --messages GGA,RMC,GSA,GSV:5 --save
  patrol-edge gnss configure --port /dev/ttyUSB0 --rate 10 --set-baud 115200 --dry-run
  patrol-edge gnss configure --config unit.yaml --constellations gps,beidou,galileo --save

u-blox from series 6 on (UBX; needs `pip install 'patrol-edge[gnss]'`), MediaTek MT33xx (PMTK),
Airoha (PAIR) and Quectel (PQTM). Another speed is tried out before anything is saved; where the
receiver does not answer at it, the old one is put back. GSV:5 is with every fifth position.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        parts,
        "configure",
        "set a receiver's rate, sentences, constellations and speed",
        CONFIGURE_HELP,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--config", type=Path, metavar="FILE", help="a unit's configuration")
    where.add_argument("--port", metavar="PATH", help="a serial port")
    add = parser.add_argument
    add("--receiver", metavar="NAME", help="with --config: which one; default: the first")
    add("--baud", type=_baud, metavar="N", help="its present speed; default: found by itself")
    add("--rate", type=number_in(0.1, 50), metavar="HZ", help="positions per second")
    add("--messages", type=_messages, metavar="LIST", help="sentences; all others are turned off")
    add("--constellations", type=_constellations, metavar="LIST", help="gps, beidou, galileo, ...")
    add("--set-baud", type=_baud, metavar="N", help="another speed")
    add("--save", action="store_true", help="also without power")
    add("--dry-run", action="store_true", help="show what would be sent, and send none of it")
    add("--json", action="store_true", help="the result as one JSON object")
    parser.set_defaults(handler=configure)


def _baud(text: str) -> int:
    from drivers.gnss.serial import BAUDS

    baud = int(text)
    if baud not in BAUDS:
        usual = ", ".join(map(str, sorted(BAUDS)))
        raise argparse.ArgumentTypeError(f"{text} is no usual speed; there are {usual}")
    return baud


def _messages(text: str) -> dict[str, int]:
    from drivers.gnss.setup.settings import MESSAGES

    found = dict.fromkeys(MESSAGES, 0)
    for word in text.upper().split(","):
        kind, _, every = word.partition(":")
        if kind not in MESSAGES or not (every or "1").isdigit() or not 1 <= int(every or 1) <= 255:
            raise argparse.ArgumentTypeError(
                f"{word}: write sentences of {', '.join(MESSAGES)}, as GGA,RMC,GSV:5"
            )
        found[kind] = int(every or 1)
    return found


def _constellations(text: str) -> frozenset[Any]:
    from drivers.gnss.sky import Constellation

    names = text.lower().split(",")
    known = [each.value for each in Constellation]
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
    return frozenset(Constellation(name) for name in names)


def configure(args: argparse.Namespace) -> int:
    from drivers.base import DriverError
    from drivers.clock import SystemClock
    from drivers.gnss.setup.line import Line
    from drivers.gnss.setup.setting_up import found
    from drivers.stream import SerialStream

    port, baud = _port(args)
    try:
        with closing(SerialStream.open(port, baud or 9600)) as stream:
            line = Line(stream, SystemClock())
            note(f"looking for a receiver at {port} ...")
            receiver = found(line) if baud is None else found(line, (baud,))
            note(f"{receiver.model}, at {stream.baud} baud")
            return _set(args, line, receiver)
    except DriverError as error:
        raise CommandError(str(error), exit_code=FAILED) from error


def _port(args: argparse.Namespace) -> tuple[str, int | None]:
    """Where the receiver is, and its speed where that is known. Raises CommandError."""
    from config.devices import SerialGnssConfig

    if args.port is not None:
        return args.port, args.baud
    name, config = of_unit(args.config, args.receiver)
    if not isinstance(config, SerialGnssConfig):
        cure = "configure it at the computer that it is plugged into"
        raise CommandError(f"{name} is of kind {config.kind}, no serial port", cure, USAGE)
    known = args.baud if config.baud == "auto" or args.baud else int(config.baud)
    return config.port, known


def _set(args: argparse.Namespace, line: Any, receiver: "Receiver") -> int:
    from drivers.gnss.setup.setting_up import LISTEN_S, carry_out, fits
    from drivers.gnss.setup.settings import Settings

    wishes = Settings(
        rate_hz=args.rate,
        constellations=args.constellations,
        messages=args.messages,
        baud=args.set_baud,
    )
    _check(wishes, receiver, save=args.save)
    traffic, before = line.listen(LISTEN_S), receiver.read()
    if wishes.is_empty and not args.save:
        _show(args, receiver, before, {"measured_hz": round(traffic.epochs_hz, 2)})
        return DONE
    if not line.stream.is_usb:
        fits(wishes, before, traffic, line.stream.baud)
    if args.dry_run:
        plan = receiver.planned(wishes)
        plan += [f"{args.set_baud} baud"] if args.set_baud else []
        plan += ["save"] if args.save else []
        _show(args, receiver, before, {"would_send": plan})
        return DONE
    outcome = carry_out(line, receiver, before, wishes, save=args.save, pause=time.sleep)
    return _tell(args, receiver, outcome)


def _check(wishes: "Settings", receiver: "Receiver", *, save: bool) -> None:
    asked = {
        "rate": wishes.rate_hz,
        "constellations": wishes.constellations,
        "messages": wishes.messages,
        "baud": wishes.baud,
        "save": save or None,
    }
    for what, value in asked.items():
        if value is not None and what not in receiver.can:
            able = ", ".join(sorted(receiver.can))
            raise CommandError(f"{receiver.model} cannot be set so: {what}", f"it can: {able}")


def _tell(args: argparse.Namespace, receiver: "Receiver", outcome: "Outcome") -> int:
    facts = {
        "after": _plain(outcome.after),
        "measured_hz": round(outcome.measured_hz, 2),
        "saved": outcome.saved or None,
        "not_as_wished": list(outcome.doubts),
    }
    _show(args, receiver, outcome.before, facts, outcome.after)
    if outcome.doubts:
        told = "; ".join(outcome.doubts)
        cure = "nothing was saved; without power for some seconds it is as before"
        raise CommandError(f"not all is as wished: {told}", cure if not outcome.saved else "")
    return DONE


def _show(
    args: argparse.Namespace,
    receiver: "Receiver",
    before: "Settings",
    facts: dict[str, Any],
    after: "Settings | None" = None,
) -> None:
    if args.json:
        say(json.dumps({"model": receiver.model, "before": _plain(before)} | facts))
        return
    old, new = _plain(before), None if after is None else _plain(after)
    for name, value in old.items():
        changed = "" if new is None or new[name] == value else f"  →  {_words(new[name])}"
        say(f"{name:15} {_words(value)}{changed}")
    for name, value in facts.items():
        if name != "after" and value not in (None, []):
            say(f"{name.replace('_', ' '):15} {_words(value)}")


def _plain(settings: "Settings") -> dict[str, Any]:
    messages, constellations = settings.messages, settings.constellations
    return {
        "rate_hz": None if settings.rate_hz is None else round(settings.rate_hz, 3),
        "messages": None if messages is None else {k: n for k, n in messages.items() if n},
        "constellations": None if constellations is None else sorted(constellations),
        "baud": settings.baud,
    }


def _words(value: Any) -> str:
    if value is None:
        return "not told"
    if isinstance(value, dict):
        return ", ".join(kind if every == 1 else f"{kind}:{every}" for kind, every in value.items())
    return "\n                ".join(value) if isinstance(value, list) else str(value)
