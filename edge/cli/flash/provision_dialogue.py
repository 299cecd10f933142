"""Asks the person at the terminal: short questions, answers that one finger can give, each checked
at once. Enter takes what stands in brackets. Nothing secret is shown."""

import getpass
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from config.language import localized, tell
from drivers.plugged.looking import look_around
from edge.cli.console import USAGE, CommandError, note
from edge.cli.flash.provision_wishes import CHECKS, Wishes
from edge.provisioning.card import KINDS
from edge.provisioning.unit_text import needs_certificate
from edge.provisioning.wiring import wired

LOCALTIME = Path("/etc/localtime")


class Dialogue:
    """One conversation. Every method raises CommandError where nobody answers."""

    def ask(self, question: str, check: Callable[[str], str], default: str | None = None) -> str:
        while True:
            answer = self._line(self._shown(question, default)) or default or ""
            try:
                return check(answer)
            except ValueError as error:
                self._wrong(error)

    def ask_secret(self, question: str, check: Callable[[str], str]) -> str:
        """What is typed is not shown."""
        while True:
            try:
                answer = getpass.getpass(self._shown(question, None), stream=sys.stderr)
            except EOFError:
                raise self._nobody() from None
            try:
                return check(answer)
            except ValueError as error:
                self._wrong(error)

    def ask_maybe(self, question: str, check: Callable[[str], str]) -> str | None:
        """None for Enter alone."""
        shown = tell("{question} (Enter: none)", question=question)
        answer = self.ask(shown, lambda text: check(text) if text.strip() else "")
        return answer or None

    def choose(self, question: str, choices: Sequence[tuple[str, str]], default: str) -> str:
        """One of `choices`, (value, words), by its number, its value or its words."""
        note(localized(question))
        for number, (_, words) in enumerate(choices, 1):
            note(f"  {number}  {localized(words)}")
        by_answer = {value: value for value, _ in choices}
        by_answer |= {words.lower(): value for value, words in choices}
        by_answer |= {str(number): value for number, (value, _) in enumerate(choices, 1)}
        usual = next(str(at) for at, (value, _) in enumerate(choices, 1) if value == default)

        def chosen(text: str) -> str:
            value = by_answer.get(text.strip().lower())
            if value is None:
                raise ValueError(tell("write a number, 1 to {last}", last=len(choices)))
            return value

        return self.ask(tell("number"), chosen, usual)

    def agree(self, question: str, *, default: bool = True) -> bool:
        def decided(text: str) -> str:
            word = text.strip().lower()
            if word[:1] not in ("y", "n", "j", "是", "否"):
                raise ValueError(tell("write y or n"))
            return "y" if word[:1] in ("y", "j", "是") else "n"

        return self.ask(question, decided, "y" if default else "n") == "y"

    @staticmethod
    def _shown(question: str, default: str | None) -> str:
        return f"{localized(question)}{f' [{default}]' if default else ''}: "

    def _line(self, shown: str) -> str:
        sys.stderr.write(shown)
        sys.stderr.flush()
        try:
            line = sys.stdin.readline()
        except UnicodeDecodeError:
            return "\ufffd"
        if not line:
            raise self._nobody()
        return line.strip()

    @staticmethod
    def _nobody() -> CommandError:
        cure = tell("run it again: it goes on from here; or give all by options, see --help")
        return CommandError(tell("no answer"), cure, USAGE)

    @staticmethod
    def _wrong(error: ValueError) -> None:
        text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
        note(f"  ! {localized(text)}")


def asked(wishes: Wishes, before: Wishes, *, waits: bool) -> Wishes:
    """All that was not given. `before` are the answers of an earlier run, as defaults; `waits`: who
    it is stands, and its certificate is missing."""
    dialogue = Dialogue()
    wishes = wishes.over(before) if waits else _about_the_unit(dialogue, wishes, before)
    if needs_certificate(wishes.hub or "") and not (wishes.certificate or wishes.enrol):
        wishes = _about_the_certificate(dialogue, wishes)
    return wishes


def _about_the_unit(dialogue: Dialogue, given: Wishes, before: Wishes) -> Wishes:
    usual = before
    while True:
        found = given
        if found.unit_id is None:
            told = tell("Name of this unit, e.g. dog-07")
            found = replace(found, unit_id=dialogue.ask(told, CHECKS["unit_id"], usual.unit_id))
        if found.profile is None:
            kinds = tuple(KINDS.items())
            chosen = dialogue.choose(tell("What is it?"), kinds, usual.profile or "robot_dog")
            found = replace(found, profile=chosen)
        if found.hub is None:
            told = tell("Address of the hub, e.g. hub.example")
            found = replace(found, hub=dialogue.ask(told, CHECKS["hub"], usual.hub))
        if found.zone is None:
            told = tell("Time zone")
            zone = dialogue.ask(told, CHECKS["zone"], usual.zone or current_zone())
            found = replace(found, zone=zone)
        found = _about_devices(dialogue, found)
        found = _about_trust(dialogue, found)
        note("")
        note(localized(tell("{unit}, {kind}, hub {hub}, time {zone}",
                            unit=found.unit_id, kind=KINDS[str(found.profile)], hub=found.hub,
                            zone=found.zone)))  # fmt: skip
        if dialogue.agree(tell("All right?")):
            return found
        usual = found  # asked again, with what was said as default


def _about_devices(dialogue: Dialogue, wishes: Wishes) -> Wishes:
    if wishes.devices is not None:
        return wishes
    there = wired(look_around())
    if not there:
        note(localized(tell("No receiver and no camera is plugged in; enter them later.")))
        return replace(wishes, devices="none")
    for each in there:
        note(f"  {localized(each.told)}")
    use = dialogue.agree(tell("Use them?"))
    return replace(wishes, devices="auto" if use else "none")


def _about_trust(dialogue: Dialogue, wishes: Wishes) -> Wishes:
    if wishes.commander is None:
        told = tell("File with the key that may command it, e.g. /media/hub-1.pub")
        wishes = replace(wishes, commander=dialogue.ask_maybe(told, CHECKS["commander"]))
    if wishes.trust is None:
        told = tell("File with the keys whose bundles it takes, e.g. /media/trust.json")
        wishes = replace(wishes, trust=dialogue.ask_maybe(told, CHECKS["trust"]))
    if wishes.contact is None:
        told = tell("Whom to call who finds it, for the card")
        wishes = replace(wishes, contact=dialogue.ask_maybe(told, str.strip))
    return wishes


def _about_the_certificate(dialogue: Dialogue, wishes: Wishes) -> Wishes:
    routes = (
        ("enrol", tell("from an enrolment server, with a token")),
        ("file", tell("it is in a file here")),
        ("later", tell("later: take unit.csr to whoever signs it")),
    )
    route = dialogue.choose(tell("Its certificate comes"), routes, "enrol")
    if route == "later":
        return wishes
    if route == "file":
        told = tell("Certificate's file, e.g. /media/dog-07.crt")
        wishes = replace(wishes, certificate=dialogue.ask(told, CHECKS["certificate"]))
    if wishes.ca is None and (route == "file" or wishes.ca_sha256 is None):
        told = tell("Authority's file, e.g. /media/ca.crt")
        wishes = replace(wishes, ca=dialogue.ask_maybe(told, CHECKS["ca"]))
    if route == "file":
        return wishes
    if wishes.ca is None and wishes.ca_sha256 is None:
        told = tell("Authority's fingerprint, 64 digits")
        wishes = replace(wishes, ca_sha256=dialogue.ask(told, CHECKS["ca_sha256"]))
    told = tell("Address of the enrolment server")
    host = (wishes.hub or "").partition("://")[2].rpartition(":")[0]
    wishes = replace(wishes, enrol=dialogue.ask(told, _server, host or None))
    if wishes.token is None and wishes.token_file is None:
        told = tell("Token (it is not shown)")
        wishes = replace(wishes, token=dialogue.ask_secret(told, CHECKS["token"]))
    return wishes


def _server(text: str) -> str:
    from edge.provisioning.errors import WrongInputError
    from edge.provisioning.est_client import Server

    try:
        Server.at(text, b"-", None)
    except WrongInputError as error:
        raise ValueError(tell("{text}; {cure}", text=error.text, cure=error.cure)) from error
    return text


def current_zone() -> str:
    """That of this computer; UTC where nothing says it."""
    try:
        _, found, name = str(LOCALTIME.resolve()).partition("/zoneinfo/")
    except OSError:
        return "UTC"
    return name if found and name else "UTC"
