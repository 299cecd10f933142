"""S-UNIT-1: what each service may do, rated by systemd, which understands all of them."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.torture.trials import NotRun, Stage, held, trial

SYSTEMD = Path(__file__).parents[2] / "systemd"
# Helpers without network and devices; the others are root with three or four of its rights. That
# for sticks may become the service, which weighs more: it writes and unpacks as the service.
LIMITS = {
    "patrol-edge.service": 1.5,
    "patrol-edge-clock.service": 0.5,
    "patrol-edge-firstboot.service": 0.5,
    "patrol-edge-renew.service": 2.1,
    "patrol-edge-usb@.service": 2.2,
}
RATED = re.compile(r"Overall exposure level for \S+: ([0-9.]+)")


@trial("S-UNIT-1", "the runtime is rated 1.5, helpers 0.5, and all units are right", short=True)
def what_services_may_do(stage: Stage) -> str:
    if shutil.which("systemd-analyze") is None:
        raise NotRun("needs systemd-analyze (package systemd)")
    units = {path.name: path for path in SYSTEMD.glob("*.service")}
    held(set(units) == set(LIMITS), f"not every unit has a limit: {set(units) ^ set(LIMITS)}")
    rated = {name: exposure(path) for name, path in units.items()}
    open_ones = {name: rating for name, rating in rated.items() if rating > LIMITS[name]}
    held(not open_ones, f"these may do too much: {open_ones}")
    bare = stage.folder / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    held(exposure(bare) > 9, "control: a service that may do everything is rated well")
    held(verified(stage.folder, units.values()) == "", verified(stage.folder, units.values()))
    wrong = stage.folder / "wrong.service"
    wrong.write_text("[Service]\nExecStart=/bin/true\nRestart=perhaps\n")
    held(verified(stage.folder, [wrong]) != "", "control: nothing is said of a wrong setting")
    told = ", ".join(f"{name.removesuffix('.service')} {rated[name]}" for name in sorted(rated))
    return f"{told}; a plain service {exposure(bare)}; verify is silent"


def exposure(unit: Path) -> float:
    """From 0, nothing, to 10."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", unit]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = RATED.search(told.stdout)
    held(found, f"no rating: {told.stdout[-300:]}{told.stderr}")
    return float(found[1]) if found else 10.0


def verified(folder: Path, units: Iterable[Path]) -> str:
    """What systemd says of them; programs that only a package brings stand in as /bin/true."""
    place = folder / "verified"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for unit in units:
        text = re.sub(r"=([-+]*)/opt/patrol-edge/bin/[a-z0-9-]+", r"=\1/bin/true", unit.read_text())
        (place / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", *sorted(place.iterdir())]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return told.stdout + told.stderr
