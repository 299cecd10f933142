"""`patrol-edge journal`: who commanded what; whether it is whole; a copy for those who may ask."""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.wording import one_line
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import Handler, Parts, add_part
from edge.cli.unit.asking import add_unit_options, state_folder

if TYPE_CHECKING:
    from telemetry.commands.journal_check import Head, Verdict
    from telemetry.commands.jws import PublicKey

HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")
PLAIN = re.compile(r"[\w.:+-]+")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "journal",
        help="show, check or copy the record of all commands",
        description="Each command, refusal and hand-over is a record. Each record carries a hash "
        "over all before it, and the unit's own key seals them now and then.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = _part(parts, "show", show_records, "the newest records")
    show.add_argument("--last", type=int, default=20, metavar="N", help="so many (20)")
    verify = _part(parts, "verify", verify_files, "whether anything was changed or cut off")
    verify.add_argument("file", type=Path, nargs="*", metavar="FILE", help="a copy; else this unit")
    verify.add_argument(
        "--key", type=Path, metavar="FILE", help="the unit's public key (device.pub)"
    )
    verify.add_argument(
        "--head", action="append", default=[], metavar="N:HASH", help="as a reply told the hub"
    )
    export = _part(parts, "export", export_copy, "one file of all records; goes into the journal")
    export.add_argument("file", type=Path, metavar="FILE", help="it is made with mode 0600")
    export.add_argument("--requester", required=True, metavar="NAME", help="who has asked for it")
    export.add_argument("--reason", required=True, metavar="TEXT", help="and why")


def _part(parts: Parts, name: str, handler: Handler, told: str) -> argparse.ArgumentParser:
    parser = add_part(parts, name, handler, told)
    add_unit_options(parser)
    return parser


def _files(args: argparse.Namespace) -> list[Path]:
    from telemetry.commands.journal import journal_files

    folder = state_folder(args) / "journal"
    try:
        next(folder.iterdir(), None)  # a glob takes what it may not see for empty
    except PermissionError as error:
        raise CommandError(f"{folder} may not be read by this user", "ask with sudo") from error
    except OSError:
        pass
    found = journal_files(folder)
    if not found:
        raise CommandError(f"there is no journal in {folder}", "has this unit ever run?")
    return found


# --- show ----------------------------------------------------------------------------------------


def show_records(args: argparse.Namespace) -> int:
    from telemetry.commands.journal_check import lines

    newest = [line for path in _files(args) for line in lines(path)][-max(1, args.last) :]
    for line in newest:
        text = line.decode("utf-8", "replace").rstrip("\n")
        say(text if args.json else _in_words(text))
    return DONE


def _in_words(line: str) -> str:
    try:
        record: dict[str, Any] = json.loads(line)
        told = [str(record.pop(name)) for name in ("n", "at", "what")]
    except (ValueError, KeyError, AttributeError):
        return f"no record: {line[:60]!r}; `patrol-edge journal verify` tells more"
    facts = (f"{k}={_shown(v)}" for k, v in record.items() if k not in ("hash", "tq", "jws"))
    words = f"{told[0]:>6}  {told[1]}  {told[2]:<12} {' '.join(facts)}"
    return one_line(words, len(words))


def _shown(value: object) -> str:
    """Words of others must look neither like a line, nor like a fact, nor like the terminal's."""
    plain = isinstance(value, str) and PLAIN.fullmatch(value)
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


# --- verify --------------------------------------------------------------------------------------


def verify_files(args: argparse.Namespace) -> int:
    from telemetry.commands.journal_check import check

    heads = [_head(text) for text in args.head]
    files = args.file or _files(args)
    key, proved = _key(args, files)
    try:
        verdict = check(files, key, heads)
    except OSError as error:
        raise CommandError(f"cannot read {error.filename}: {error.strerror}", "", USAGE) from error
    whole = verdict.bad is None and verdict.records > 0
    if args.json:
        say(json.dumps(_facts(verdict) | {"whole": whole, "key_proved": proved}))
    else:
        _tell(verdict, whole=whole, proved=proved)
    return DONE if whole else FAILED


def _tell(verdict: "Verdict", *, whole: bool, proved: bool) -> None:
    if not whole:
        say(f"NOT WHOLE: {verdict.bad or 'there is no record in it'}")
        if verdict.records:
            note(f"records {verdict.first} to {verdict.head.n} before it are whole")
        return
    say(f"whole: records {verdict.first} to {verdict.head.n}, {verdict.seals} seals")
    say(f"head: {verdict.head.n}:{verdict.head.hash}")
    if verdict.first != 1:
        note(f"records before {verdict.first} are in older files")
    if verdict.torn_bytes:
        note(f"{verdict.torn_bytes} bytes at the end were left unfinished by a power cut")
    if verdict.key_changes:
        changes = ", ".join(map(str, verdict.key_changes))
        say(
            f"the device's key was lost or exchanged (record {changes}): {verdict.other_seals} "
            "seals are of another key than the one they were checked with"
        )
    if verdict.unsealed:
        note(f"the last {verdict.unsealed} records are not sealed yet")
    if not proved:
        note("the seals were checked with the key that the file itself names: give --key")


def _facts(verdict: "Verdict") -> dict[str, Any]:
    return {
        "first": verdict.first,
        "last": verdict.head.n,
        "head": verdict.head.hash,
        "records": verdict.records,
        "seals": verdict.seals,
        "other_seals": verdict.other_seals,
        "key_changes": verdict.key_changes,
        "unsealed": verdict.unsealed,
        "torn_bytes": verdict.torn_bytes,
        "bad": verdict.bad,
    }


def _head(text: str) -> "Head":
    from telemetry.commands.journal_check import Head

    match = HEAD.fullmatch(text)
    if match is None:
        raise CommandError(f"--head: {text[:40]} is no head", "write it as 120:3fa9…", USAGE)
    return Head(int(match[1]), match[2])


def _key(args: argparse.Namespace, files: list[Path]) -> "tuple[PublicKey | None, bool]":
    """The unit's key, and whether it comes from elsewhere than the journal itself."""
    from telemetry.commands.jws import KeyTextError, PublicKey

    path = args.key or (None if args.file else state_folder(args) / "device.pub")
    try:
        if path is not None and (args.key or path.exists()):
            return PublicKey(path.read_text(encoding="ascii").strip()), True
        with files[0].open("rb") as file:
            first = json.loads(file.readline(65_536))
        return PublicKey(str(first["key"])), False
    except (KeyTextError, UnicodeDecodeError) as error:
        cure = "the unit's key is device.pub in its state_dir"
        if path is None:
            raise CommandError(f"{files[0]} is no journal", "", USAGE) from error
        raise CommandError(f"{path} holds no public key", cure, USAGE) from error
    except OSError as error:
        cure = "give the files themselves: journal-000001.jsonl and on"
        told = f"cannot read {error.filename}: {error.strerror}"
        raise CommandError(told, cure, USAGE) from error
    except (ValueError, KeyError, TypeError):
        return None, False


# --- export --------------------------------------------------------------------------------------


def export_copy(args: argparse.Namespace) -> int:
    from edge.cli.unit.outbox_export import export

    if not args.requester.strip() or not args.reason.strip():
        raise CommandError("an export needs a requester and a reason", "name both", USAGE)
    _put_on_record(args)
    try:
        written = export(args.file, _lines(_files(args)), total=0)
    except OSError as error:
        raise CommandError(f"cannot write {args.file}: {error.strerror}") from error
    told = {"records": written, "file": str(args.file), "requester": args.requester}
    say(json.dumps(told) if args.json else f"{written} records in {args.file}")
    return DONE


def _lines(files: list[Path]) -> Iterator[str]:
    from telemetry.commands.journal_check import lines

    for path in files:
        for line in lines(path):
            yield line.decode("utf-8", "surrogateescape")


def _put_on_record(args: argparse.Namespace) -> None:
    """The export itself is a record: by the unit that runs, or by this process in its place."""
    from edge.local.asking import NoUnitError, ask
    from telemetry.commands.handling import OrderRefusedError
    from telemetry.commands.journal import JournalError

    folder = state_folder(args)
    wanted = {"requester": args.requester, "reason": args.reason}
    try:
        ask(folder, "journal.export", wanted)
    except NoUnitError:
        try:
            _record_alone(folder, _device_key(args, folder), wanted)
        except (JournalError, OSError) as error:
            raise CommandError(
                f"the export cannot be journaled, so there is none: {error}",
                "run it with sudo, or as the service's user",
            ) from error
    except OrderRefusedError as error:
        raise CommandError(f"the export cannot be journaled, so there is none: {error}") from error


def _device_key(args: argparse.Namespace, folder: Path) -> Path:
    if args.state_dir is None:
        from config.loading import load

        configured = load(args.config).settings.security.device_key
        if configured is not None:
            return configured
    return folder / "device.key"


def _record_alone(folder: Path, key: Path, wanted: dict[str, str]) -> None:
    from datetime import datetime

    from drivers.clock import SystemClock
    from edge.local.control import user_name
    from edge.running.state_lock import StateInUseError, lock_state
    from telemetry.commands.device_key import DeviceKey
    from telemetry.commands.journal import Journal
    from telemetry.contract.wire_types import TimeQuality

    clock = SystemClock()

    def now() -> tuple[datetime, TimeQuality]:
        return clock.utc(), "rtc"

    try:
        lock_state(folder)
    except StateInUseError as error:
        raise OSError(f"{error}, and does not answer") from error
    journal = Journal(folder / "journal", "-", DeviceKey(key, make=False), now, clock)
    who, why = wanted["requester"], wanted["reason"]
    journal.write("exported", by=f"local:{user_name()}", requester=who, reason=why)
    journal.close()
