"""All that plates are made of on a unit, in one piece."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from config.models import Settings
from drivers.clock import Clock
from edge.plates.hits import HitDesk
from edge.plates.hotlist import HotList
from edge.plates.orders import PlatesOffice
from edge.plates.stick import SignedLists
from edge.plates.vault import Secret, Vault
from edge.plates.watch import PlateWatch
from edge.seeing.witness import Witness
from perception.plates.reader import PlateReader
from telemetry.commands.keyring import Keyring

LIST_FILE, HITS_FILE, KEY_FILE = "plates.list", "plates.hits", "plates.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plates:
    hotlist: HotList
    desk: HitDesk
    watch: PlateWatch
    office: PlatesOffice

    @classmethod
    def open(
        cls,
        settings: Settings,
        clock: Clock,
        witness: Witness,
        allowed: Callable[[], bool] = lambda: True,
    ) -> "Plates | None":
        """None where the feature is off: then no plate and no hit is on the disk either.

        `allowed`: see PlateWatch.
        """
        config, folder = settings.plates, settings.state_dir
        secret = Secret(config.key_file or folder / KEY_FILE, make=config.key_file is None)
        lists, hits = Vault(folder / LIST_FILE, secret), Vault(folder / HITS_FILE, secret)
        if not config.enabled:
            _forget(lists, hits, secret, witness)
            return None
        hotlist = HotList(lists, secret)
        desk = HitDesk(config, hotlist, hits, witness)
        opener = partial(PlateReader.open, threads=config.threads)
        keyring = Keyring(settings.security.keyring or folder / "keyring.json")
        return cls(
            hotlist=hotlist,
            desk=desk,
            watch=PlateWatch(config, hotlist, desk, opener, clock, allowed),
            office=PlatesOffice(hotlist, desk, witness, SignedLists(settings.unit.id, keyring)),
        )


def _forget(lists: Vault, hits: Vault, secret: Secret, witness: Witness) -> None:
    """What an earlier run has left, with the feature on: its lists would never end any more."""
    hits.remove()
    if not lists.path.exists():
        return
    gone = HotList(lists, secret).clear(witness.now())
    if gone is None:
        lists.remove()  # nobody can read it
    if gone != 0:
        witness.note("plates_forgotten", entries=gone)
