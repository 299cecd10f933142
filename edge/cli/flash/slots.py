"""`patrol-edge slots`: what is flashed onto this unit, and what a person decides about it."""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from config.language import localized, said, tell
from config.slots import LANES, Lane, LaneState, SlotsFile
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import Handler, Parts, add_part
from edge.cli.unit.asking import add_unit_options

if TYPE_CHECKING:
    from edge.flashing.by_hand import Done
    from edge.flashing.unit import Unit

SHOWN_ENDINGS = 5
SEAL_HELP = """\
For the service's start, as root: takes away what a power cut has left of a flash, mends what was
damaged, and keeps the highest serials in root's own place. It keeps no unit from starting."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "slots",
        help="what is flashed onto this unit; keep it, or go back",
        description="Each lane (configuration, overlay, zones, model, runtime) has two slots. What "
        "was flashed last is in use; before it lies in the other one. Without either, the unit is "
        "what it came with.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _part(parts, "list", show, "what is in use, what is on trial, and how the last trials ended")
    _part(parts, "commit", commit, "keep what is on trial, without waiting for its end")
    back = _part(parts, "rollback", roll_back, "go back to what was in use before")
    back.add_argument("lane", nargs="?", choices=LANES, metavar="LANE", help=", ".join(LANES))
    back.add_argument("--factory", action="store_true", help="to what the unit came with")
    back.add_argument("--force", action="store_true", help="even while a task is active")
    _part(parts, "seal", seal, "look after the slots before a start").description = SEAL_HELP


def _part(parts: Parts, name: str, handler: Handler, told: str) -> argparse.ArgumentParser:
    parser = add_part(parts, name, handler, told)
    add_unit_options(parser)
    return parser


def _unit(args: argparse.Namespace) -> "Unit":
    from edge.flashing.unit import unit_of

    return unit_of(args.config, args.state_dir)


# --- list ---


def show(args: argparse.Namespace) -> int:
    from config.slots import SlotsError, read_slots
    from edge.flashing import records

    unit = _unit(args)
    try:
        slots = read_slots(unit.folder)
        waiting = len(records.waiting(unit.folder))
    except PermissionError as error:
        raise CommandError(
            tell("{folder} may not be read by this user", folder=str(unit.folder)),
            "sudo patrol-edge slots list",
        ) from error
    except (SlotsError, OSError) as error:
        raise CommandError(said(error), "sudo patrol-edge slots seal") from error
    if args.json:
        say(slots.model_dump_json(exclude_none=True))
        return DONE
    for line in _lines(slots):
        say(localized(line))
    if waiting:
        note(tell("{count} records wait for the unit's journal", count=waiting))
    return DONE


def _lines(slots: SlotsFile) -> Iterator[str]:
    for lane in LANES:
        yield from _of_lane(lane, slots.lane(lane), slots)
    if (trial := slots.trial) is not None:
        yield tell(
            "on trial: {lane} {name} (serial {serial}) since {when:%Y-%m-%d %H:%M:%S} UTC, by "
            "{by}; starts: {starts}",
            lane=trial.lane, name=trial.content.name, serial=trial.content.serial,
            when=trial.begun_at, by=trial.by, starts=trial.starts,
        )  # fmt: skip
    for ended in slots.ended[-SHOWN_ENDINGS:][::-1]:
        facts: dict[str, Any] = {"when": ended.at, "lane": ended.lane, "name": ended.content.name,
                                 "serial": ended.content.serial}  # fmt: skip
        if ended.outcome == "committed":
            yield tell("{when:%Y-%m-%d %H:%M} {lane} {name} (serial {serial}) kept", **facts)
        else:
            yield tell("{when:%Y-%m-%d %H:%M} {lane} {name} (serial {serial}) taken back: {why}",
                       why=ended.why, **facts)  # fmt: skip


def _of_lane(lane: Lane, state: LaneState, slots: SlotsFile) -> Iterator[str]:
    content = state.content
    if content is None:
        yield tell("{lane:<8} as the unit came", lane=lane)
    else:
        since = _since(slots, content.bundle)
        rests = lane == "overlay" and slots.overlay is None
        name = tell("{name} (serial {serial})", name=content.name, serial=content.serial)
        if rests:
            yield tell("{lane:<8} {slot}  {name}, not in use: made for another configuration",
                       lane=lane, slot=state.active, name=name)  # fmt: skip
        elif since is None:
            yield tell("{lane:<8} {slot}  {name}", lane=lane, slot=state.active, name=name)
        else:
            yield tell("{lane:<8} {slot}  {name} since {when:%Y-%m-%d %H:%M} UTC",
                       lane=lane, slot=state.active, name=name, when=since)  # fmt: skip
    other = None if state.previous is None else state.slots.get(state.previous)
    if other is not None:
        yield tell("         {slot}  {name} (serial {serial}) before: slots rollback {lane}",
                   slot=state.previous, name=other.name, serial=other.serial,
                   lane=lane)  # fmt: skip
    if content is not None and state.serial > content.serial:
        yield tell("         none up to serial {serial} is taken any more", serial=state.serial)


def _since(slots: SlotsFile, bundle: str) -> datetime | None:
    """When it was kept, as far as that is remembered."""
    kept = [each.at for each in slots.ended
            if each.content.bundle == bundle and each.outcome == "committed"]  # fmt: skip
    return kept[-1] if kept else None


# --- commit, rollback, seal ---


def commit(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.flashing import by_hand
    from edge.local.control import by_whom

    by = by_whom()
    return _told(args, lambda unit: by_hand.commit(unit, by, SystemClock()))


def roll_back(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.flashing import by_hand
    from edge.local.control import by_whom

    by = by_whom()
    to: by_hand.Back = "factory" if args.factory else "previous"
    return _told(
        args,
        lambda unit: by_hand.roll_back(unit, args.lane, to, by, SystemClock(), force=args.force),
    )


def _told(args: argparse.Namespace, work: "Callable[[Unit], Done]") -> int:
    """Raises CommandError with what the engine says."""
    from edge.bundles.refusal import BundleError
    from edge.flashing.as_service import become_service

    unit = _unit(args)
    become_service(unit.state_dir)
    try:
        done = work(unit)
    except BundleError as refusal:
        wrong = refusal.code == "invalid_arguments"
        raise CommandError(refusal.text, refusal.cure, USAGE if wrong else FAILED) from refusal
    except OSError as error:
        told = tell("the disk does not take it: {why}", why=error.strerror or str(error))
        raise CommandError(told, "patrol-edge doctor") from error
    if args.json:
        say(json.dumps(asdict(done)))
        return DONE
    say(localized(done.text))
    if done.starts_anew:
        note(tell("the unit starts anew with it"))
    return DONE


def seal(args: argparse.Namespace) -> int:
    """Always done: a unit must start."""
    from config.errors import ConfigError
    from edge.flashing import by_hand

    try:
        notes = by_hand.seal(_unit(args))
    except ConfigError:
        return DONE  # the start itself says so, with every line
    for text in notes:
        note(text)
    if args.json:
        say(json.dumps({"notes": [str(text) for text in notes]}))
    return DONE
