"""The broker, step by step: name, connection, TLS, login, rights, and how soon it answers.

Each step has a line and a cure of its own; what comes after a step that failed is not tried.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from config.certificates import CertificateError, doubts, read_certificate
from config.errors import ConfigError
from config.language import said, tell
from config.secrets import SecretFileError
from edge.doctor import broker_login, broker_way
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, of_finding, ok, warning
from edge.doctor.look import side_by_side
from edge.reporting.delivery_findings import identity_findings
from telemetry.link.transport import LinkOptions, link_options

STEPS = ("DNS", "TCP", "TLS", *broker_login.STEPS)
AUTHORITY_SOON_DAYS = 60  # every unit of the fleet needs the next one by then
NOT_TRIED = tell("not tried")
IDENTITY_CODES = ("certificate_wrong", "certificate_expired", "certificate_expires")


def examine(case: Case) -> Iterator[Line]:
    yield from _certificate(case)
    yield from _authority(case)
    link, unit = case.settings.hub, case.settings.unit.id
    options = replace(link_options(link, f"{unit}-doctor"), clean_start=True, session_expiry_s=0)
    nodes = options.nodes()
    if len(nodes) == 1:
        yield from _node(case, options)
    else:
        jobs = {node.address: partial(_named, case, node) for node in nodes}
        yield from side_by_side(case, jobs)
    if case.unit is not None:
        yield _of_unit(case)


def _certificate(case: Case) -> Iterator[Line]:
    """The unit's own."""
    tls = case.settings.hub.tls
    if tls.cert is None:
        return
    if case.unit is not None:
        case.unit.take(*IDENTITY_CODES)  # read from the same files
    try:
        found = identity_findings(doubts(case.settings, case.host.clock.utc()))
    except (OSError, ConfigError) as error:
        cure = tell("see to the file and its rights; run the doctor as the service's user")
        yield fault("certificate_wrong", "certificate", said(error), cure)
        return
    told = [replace(of_finding(each), name="certificate") for each in found]
    yield from told or [ok("certificate", _valid(case, tls.cert))]


def _valid(case: Case, path: Path) -> str:
    """Its dates were read a moment ago."""
    try:
        end = read_certificate(path).not_after
    except (OSError, CertificateError, SecretFileError):
        return tell("valid")
    days = (end - case.host.clock.utc()).days
    return tell("valid until {date}, {days} days", date=f"{end:%Y-%m-%d}", days=days)


def _authority(case: Case) -> Iterator[Line]:
    """Whose signature on the broker's certificate counts: it ends, too, and is forgotten."""
    path = case.settings.hub.tls.ca
    if path is None:
        return
    try:
        end = read_certificate(path).not_after
    except (OSError, CertificateError, SecretFileError):
        return  # the step TLS tells it
    left = end - case.host.clock.utc()
    told = tell("valid until {date}, {days} days", date=f"{end:%Y-%m-%d}", days=left.days)
    if left < timedelta(days=AUTHORITY_SOON_DAYS):
        cure = tell(
            "ask the broker's people for the next authority's file, and put it beside the old one "
            "into the file of hub.tls.ca, before the broker changes"
        )
        yield warning("authority_expires", "authority", told, cure)
    else:
        yield ok("authority", told)


def _node(case: Case, node: LinkOptions) -> Iterator[Line]:
    done = set[str]()
    failed = False
    for line in _tried(case, node):
        done.add(line.name)
        failed = failed or line.state == "fault"
        yield line
    if failed:
        left = [step for step in STEPS if step not in done and (step != "TLS" or node.tls)]
        yield from (none(step, NOT_TRIED) for step in left)


def _tried(case: Case, node: LinkOptions) -> Iterator[Line]:
    for line in broker_way.examine(case, node):
        yield line
        if line.state == "fault":
            return
    if _is_let_in(case):
        told = tell(
            "the running unit is let in; a second login with its certificate could end that"
        )
        yield none("login", told)
    else:
        yield from broker_login.examine(case, node)


def _is_let_in(case: Case) -> bool:
    """Whether the running unit has a connection by a certificate. Brokers that take the client id
    from that (`use_username_as_clientid`, as ours does) would let go of the unit for the doctor."""
    link = {} if case.unit is None else case.unit.facts.get("link", {})
    return bool(link.get("connected")) and case.settings.hub.tls.cert is not None


def _named(case: Case, node: LinkOptions) -> Iterator[Line]:
    """Of one node among others; what was not tried is one line then."""
    left = []
    for line in _node(case, node):
        if line.text == NOT_TRIED:
            left.append(line.name)
        else:
            yield replace(line, name=tell("{step} {node}", step=line.name, node=node.address))
    if left:
        told = tell("not tried: {steps}", steps=", ".join(left))
        yield none(tell("then {node}", node=node.address), told)


def _of_unit(case: Case) -> Line:
    link = {} if case.unit is None else case.unit.facts.get("link", {})
    found = [] if case.unit is None else case.unit.take("link_down", "delivery_stalled")
    if found:
        return replace(found[0], name="the unit")
    told = tell(
        "connected, {acked} messages delivered, {waiting} under way",
        acked=link.get("acked", 0),
        waiting=link.get("unacked", 0),
    )
    return ok("the unit", told)
