"""The processor and the memory: heat, load, and whether anything holds it back."""

from collections.abc import Iterator

from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, of_finding, ok
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
        yield none("memory", "this computer does not tell")
    else:
        yield ok("memory", f"{used:.0f} % in use")
    for zone in zones:
        if zone.name in found:
            yield of_finding(found[zone.name])
        else:
            yield ok(zone.name, f"{zone.celsius:.0f} °C")
    if not zones:
        yield none("heat", "this computer tells no temperature")
    yield _governor(case)


def _governor(case: Case) -> Line:
    if throttled_now(case):
        text = "the firmware holds the processor back now: heat, or a weak supply"
        return fault("cpu_held_back", "speed", text, "cool it, and see to the group power")
    governor = case.host.text(f"{GOVERNOR}/scaling_governor")
    if governor is None:
        return none("speed", "this computer does not tell what steers its clock rate")
    now, most = (
        case.host.number(f"{GOVERNOR}/{name}") for name in ("scaling_max_freq", "cpuinfo_max_freq")
    )
    if governor == "powersave" and case.host.text(f"{GOVERNOR}/scaling_driver") not in (
        "intel_pstate",  # where it means "as needed" (Linux, admin-guide/pm/intel_pstate)
        "intel_cpufreq",
        "amd-pstate-epp",
    ):
        cure = "sudo cpupower frequency-set -g schedutil, or ondemand; and so at each boot"
        return fault("cpu_held_back", "speed", "its governor is powersave: the lowest rate", cure)
    if now is not None and most and now < 0.9 * most:
        text = f"limited to {now / 1e6:.1f} of {most / 1e6:.1f} GHz"
        cure = "raise scaling_max_freq (cpupower frequency-info), or cool the computer"
        return fault("cpu_held_back", "speed", text, cure)
    return ok("speed", f"governor {governor}")
