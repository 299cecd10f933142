"""The service: whether systemd has it, starts it at boot, and watches it."""

from collections.abc import Iterator

from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, ok

NAME = "patrol-edge"
PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState,WatchdogUSec,NRestarts,Result"
RESTARTS = 3


def examine(case: Case) -> Iterator[Line]:
    told = case.host.ask("systemctl", "show", NAME, f"--property={PROPERTIES}")
    if told is None:
        yield none("service", "no systemd answers here")
        if case.unit is not None:
            yield ok("running", f"by hand, process {case.unit.facts.get('pid')}")
        return
    facts = dict(line.partition("=")[::2] for line in told.splitlines())
    if facts.get("LoadState") != "loaded":
        yield fault("service_missing", "service", "it is not installed", "see systemd/README.md")
        return
    yield _enabled(facts)
    yield _running(facts, case)
    yield _watched(facts)


def _enabled(facts: dict[str, str]) -> Line:
    state = facts.get("UnitFileState", "")
    if state in ("enabled", "enabled-runtime", "static", "generated"):
        return ok("at boot", state)
    cure = f"sudo systemctl enable {NAME}"
    return fault(
        "service_off", "at boot", f"it is not started at boot ({state or 'unknown'})", cure
    )


def _running(facts: dict[str, str], case: Case) -> Line:
    active, result = facts.get("ActiveState", ""), facts.get("Result", "")
    restarts = facts.get("NRestarts", "0")
    cure = f"sudo systemctl start {NAME}; `journalctl -u {NAME} -n 50` says why it ended"
    if active != "active":
        why = "" if result in ("", "success") else f": {result}"
        by_hand = " (one runs by hand)" if case.unit is not None else ""
        return fault(
            "service_stopped", "running", f"it does not run ({active}{why}){by_hand}", cure
        )
    if restarts.isdecimal() and int(restarts) >= RESTARTS:
        text = f"it runs, and was started again {restarts} times"
        return fault("service_restarts", "running", text, f"`journalctl -u {NAME}` says why")
    return ok("running", f"{facts.get('SubState', active)}, started again {restarts} times")


def _watched(facts: dict[str, str]) -> Line:
    told = facts.get("WatchdogUSec", "")
    if told in ("", "0", "infinity"):
        cure = "take WatchdogSec=0 out of the drop-in: systemctl cat patrol-edge"
        return fault("service_unwatched", "watchdog", "nobody starts it again if it hangs", cure)
    return ok("watchdog", told)
