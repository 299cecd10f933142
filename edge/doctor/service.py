"""The service: whether systemd has it, starts it at boot, and watches it."""

import pwd
from collections.abc import Iterator

from config.language import tell
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, ok, warning

NAME = "patrol-edge"  # of the service, of its user and of their group
PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState,WatchdogUSec,NRestarts,Result"
RESTARTS = 3
MOST_SHOWN = 8
OURS = f"{NAME}*"
# What the shipped unit says, as `systemctl show` gives it back; a property that this systemd does
# not know is not in its answer.
SANDBOX = {
    "User": NAME,
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "DevicePolicy": "closed",
    "MemoryDenyWriteExecute": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectHostname": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "LimitCORE": "0",
}


def user_id() -> int | None:
    """Of the user that the service is; None where there is no such user."""
    try:
        return pwd.getpwnam(NAME).pw_uid
    except KeyError:
        return None


def examine(case: Case) -> Iterator[Line]:
    told = case.host.ask("systemctl", "show", NAME, f"--property={PROPERTIES}")
    if told is None or "LoadState=" not in told:  # in a chroot it says nothing, and means it well
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
    yield _sandbox(case)
    yield from _failed(case)


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


def _sandbox(case: Case) -> Line:
    """What a drop-in has taken away from the walls around the service."""
    names = ",".join((*SANDBOX, "DropInPaths"))
    told = case.host.ask("systemctl", "show", NAME, f"--property={names}") or ""
    facts = dict(line.partition("=")[::2] for line in told.splitlines())
    weaker = [f"{name}={facts[name]}" for name in SANDBOX if _is_weaker(name, facts)]
    paths = facts.get("DropInPaths", "")
    if weaker:
        text: str = tell("weaker than as it is shipped: {what}", what=", ".join(weaker))
        if paths:
            text = tell("{text} ({paths})", text=text, paths=paths)
        cure = tell(
            "take it out of the drop-in (systemctl edit {service}); only a GPU needs "
            "MemoryDenyWriteExecute=no",
            service=NAME,
        )
        return warning("sandbox_weakened", "sandbox", text, cure)
    if paths:
        return ok("sandbox", tell("as it is shipped; drop-ins: {paths}", paths=paths))
    return ok("sandbox", tell("as it is shipped"))


def _is_weaker(name: str, facts: dict[str, str]) -> bool:
    return name in facts and facts[name] != SANDBOX[name]


def _failed(case: Case) -> Iterator[Line]:
    """Other units of ours, and their timers."""
    words = ("list-units", OURS, "--all", "--plain", "--no-legend", "--full")
    told = case.host.ask("systemctl", *words) or ""
    rows = [line.split(None, 4) for line in told.splitlines() if line.strip()]
    units = [row for row in rows if len(row) >= 4 and row[0] != f"{NAME}.service"]
    for unit in (row[0] for row in units if row[2] == "failed"):
        cure = tell("`systemctl status {unit}` says why; then systemctl reset-failed", unit=unit)
        yield warning("unit_failed", unit, tell("it has failed"), cure)
    well = [f"{row[0]} {row[3]}" for row in units if row[2] != "failed"]
    if well:
        yield ok("beside it", ", ".join(well[:MOST_SHOWN]))
