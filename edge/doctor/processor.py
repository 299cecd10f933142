"""The processor and the memory: heat, load, and whether anything holds it back."""

from collections.abc import Iterator

from config.language import tell
from edge.doctor.case import Case
from edge.doctor.line import Line, none, of_finding, ok, warning
from edge.doctor.power import throttled_now
from edge.reporting import computer
from edge.reporting.device_findings import computer_findings

GOVERNOR = "devices/system/cpu/cpu0/cpufreq"


def examine(case: Case) -> Iterator[Line]:
    used = computer.memory_percent(case.host.proc)
    zones = computer.temperatures(case.host.tree.sys / "class/thermal")
    found = {each.component: each for each in computer_findings(None, zones, used)}
    if "memory" in found:
        yield of_finding(found["memory"])
    elif used is None:
        yield none("memory", tell("this computer does not tell"))
    else:
        yield ok("memory", tell("{percent:.0f} % in use", percent=used))
    for zone in zones:
        if zone.name in found:
            yield of_finding(found[zone.name])
        else:
            yield ok(zone.name, tell("{celsius:.0f} °C", celsius=zone.celsius))
    if not zones:
        yield none("heat", tell("this computer tells no temperature"))
    yield _governor(case)


def _governor(case: Case) -> Line:
    if throttled_now(case):
        text = tell("the firmware holds the processor back now: heat, or a weak supply")
        return warning("cpu_held_back", "speed", text, tell("cool it, and see to the group power"))
    governor = case.host.text(f"{GOVERNOR}/scaling_governor")
    if governor is None:
        return none("speed", tell("this computer does not tell what steers its clock rate"))
    now, most = (
        case.host.number(f"{GOVERNOR}/{name}") for name in ("scaling_max_freq", "cpuinfo_max_freq")
    )
    if governor == "powersave" and case.host.text(f"{GOVERNOR}/scaling_driver") not in (
        "intel_pstate",  # where it means "as needed" (Linux, admin-guide/pm/intel_pstate)
        "intel_cpufreq",
        "amd-pstate-epp",
    ):
        text = tell("its governor is powersave: the lowest rate")
        cure = tell("sudo cpupower frequency-set -g schedutil, or ondemand; and so at each boot")
        return warning("cpu_held_back", "speed", text, cure)
    if now is not None and most and now < 0.9 * most:
        text = tell(
            "limited to {now_ghz:.1f} of {most_ghz:.1f} GHz", now_ghz=now / 1e6, most_ghz=most / 1e6
        )
        cure = tell("raise scaling_max_freq (cpupower frequency-info), or cool the computer")
        return warning("cpu_held_back", "speed", text, cure)
    return ok("speed", tell("governor {name}", name=governor))
