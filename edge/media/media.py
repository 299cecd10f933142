"""All of a unit that concerns pictures for the hub, built together."""

from collections import Counter
from dataclasses import dataclass
from functools import partial

from config.models import Settings
from drivers.clock import Clock
from edge.media.jobs import JobBoard
from edge.media.orders import LockOrder, SnapshotOrder, UnlockOrder, lock_noter
from edge.media.snapshot_desk import SnapshotDesk
from edge.media.studio import KIB, Studio
from edge.media.unlocks import Unlocks
from edge.timebase import Timebase
from perception.inference.catalogue import Catalogue
from perception.redaction.faces import FaceFinder
from telemetry.commands.handling import Handler
from telemetry.commands.journal import Journal
from telemetry.link.picture_flow import PictureFlow
from telemetry.pictures.spool import PictureSpool

MIB = 1024 * KIB
EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What is asked of it by the rest of the unit."""

    desk: SnapshotDesk
    board: JobBoard
    studio: Studio
    spool: PictureSpool
    unlocks: Unlocks
    flow: PictureFlow
    handlers: dict[str, Handler]

    @classmethod
    def build(
        cls, settings: Settings, timebase: Timebase, clock: Clock, journal: Journal
    ) -> "Media | None":
        """None where the unit looks at nothing, or its file turns snapshots off."""
        config = settings.media
        if config.snapshots == "off" or not settings.perception.enabled:
            return None
        board, unlocks = JobBoard(), Unlocks(clock)
        desk = SnapshotDesk(config, board, clock)
        spool = PictureSpool(settings.state_dir / "pictures", config.spool_max_mib * MIB)
        flow = PictureFlow(
            spool, unlocks.may_leave, config.link_kbit_s, config.snapshot_max_kib * KIB
        )
        note = lock_noter(journal)
        studio = Studio(
            config,
            board,
            spool,
            unlocks,
            open_faces=partial(open_faces, settings),
            utc_at=lambda mono_s: timebase.at(mono_s)[0],
            limit_bytes=lambda: flow.limit_bytes,
            locked=lambda unlock: note(unlock, EXPIRED),
            clock=clock,
            watched={
                name: camera.region
                for name, camera in settings.cameras.items()
                if camera.region is not None
            },
        )
        handlers: dict[str, Handler] = {
            "snapshot": SnapshotOrder(settings, desk.album, board, unlocks, journal, clock),
            "media.unlock": UnlockOrder(settings, unlocks, clock),
            "media.lock": LockOrder(unlocks, note),
        }
        return cls(
            desk=desk,
            board=board,
            studio=studio,
            spool=spool,
            unlocks=unlocks,
            flow=flow,
            handlers=handlers,
        )

    def drops(self) -> dict[str, int]:
        """Pictures that were wanted and did not leave, by cause. Any thread."""
        counts = (self.spool.stats().drops, self.desk.drops, self.board.drops, self.studio.drops)
        total: Counter[str] = Counter()
        for each in counts:
            total.update(dict(each))  # a copy in one step: other threads count meanwhile
        return dict(total)


def open_faces(settings: Settings) -> FaceFinder:
    catalogue = Catalogue(settings.perception.models_dir)
    spec = catalogue.find(settings.media.face_model, task="redaction")
    return FaceFinder.open(spec, providers=settings.perception.providers)
