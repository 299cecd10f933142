"""Before anything uses the name or the keys that lie here."""

import json

from config.language import tell
from edge.provisioning.errors import ProvisioningError
from edge.provisioning.identity import Places, check_machine
from edge.provisioning.machine import Machine
from edge.provisioning.wiping import RESET_RECORD


def check_start(places: Places, machine: Machine | None = None) -> None:
    """Whether a unit may be what lies here. Raises ProvisioningError, with the cure."""
    check_reset(places)
    check_machine(places, machine)


def check_reset(places: Places) -> None:
    """A reset that was cut off goes on before anything else. Raises ProvisioningError."""
    if _is_unfinished(places):
        raise ProvisioningError(
            tell("a factory reset was cut off here"),
            tell("bring it to its end: sudo patrol-edge factory-reset"),
        )


def _is_unfinished(places: Places) -> bool:
    try:
        return bool(json.loads((places.state / RESET_RECORD).read_text())["complete"] is not True)
    except OSError:
        return False
    except (ValueError, KeyError, TypeError):
        return True
