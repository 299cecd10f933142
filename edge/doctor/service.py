"""The service: whether systemd has it, starts it at boot, and watches it."""

from collections.abc import Iterator

from config.language import tell
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, ok, warning

NAME = "patrol-edge"
PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState,WatchdogUSec,NRestarts,Result"
RESTARTS = 3


def examine(case: Case) -> Iterator[Line]:
    told = case.host.ask("systemctl", "show", NAME, f"--property={PROPERTIES}")
    if told is None:
        yield none("service", tell("no systemd answers here"))
        if case.unit is not None:
            yield ok("running", tell("by hand, process {pid}", pid=case.unit.facts.get("pid")))
        return
    facts = dict(line.partition("=")[::2] for line in told.splitlines())
    if facts.get("LoadState") != "loaded":
        text, cure = tell("it is not installed"), tell("see systemd/README.md")
        yield fault("service_missing", "service", text, cure)
        return
    yield _enabled(facts)
    yield _running(facts, case)
    yield _watched(facts)


def _enabled(facts: dict[str, str]) -> Line:
    state = facts.get("UnitFileState", "")
    if state in ("enabled", "enabled-runtime", "static", "generated"):
        return ok("at boot", state)
    text = tell("it is not started at boot ({state})", state=state or tell("unknown"))
    cure = tell("sudo systemctl enable {service}", service=NAME)
    return fault("service_off", "at boot", text, cure)


def _running(facts: dict[str, str], case: Case) -> Line:
    active, result = facts.get("ActiveState", ""), facts.get("Result", "")
    restarts = facts.get("NRestarts", "0")
    cure = tell(
        "sudo systemctl start {service}; `journalctl -u {service} -n 50` says why it ended",
        service=NAME,
    )
    if active != "active":
        why = active if result in ("", "success") else f"{active}: {result}"
        text: str = tell("it does not run ({why})", why=why)
        if case.unit is not None:
            text = tell("{told} (one runs by hand)", told=text)
        return fault("service_stopped", "running", text, cure)
    if restarts.isdecimal() and int(restarts) >= RESTARTS:
        text = tell("it runs, and was started again {count} times", count=restarts)
        cure = tell("`journalctl -u {service}` says why", service=NAME)
        return warning("service_restarts", "running", text, cure)
    state = facts.get("SubState", active)
    told = tell("{state}, started again {count} times", state=state, count=restarts)
    return ok("running", told)


def _watched(facts: dict[str, str]) -> Line:
    told = facts.get("WatchdogUSec", "")
    if told in ("", "0", "infinity"):
        text = tell("nobody starts it again if it hangs")
        cure = tell("take WatchdogSec=0 out of the drop-in: systemctl cat patrol-edge")
        return warning("service_unwatched", "watchdog", text, cure)
    return ok("watchdog", told)
