"""What every receiver's driver can do beside giving epochs."""

from collections.abc import Callable
from typing import Protocol

from drivers.base import Driver
from drivers.samples import GnssEpoch


class GnssDriver(Driver[GnssEpoch], Protocol):
    """One open receiver, used by one thread."""

    def hear(self, heard: Callable[[str], None]) -> None:
        """From now on call this with each sentence, without `$` and checksum, as it comes."""
