"""Which kind of u-blox receiver it is."""

from drivers.gnss.setup.line import Line
from drivers.gnss.setup.ublox_earlier import EarlierUblox
from drivers.gnss.setup.ublox_keyed import KeyedUblox
from drivers.gnss.setup.ubx import identity, library

VALSET_FROM = 27.0  # protocol version


def opened(line: Line, version: bytes) -> KeyedUblox | EarlierUblox:
    """The receiver that answered so. Raises SetupError, where pyubx2 is missing, too."""
    protocol, model = identity(library(), version)
    if protocol >= VALSET_FROM:
        return KeyedUblox(line, model)
    return EarlierUblox(line, model)
