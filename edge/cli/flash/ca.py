"""`patrol-edge ca`: a small certificate authority for pilots and benches, in one folder."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from config.language import localized, tell
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import Handler, Parts, add_command, add_part, number_in, tcp_port

if TYPE_CHECKING:
    from edge.provisioning.authority import Authority

HELP = """\
A certificate authority for a pilot: broker, hub, units. One folder; its ca.key can make anybody, so
keep the folder where only the hub's people get at it. A company's own PKI does as well, by files.

  patrol-edge ca init units
  patrol-edge ca issue units broker --profile broker --host hub1.example --host 10.1.2.3
  patrol-edge ca issue units hub
  patrol-edge ca sign units dog-01 dog-01.csr    the key was made on the unit
  patrol-edge ca token units dog-02              or the unit asks by itself, with this
  patrol-edge ca serve units --host hub1.example   and this answers it (EST, RFC 7030)
  patrol-edge ca revoke units dog-01               writes units/crl.pem for the broker

Partners get an authority of their own (another folder): theirs must open no door of the units'
broker. The folder is laid out as `openssl ca` does it.
"""
PROFILES = ("unit", "client", "broker")
EST_PORT = 8443
LONGEST_DAYS = 3650


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(commands, "ca", "a small certificate authority for a pilot", HELP)
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    init = _part(parts, "init", make, "make an authority; its key stays in the folder")
    init.add_argument("--name", default="patrol pilot authority", help="as certificates name it")
    init.add_argument("--days", type=_days, default=LONGEST_DAYS, metavar="N", help="(3650)")
    issued = _part(parts, "issue", issue, "make a key and its certificate: broker, hub, partner")
    issued.add_argument("name", metavar="NAME", help="CN, and the names of the files")
    _add_wish(issued, "client")
    signed = _part(parts, "sign", sign, "sign a request for a key that was made elsewhere")
    signed.add_argument("name", metavar="NAME", help="CN, whatever the request says")
    signed.add_argument("request", type=Path, metavar="FILE.csr")
    _add_wish(signed, "unit")
    revoke = _part(parts, "revoke", withdraw, "withdraw what a name has; writes crl.pem")
    revoke.add_argument("name", metavar="NAME")
    revoke.add_argument("--reason", default="", metavar="TEXT", help="in a few words")
    _part(parts, "crl", crl, "write crl.pem anew: it is good for 30 days")
    _part(parts, "list", show, "what was issued, and until when it is valid")
    token = _part(parts, "token", give_token, "a token with which one unit may ask once")
    token.add_argument("name", metavar="UNIT", help="the unit's id")
    token.add_argument(
        "--hours", type=number_in(0.01, 720), default=24.0, metavar="H", help="then it ends (24)"
    )
    _register_serve(parts)


def _register_serve(parts: Parts) -> None:
    parser = _part(parts, "serve", serve, "answer units that ask for certificates, until Ctrl-C")
    parser.add_argument(
        "--host", action="append", required=True, metavar="NAME-OR-IP",
        help="under which units reach it; may be given several times",
    )  # fmt: skip
    parser.add_argument("--listen", default="0.0.0.0", metavar="IP", help="(0.0.0.0)")  # noqa: S104
    parser.add_argument("--port", type=tcp_port, default=EST_PORT, help=f"({EST_PORT})")
    parser.add_argument("--days", type=_days, default=365, metavar="N", help="of each certificate")


def _part(parts: Parts, name: str, handler: Handler, told: str) -> argparse.ArgumentParser:
    parser = add_part(parts, name, handler, told)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the authority's folder")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser


def _add_wish(parser: argparse.ArgumentParser, profile: str) -> None:
    parser.add_argument("--profile", choices=PROFILES, default=profile, help=f"({profile})")
    parser.add_argument("--days", type=_days, default=365, metavar="N", help="valid for (365)")
    parser.add_argument(
        "--host", action="append", default=[], metavar="NAME-OR-IP",
        help="of a broker; may be given several times",
    )  # fmt: skip


def _days(text: str) -> int:
    value = int(text)  # argparse tells a ValueError as a wrong value
    if not 1 <= value <= LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"{text} is not within 1..{LONGEST_DAYS}")
    return value


@contextmanager
def told_in_words(folder: Path) -> Iterator[None]:
    """Raises CommandError for what the work raises."""
    from edge.provisioning.errors import ProvisioningError, WrongInputError

    try:
        yield
    except ProvisioningError as error:
        code = USAGE if isinstance(error, WrongInputError) else FAILED
        raise CommandError(error.text, error.cure, code) from error
    except PermissionError as error:
        where = str(error.filename or folder)
        told = tell("{path} may not be changed by this user", path=where)
        raise CommandError(told, tell("run it with sudo, or as its owner")) from error
    except OSError as error:
        where, why = str(error.filename or folder), error.strerror or str(error)
        told = tell("{path} cannot be written: {why}", path=where, why=why)
        raise CommandError(told, tell("make room there, then run the same again")) from error


def _authority(args: argparse.Namespace) -> "Authority":
    from drivers.clock import SystemClock
    from edge.provisioning.authority import Authority

    return Authority(args.folder, SystemClock())


# --- the commands --------------------------------------------------------------------------------


def make(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.provisioning.authority import Authority

    with told_in_words(args.folder):
        made = Authority.make(args.folder, SystemClock(), args.name, args.days)
    if args.json:
        say(json.dumps({"ca": str(args.folder / "ca.crt"), "sha256": made.fingerprint}))
        return DONE
    say(str(args.folder / "ca.crt"))
    note(
        localized(tell("its fingerprint, for units that enrol: {sha256}", sha256=made.fingerprint))
    )
    note(localized(tell("{key}: whoever has it can be anybody. It stays here.",
                        key=str(args.folder / "ca.key"))))  # fmt: skip
    return DONE


def issue(args: argparse.Namespace) -> int:
    with told_in_words(args.folder):
        path = _authority(args).issue(args.name, args.profile, args.days, args.host)
    _tell_made(args, path, path.with_suffix(".key"))
    return DONE


def sign(args: argparse.Namespace) -> int:
    from edge.provisioning.requests import read_request, request_name

    with told_in_words(args.folder):
        authority = _authority(args)
        request = read_request(_content(args.request))
        path = authority.sign(args.name, request, args.profile, args.days, args.host)
    if (wanted := request_name(request)) != args.name:
        note(localized(tell("the request says {wanted}; the certificate says '{name}', as you do",
                            wanted=repr(wanted)[:60], name=args.name)))  # fmt: skip
    _tell_made(args, path, None)
    return DONE


def _content(path: Path) -> bytes:
    from edge.provisioning.errors import WrongInputError
    from edge.provisioning.requests import MAX_REQUEST_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_REQUEST_BYTES + 1)
    except OSError as error:
        told = tell("{path} cannot be read: {why}", path=str(path), why=error.strerror or "")
        raise WrongInputError(told, tell("which request? give its file")) from error


def _tell_made(args: argparse.Namespace, certificate: Path, key: Path | None) -> None:
    if args.json:
        made = {"certificate": str(certificate)} | ({"key": str(key)} if key else {})
        say(json.dumps({"name": args.name, "profile": args.profile} | made))
    else:
        say(str(certificate))


def withdraw(args: argparse.Namespace) -> int:
    with told_in_words(args.folder):
        gone = _authority(args).revoke(args.name, args.reason)
    path = args.folder / "crl.pem"
    if args.json:
        say(json.dumps({"name": args.name, "revoked": len(gone), "crl": str(path)}))
        return DONE
    say(str(path))
    note(
        localized(tell("copy it to the broker, and reload that; who is connected stays until then"))
    )
    return DONE


def crl(args: argparse.Namespace) -> int:
    with told_in_words(args.folder):
        path = _authority(args).renew_crl()
    say(json.dumps({"crl": str(path)}) if args.json else str(path))
    return DONE


def show(args: argparse.Namespace) -> int:
    from edge.provisioning.index import hex_serial
    from telemetry.contract.wire_types import rfc3339_ms

    with told_in_words(args.folder):
        authority = _authority(args)
        now, issued = authority.now(), authority.issued()
    if args.json:
        say(json.dumps([
            {"name": each.name, "serial": hex_serial(each.serial), "state": each.state(now),
             "until": rfc3339_ms(each.until)}
            for each in issued
        ]))  # fmt: skip
        return DONE
    for each in issued:
        serial = hex_serial(each.serial)[:16]
        say(f"{each.name:<32} {each.state(now):<8} {each.until:%Y-%m-%d}  {serial}…")
    if not issued:
        note(localized(tell("nothing was issued yet")))
    return DONE


def give_token(args: argparse.Namespace) -> int:
    from edge.provisioning.tokens import Tokens

    with told_in_words(args.folder):
        authority = _authority(args)
        text = Tokens(args.folder).make(args.name, args.hours, authority.now())
        authority.note("token", name=args.name, hours=args.hours)
    if args.json:
        told = {"unit": args.name, "token": text, "hours": args.hours}
        say(json.dumps(told | {"ca_sha256": authority.fingerprint}))
        return DONE
    say(text)
    note(localized(tell("for {unit} only, once, within {hours:g} hours; it is not shown again",
                        unit=args.name, hours=args.hours)))  # fmt: skip
    note(localized(tell("the authority's fingerprint: {sha256}", sha256=authority.fingerprint)))
    return DONE


def serve(args: argparse.Namespace) -> int:
    from edge.provisioning.est_server import serve_until_stopped

    with told_in_words(args.folder):
        return serve_until_stopped(
            _authority(args), args.host, (args.listen, args.port), args.days, note
        )
