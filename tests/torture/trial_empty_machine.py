"""R-BOX-1: from an empty Debian to a unit at work, with nothing but what is on the stick."""

import re

from tests.empty_machine import enter
from tests.torture.trial_package import can_install
from tests.torture.trials import Stage, held, trial

LIMIT_S = 300.0


@trial("R-BOX-1", "an empty machine is a unit at work, with a content doctor, within five minutes")
def out_of_the_box(stage: Stage) -> str:
    can_install()
    result = enter(stage.folder)
    said = result.stdout + result.stderr
    held(result.returncode == 0, f"it went wrong: {said[-1500:]}")
    steps = re.findall(r"^ *(\d+\.\d) s  (.*)$", result.stdout, re.M)
    total_s = float(steps[-1][0])
    held(total_s <= LIMIT_S, f"it took {total_s:.0f} s: {steps}")
    told = "; ".join(f"{what} {took_s} s" for took_s, what in steps[:-1])
    return f"{total_s:.0f} s of {LIMIT_S:.0f}: {told}"
