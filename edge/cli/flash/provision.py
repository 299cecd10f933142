"""`patrol-edge provision`: make a unit of this computer, and fetch it a certificate."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from config.language import tell
from edge.cli.console import DONE, USAGE, CommandError, say
from edge.cli.flash import provision_parts as parts_of_it
from edge.cli.flash.provision_places import (
    DEFAULT_STATE,
    desk,
    in_words,
    places_of,
    progress,
    standing_of,
    tell_result,
)
from edge.cli.parser import Handler, Parts, add_command, add_part
from edge.cli.run import DEFAULT_CONFIG

if TYPE_CHECKING:
    from edge.provisioning.identity import Answers, Places
    from edge.provisioning.standing import Result

HELP = """\
Makes a unit of this computer: its name, its keys (made here, never sent), its certificate, its
unit file. Asks on a terminal for what is not given. Cut off anywhere, it goes on when it is run
again; it never replaces a key. A copy of a unit's disk in another computer is refused.

  sudo patrol-edge provision
  sudo patrol-edge provision --answers dog-07.yaml --json        # for factories
  sudo patrol-edge provision certificate dog-07.crt --ca ca.crt  # what came back for unit.csr
  sudo patrol-edge provision card --out dog-07.html
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "provision", "make a unit of this computer: name, keys, certificate", HELP
    )
    _add_places(parser)
    _add_wishes(parser)
    parser.add_argument("--answers", type=Path, metavar="FILE.yaml", help="all in one file")
    parser.add_argument(
        "--if-needed", action="store_true",
        help="for the first boot: 0 if this computer is a unit, else 1 and what to do",
    )  # fmt: skip
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--new-identity", action="store_true", help="this disk is a copy: a unit of its own"
    )
    which.add_argument(
        "--moved", action="store_true", help="the same unit, its disk in another computer"
    )
    parser.set_defaults(handler=provision)
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=False)
    _part(parts, "status", parts_of_it.show_status, "how far it has come")
    request = _part(
        parts,
        "csr",
        parts_of_it.write_request,
        "the request for its certificate, for whoever signs",
    )
    request.add_argument("-o", "--out", type=Path, metavar="FILE.csr", help="default: stdout")
    taken = _part(
        parts,
        "certificate",
        parts_of_it.take_certificate,
        "take the certificate that was made for it",
    )
    taken.add_argument("file", type=Path, metavar="FILE")
    taken.add_argument("--ca", type=Path, metavar="FILE", help="the authority that signed it")
    card = _part(parts, "card", parts_of_it.show_card, "the unit's card, to print")
    card.add_argument("--out", type=Path, metavar="FILE.svg|.html", help="default: the terminal")
    renewed = _part(
        parts, "renew", parts_of_it.renew, "a new certificate, with the one that it has"
    )
    renewed.add_argument("--enrol", metavar="URL", required=True, help="the enrolment server")
    renewed.add_argument(
        "--within", type=int, default=30, metavar="DAYS",
        help="only if it ends within so many days (30); otherwise nothing is done",
    )  # fmt: skip


def _part(parts: Parts, name: str, handler: Handler, told: str) -> argparse.ArgumentParser:
    parser = add_part(parts, name, handler, told)
    _add_places(parser, again=True)
    return parser


def _add_places(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    nothing = argparse.SUPPRESS
    parser.add_argument(
        "--config", type=Path, default=nothing if again else DEFAULT_CONFIG,
        help=f"the unit file; keys lie beside it ({DEFAULT_CONFIG})",
    )  # fmt: skip
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", default=nothing if again else None,
        help=f"where it keeps its state ({DEFAULT_STATE})",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", default=nothing if again else False, help="one JSON object"
    )


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    for flag, shown, told in (
        ("--unit-id", "ID", "its name: a-z, 0-9 and -, at most 32"),
        ("--profile", "P", "robot_dog, drone or patrol_car"),
        ("--label", "TEXT", "a name for people"),
        ("--hub", "URL", "the hub's broker; a bare name means mqtts on port 8883"),
        ("--zone", "ZONE", "time zone, e.g. Europe/Berlin"),
        ("--contact", "TEXT", "for the card: whom to call who finds it"),
        ("--devices", "auto|none", "receivers and cameras that are plugged in (none)"),
        ("--trust", "FILE", "trust.json: whose bundles it takes"),
        ("--commander", "FILE.pub", "the key that may command it"),
        ("--certificate", "FILE", "made for it before"),
        ("--ca", "FILE", "the authority of broker and certificate"),
        ("--ca-sha256", "HEX", "the authority's fingerprint, instead of its file"),
        ("--enrol", "URL", "the enrolment server (EST), e.g. https://hub1.example:8443"),
        ("--token-file", "FILE", "its token, mode 0600; on a terminal it is asked for"),
    ):
        parser.add_argument(flag, metavar=shown, help=told)
    parser.add_argument(
        "--class", dest="unit_class", metavar="C", help="bundles for a class fit it"
    )


# --- provision -------------------------------------------------------------------------------


def provision(args: argparse.Namespace) -> int:
    places = places_of(args)
    with in_words(args):
        if args.if_needed and (code := _needed(args, places)) is not None:
            return code
        result = _made(args, places)
    return tell_result(args, places, result)


def _made(args: argparse.Namespace, places: "Places") -> "Result":
    from edge.cli.flash.provision_dialogue import asked
    from edge.cli.flash.provision_wishes import (
        all_checked,
        answers_of,
        given_of,
        of_file,
        of_identity,
        of_options,
        refuse_missing,
    )
    from edge.provisioning.guard import check_reset
    from edge.provisioning.identity import read_identity

    check_reset(places)
    wishes = of_options(args)
    if args.answers is not None:
        wishes = wishes.over(of_file(args.answers))
    wishes = all_checked(wishes)
    if args.moved:
        return _moved(args, places)
    _refuse_copies(args, places)
    before = None if args.new_identity else read_identity(places)
    earlier = of_identity(before.answers if before else None)
    stands = before is not None and _stands(places, before.answers)
    if args.answers is None and sys.stdin.isatty() and not args.json and not stands:
        waits = before is not None and wishes.unit_id in (None, before.unit)
        wishes = asked(wishes, earlier, waits=waits)
    else:
        wishes = wishes.over(earlier)
    refuse_missing(wishes)
    if args.new_identity:
        _forget(args, places, str(wishes.unit_id))
    commander = None if wishes.commander is None else _commander(places, Path(wishes.commander))
    given = given_of(wishes, commander, time.sleep)
    told: Callable[[str], None] = (lambda _: None) if args.json else progress
    answers = answers_of(wishes, before.answers if before else None)
    result = desk(places, told).run(answers, given)
    if answers.zone is not None and result.state == "provisioned":
        from edge.provisioning.time_zone import set_time_zone

        _set_zone(args, answers.zone, set_time_zone)
    return result


def _stands(places: "Places", answers: "Answers") -> bool:
    """Nothing is lacking: a unit, with a certificate that has not ended where it needs one."""
    from drivers.clock import SystemClock
    from edge.provisioning.standing import has_certificate
    from edge.provisioning.unit_text import needs_certificate

    lacks = needs_certificate(answers.hub) and not has_certificate(
        places, answers.unit, SystemClock().utc()
    )
    return standing_of(places).state == "provisioned" and not lacks


def _set_zone(args: argparse.Namespace, zone: str, work: Callable[[str], bool]) -> None:
    import os

    if args.config == DEFAULT_CONFIG and os.geteuid() == 0 and work(zone) and not args.json:
        progress(tell("the computer's time zone is {zone}", zone=zone))


def _refuse_copies(args: argparse.Namespace, places: "Places") -> None:
    from edge.provisioning.identity import check_machine

    if not args.new_identity:
        check_machine(places)


def _forget(args: argparse.Namespace, places: "Places", unit: str) -> None:
    from drivers.clock import SystemClock
    from edge.provisioning.machine import Machine
    from edge.provisioning.rebirth import forget

    told: Callable[[str], None] = (lambda _: None) if args.json else progress
    forget(places, unit, Machine.here(), SystemClock(), told)


def _moved(args: argparse.Namespace, places: "Places") -> "Result":
    """Only for who says whose disk it is: by mistake two units would be one."""
    from edge.provisioning.identity import owner_of_name
    from edge.provisioning.machine import Machine
    from edge.provisioning.rebirth import move

    name = owner_of_name(places)
    if args.unit_id != name:
        raise CommandError(
            tell("say which unit it is; two computers must never be the same one"),
            tell("patrol-edge provision --moved --unit-id {unit}", unit=name),
            USAGE,
        )
    told: Callable[[str], None] = (lambda _: None) if args.json else progress
    move(places, Machine.here(), told)
    return standing_of(places)


def _commander(places: "Places", path: Path) -> Callable[[], None]:
    def install() -> None:
        from edge.cli.unit.keys_ring import Ring, in_file

        ring = Ring.of(argparse.Namespace(keyring=places.keyring))
        kid = str(in_file(path)["kid"])
        known = ring.content.find(kid)
        if known is not None and known.state(ring.now) == "valid":
            return
        entry = ring.install(path, ("commander",), 365, None)
        progress(tell("obeys {issuer}, key {kid}; compare it with the hub's, over the radio",
                       issuer=entry.issuer, kid=entry.kid))  # fmt: skip

    return install


def _needed(args: argparse.Namespace, places: "Places") -> int | None:
    """None: go on, there are answers. On a console of a computer that is no unit it says so."""
    from edge.provisioning.guard import check_start
    from edge.provisioning.identity import refresh
    from edge.provisioning.machine import Machine

    check_start(places)
    refresh(places, Machine.here())
    result = standing_of(places)
    if result.state == "provisioned":
        if args.json:
            say(json.dumps(asdict(result)))
        return DONE
    if args.answers is not None and args.answers.exists():
        return None
    if args.json:
        say(json.dumps(asdict(result)))
    if result.state == "waits_for_certificate":
        raise CommandError(
            tell("{unit} waits for its certificate", unit=result.unit),
            tell("log in, and run: sudo patrol-edge provision"),
        )
    raise CommandError(
        tell("this computer is no unit yet"), tell("log in, and run: sudo patrol-edge provision")
    )
