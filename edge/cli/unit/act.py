"""`patrol-edge act`: what the unit says and shines, shown and switched on the spot."""

import argparse
import json
from typing import Any

from edge.cli.console import DONE, FAILED, note, say
from edge.cli.parser import add_command
from edge.cli.unit.asking import add_unit_options, ask_unit

HELP = """\
The crew may do what the hub may, and it is on record. What forbids what: docs/acting.md.

  patrol-edge act status
  patrol-edge act light on --for 60
  patrol-edge act speak "Please keep the gate clear" --language en
  patrol-edge act quiet          all off, at once; what is ordered next goes on again
  patrol-edge act stop           all off, and nothing goes on until `patrol-edge act resume`
"""
REFUSED = "`patrol-edge act status` shows what is on and why; docs/acting.md has the rules"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands,
        "act",
        "lights, siren, loudspeaker: what they do, and switch them on the spot",
        HELP,
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    status = parts.add_parser("status", help="what is on, by whom, until when")
    status.set_defaults(handler=show_status)
    light = _switch(parts, "light", "the searchlight")
    light.add_argument("--level", type=float, metavar="SHARE", default=1.0, help="0 to 1")
    light.add_argument("--strobe", action="store_true", help="let it flash")
    beacon = _switch(parts, "beacon", "the warning lights")
    beacon.add_argument("--pattern", default="patrol", metavar="NAME", help="(patrol)")
    siren = _switch(parts, "siren", "the siren: 30 s at most, three times in ten minutes")
    siren.add_argument("--tone", default="wail", metavar="NAME", help="(wail)")
    relay = _switch(parts, "relay", "anything else that is on or off")
    relay.add_argument("relay", metavar="NAME", help="its name below actuators")
    speak = parts.add_parser("speak", help="say a text")
    speak.add_argument("text", metavar="TEXT")
    speak.add_argument("--language", default="zh", metavar="CODE", help="zh, en, de, ... (zh)")
    _loud(speak)
    play = parts.add_parser("play", help="play a clip that the unit has")
    play.add_argument("clip", metavar="NAME")
    _loud(play)
    stealth = parts.add_parser("stealth", help="dark and silent, until it is off again")
    stealth.add_argument("state", choices=("on", "off"))
    for name, told in (
        ("quiet", "all off, at once"),
        ("stop", "all off, and nothing goes on any more"),
        ("resume", "the end of stop"),
    ):
        parts.add_parser(name, help=told)
    for name, part in parts.choices.items():
        add_unit_options(part)
        if part.get_default("handler") is None:
            part.set_defaults(handler=ask_for, part=name)


def _switch(
    parts: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, told: str
) -> argparse.ArgumentParser:
    part = parts.add_parser(name, help=told)
    part.add_argument("state", choices=("on", "off"))
    part.add_argument(
        "--for", dest="max_on_s", type=float, default=30.0, metavar="SECONDS", help="(30)"
    )
    return part


def _loud(part: argparse.ArgumentParser) -> None:
    part.add_argument("--volume", type=float, default=0.7, metavar="SHARE", help="0 to 1 (0.7)")
    part.add_argument("--repeat", type=int, default=1, metavar="TIMES", help="(1)")


_ARGUMENTS = (
    "max_on_s", "level", "strobe", "pattern", "tone", "relay", "text", "language", "volume",
    "repeat", "clip",
)  # fmt: skip


def ask_for(args: argparse.Namespace) -> int:
    wanted: dict[str, Any] = {name: getattr(args, name) for name in _ARGUMENTS if name in args}
    if "state" in args:
        wanted["on"] = args.state == "on"
    told = ask_unit(args, f"act.{args.part}", wanted, REFUSED)
    if args.json:
        say(json.dumps(told))
    elif args.part == "stealth":
        say("in stealth" if told["stealth"] else "not in stealth")
        if told["by_mode"]:
            note("its mode has stealth; the hub, or the unit's file, can change the mode")
    elif args.part in ("stop", "resume"):
        say("stopped: nothing goes on until `patrol-edge act resume`" if args.part == "stop"
            else "goes on again when it is told to")  # fmt: skip
    elif args.part == "quiet":
        say("off: " + (", ".join(told["off"]) or "nothing was on"))
    else:
        _say_actuators(told)
    left = told.get("on") or told.get("unconfirmed") or []
    if left and isinstance(left, list):
        note(f"NOT CONFIRMED OFF: {', '.join(left)}; look at them, and pull their plug if need be")
        return FAILED
    return DONE


def _say_actuators(told: dict[str, Any]) -> None:
    for each in told["actuators"]:
        state = f"on for {each['for_s']:.0f} s" if each.get("for_s") else "on" * each["on"] or "off"
        confirmed = "" if each.get("confirmed", True) else ", not confirmed yet"
        say(f"{each['name']}: {state}{confirmed}{_in_brackets(each.get('text'))}")


def show_status(args: argparse.Namespace) -> int:
    told = ask_unit(args, "act.status")
    if args.json:
        say(json.dumps(told))
        return DONE
    if told["stopped_by"]:
        say(f"STOPPED by {told['stopped_by']}: `patrol-edge act resume` ends it")
    if told["stealth"]:
        say("in stealth: dark and silent")
    for each in told["actuators"]:
        say(f"{each['name']} ({each['kind'].replace('_', ' ')}): {_state(each)}")
    if not told["actuators"]:
        note("this unit has no actuators; docs/configuration.md, actuators")
    return DONE


def _state(each: dict[str, Any]) -> str:
    words = "on" if each["on"] else "off"
    if each["on"] and 0 < each["level"] < 1:
        words += f" at {each['level']:.0%}"
    for name in ("pattern", "playing"):
        words += f", {each[name]}" if each.get(name) else ""
    if "by" in each:
        words += f", by {each['by']}"
    if "until" in each:
        words += f" until {each['until']}"
    if "pan_deg" in each:
        words += f", pan {each['pan_deg']:.0f}°, tilt {each.get('tilt_deg', 0):.0f}°"
    return words + _in_brackets(each.get("fault"))


def _in_brackets(words: str | None) -> str:
    return f" ({words})" if words else ""
