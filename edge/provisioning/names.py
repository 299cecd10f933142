"""What may stand as CN in a certificate: one level of a topic, nothing that a broker reads as more.

As `unit.id`. A broker goes by this name; with a /, + or # in it one unit could be another
(CVE-2017-7650).
"""

import re

from config.language import tell
from config.section import UNIT_ID_PATTERN
from edge.provisioning.errors import WrongInputError

TAKEN = ("broker", "ca", "est")  # names of the authority's own files
CURE = tell("write a-z, 0-9 and -, at most 32, e.g. dog-01")


def checked_name(name: str) -> str:
    """The name, of whatever client. Raises WrongInputError."""
    if not re.fullmatch(UNIT_ID_PATTERN, name):
        raise WrongInputError(tell("{name} is no name", name=repr(name)[:60]), CURE)
    if name in TAKEN:
        told = tell("'{name}' is taken by the authority itself", name=name)
        raise WrongInputError(told, tell("take another name"))
    return name


def checked_unit(name: str) -> str:
    """The name of a unit: never a hub's, which may hear and command all. Raises WrongInputError."""
    checked_name(name)
    if name == "hub" or name.startswith("hub-"):
        raise WrongInputError(
            tell("'{name}' is a hub's name, and a unit's certificate must not open a hub's doors",
                 name=name),
            tell("give the unit a name like dog-01"),
        )  # fmt: skip
    return name
