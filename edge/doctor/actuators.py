"""What the unit says and shines: whether it is there; with `--exercise`, whether it acts."""

from collections.abc import Iterator
from contextlib import closing

from config.actuators import ActuatorConfig, BoardVia, PlatformVia
from config.language import said, tell
from config.wording import counted
from drivers.actuators.actuator import Actuator, ActuatorReport, Output
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.factory import open_actuator
from drivers.samples import Done
from edge.doctor.case import Case
from edge.doctor.line import NOT_CONFIGURED, Line, fault, none, ok
from edge.doctor.running_unit import RunningUnit, UnitSilentError
from edge.reporting.device_findings import DEVICE_ACTIONS
from telemetry.commands.handling import OrderRefusedError

REPORT_WITHIN_S = 3.0
ON_FOR_S = 1.0
GENTLY = 0.3  # bright enough to be seen, not to blind
LIT_BY_THE_UNIT: dict[str, dict[str, float]] = {"light": {"level": GENTLY}, "beacon": {}}
WORDS = "一、二、三"
SHINES = ("light", "beacon", "record_lamp", "relay")


def examine(case: Case) -> Iterator[Line]:
    if not case.settings.actuators:
        yield none("actuators", NOT_CONFIGURED)
    for name, config in case.settings.actuators.items():
        if case.unit is not None:
            yield from case.unit.device("actuator", name)
        else:
            yield _tried(case, name, config)
    if case.unit is not None and case.exercise:
        kinds = {config.kind for config in case.settings.actuators.values()}
        for kind in sorted(kinds & LIT_BY_THE_UNIT.keys()):
            yield _lit(case, case.unit, kind)
        if "speaker" in kinds:
            yield _spoken(case.unit)


def _lit(case: Case, unit: RunningUnit, kind: str) -> Line:
    """All of a kind, by the running unit and its rules: softly on, and off again."""
    name = tell("{kind} on, off", kind=kind)
    try:
        on = unit.do(f"act.{kind}", on=True, max_on_s=3.0 * ON_FOR_S, **LIT_BY_THE_UNIT[kind])
        case.stop.wait(ON_FOR_S)
        off = unit.do(f"act.{kind}", on=False)
    except OrderRefusedError as error:
        return none(name, tell("the unit refuses: {why}", why=said(error)))
    except UnitSilentError as error:
        return fault("actuator_silent", name, said(error), DEVICE_ACTIONS["actuator", "silent"])
    told = [each for answer in (on, off) for each in answer.get("actuators", [])]
    wrong = [str(each["name"]) for each in told if not each.get("confirmed")]
    if wrong or not told:
        names = ", ".join(dict.fromkeys(wrong)) or tell("nothing was switched")
        text = tell("not confirmed: {names}", names=names)
        return fault("actuator_disobeys", name, text, DEVICE_ACTIONS["actuator", "silent"])
    return ok(name, tell("{lamps} confirmed it", lamps=counted(len(told) // 2, kind)))


def _spoken(unit: RunningUnit) -> Line:
    """A few words, softly, by the running unit and its rules."""
    name = tell("speaker speaks")
    try:
        unit.do("act.speak", text=WORDS, volume=GENTLY)
    except OrderRefusedError as error:
        return none(name, tell("the unit refuses: {why}", why=said(error)))
    except UnitSilentError as error:
        return fault("actuator_silent", name, said(error), DEVICE_ACTIONS["actuator", "silent"])
    return ok(name, tell("it says {words!r}: did you hear it?", words=WORDS))


def _tried(case: Case, name: str, config: ActuatorConfig) -> Line:
    elsewhere = _elsewhere(config)
    if elsewhere is not None:
        return none(name, elsewhere)
    try:
        with closing(open_actuator(name, config, case.host.clock)) as device:
            report = _report(case, device)
            acted = _exercise(case, device, config) if case.exercise else None
    except (DeviceUnavailableError, DeviceLostError) as error:
        return fault("actuator_missing", name, said(error), DEVICE_ACTIONS["actuator", "missing"])
    return _judged(name, config.kind, report, acted)


def _elsewhere(config: ActuatorConfig) -> str | None:
    """Which group looks at what drives it; None for what is looked at here."""
    match config.via:
        case BoardVia(board=board):
            return tell(
                "{kind} on the board {board}: see the group boards", kind=config.kind, board=board
            )
        case PlatformVia(platform=platform):
            return tell(
                "{kind} on {platform}: see the group platforms",
                kind=config.kind,
                platform=platform,
            )
    return None


def _judged(name: str, kind: str, report: ActuatorReport | None, acted: Done | None) -> Line:
    cure = DEVICE_ACTIONS["actuator", "silent"]
    if report is None:
        text = tell("it reports nothing within {limit_s:.0f} s", limit_s=REPORT_WITHIN_S)
        return fault("actuator_silent", name, text, cure)
    if report.fault or (acted is not None and not acted.ok):
        told = report.fault or (acted.text if acted is not None else "")
        return fault("actuator_disobeys", name, told, cure)
    if acted is not None:
        return ok(name, tell("{kind}, went on and off", kind=kind))
    return ok(name, kind)


def _report(case: Case, device: Actuator) -> ActuatorReport | None:
    ends_s = case.host.clock.mono_s() + REPORT_WITHIN_S
    while case.host.clock.mono_s() < ends_s:
        sample = device.read()
        if isinstance(sample, ActuatorReport):
            return sample
    return None


def _exercise(case: Case, device: Actuator, config: ActuatorConfig) -> Done | None:
    """Softly on, and off again. Raises DeviceLostError."""
    if config.kind not in SHINES:
        return None
    done = _asked(case, device, 1, GENTLY, 0.0)
    _asked(case, device, 0, 0.0, ON_FOR_S)
    return done


def _asked(case: Case, device: Actuator, token: int, level: float, after_s: float) -> Done:
    clock = case.host.clock
    begin_s = clock.mono_s() + after_s
    while clock.mono_s() < begin_s and not case.stop.is_set():
        device.read()
    device.ask(token, Output(level=level))
    ends_s = clock.mono_s() + REPORT_WITHIN_S
    while clock.mono_s() < ends_s:
        sample = device.read()
        if isinstance(sample, Done) and sample.token == token:
            return sample
    return Done(
        token=token,
        ok=False,
        text=tell("no answer within {limit_s:.0f} s", limit_s=REPORT_WITHIN_S),
    )
