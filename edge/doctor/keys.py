"""Who may command the unit: the keyring, and the unit's own key."""

from collections.abc import Iterator

from config.language import tell
from config.wording import counted
from edge.commands.key_facts import key_facts
from edge.doctor.case import Case
from edge.doctor.line import Line, of_finding, ok
from edge.reporting.command_findings import key_findings

CODES = ("commands_unsigned", "keyring_missing", "keyring_unreadable", "keys_over", "keys_expiring")


def examine(case: Case) -> Iterator[Line]:
    if case.unit is not None:
        case.unit.take(*CODES)  # read from the same file
    facts = key_facts(case.settings, case.host.clock.utc())
    found = [of_finding(each) for each in key_findings(facts)]
    told = tell("{keys} that may command this unit", keys=counted(facts.valid, "key"))
    yield from found or [ok("keyring", told)]
