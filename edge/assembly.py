"""What a unit is built of, and which part is given which. Nothing runs yet."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from config.loading import Loaded
from config.models import Settings
from config.slots import slots_folder
from drivers.clock import Clock
from drivers.samples import Frame
from edge.acting.acting import Acting
from edge.body.board_news import BoardNews
from edge.body.body import Body
from edge.body.inventory import Inventory
from edge.body.roll_call import RollCall
from edge.commands.commanding import Commanding
from edge.finders import Finders
from edge.firmware.desk import FirmwareDesk
from edge.firmware.idle import why_active
from edge.firmware.lending import Lending
from edge.flashing.orders import fates
from edge.flashing.overview import Overview
from edge.flashing.trial.standing import Slots
from edge.listening.listening import Listening
from edge.listening.telling import SoundDesk
from edge.local.control import LocalControl
from edge.media.media import Media
from edge.moving.moving import Moving
from edge.outgoing import outbox_of, publisher_of
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.condition import condition
from edge.reporting.messages import MessageWriter
from edge.reporting.parts import Parts, Receiver
from edge.reporting.snapshot import state_draft
from edge.resting.reasons import why_awake
from edge.resting.resting import Resting
from edge.running.driver_loop import DriverHealth
from edge.running.mailbox import Mailbox
from edge.running.worker import Worker
from edge.seeing.camera_watch import CameraWatch
from edge.seeing.chain import Place
from edge.seeing.circumstances import Circumstances
from edge.seeing.detectors import open_detector, open_smaller
from edge.seeing.easing import Easing
from edge.seeing.episodes import EpisodeDesk, OnChanges
from edge.seeing.look import Observer
from edge.seeing.placing import Placing
from edge.seeing.poses import Poses
from edge.seeing.rule_desk import OnNews, RuleDesk
from edge.seeing.vision import Vision
from edge.seeing.witness import Witness
from edge.tasks.office import Office
from edge.timebase import Timebase
from telemetry.contract.envelope import Draft, Sender
from telemetry.contract.uuid7 import uuid7
from telemetry.outbox.outbox import Outbox


def assemble(
    loaded: Loaded,
    clock: Clock,
    workers: Callable[[], Sequence[Worker]],
    on_changes: OnChanges,
    on_news: OnNews,
    observers: Sequence[Observer],
    slots: Slots,
) -> Parts:
    """`on_changes`, `on_news`: what perception and its rules have to tell; `observers`: who else
    looks on."""
    settings = loaded.settings
    sender = Sender(unit=settings.unit.id, boot_id=uuid7(clock.utc()))
    poses = Poses(settings.pose)
    whereabouts = Whereabouts(
        [*settings.gnss, *settings.platforms], settings.position.lost_after_s, poses.note_gnss
    )
    body = Body(settings, poses, clock)
    timebase = Timebase(clock, list(settings.gnss))
    writer = MessageWriter(
        timebase, whereabouts, has_receiver=bool(settings.gnss or settings.platforms)
    )
    outbox = outbox_of(settings, sender, clock)
    office = Office(settings, clock, timebase, whereabouts, outbox)
    frames: Mailbox[Frame] = Mailbox()
    episodes = EpisodeDesk(settings.episodes, settings.looked_at, on_changes)
    rules = RuleDesk.open(settings, timebase.at, on_news)
    flashed = Overview(slots_folder(settings.state_dir))
    commanding = Commanding(settings, clock, timebase, outbox.put, fates(flashed))
    witness = Witness(
        timebase=timebase,
        whereabouts=whereabouts,
        writer=writer,
        put=outbox.put,
        journal=commanding.journal,
    )
    acting = Acting(settings, body, witness, clock, lambda: _standing_call(office))
    office.tuning.add(acting)
    moving = Moving(settings, body.carriers, witness, clock)
    body.listen(moving.hear)
    easing = Easing(settings.perception.easing, partial(condition, body.battery_percent))
    finders = Finders.open(settings, clock, witness, easing.extras_allowed)
    media = Media.build(settings, timebase, clock, commanding.journal)
    looking_on = [media.desk] if media is not None else []  # first: it has what others tell of
    watching: list[Observer] = [*looking_on, episodes, *([rules] if rules else []), *observers]
    watching += finders.observers()

    placing = Placing.build(settings, poses)
    parked = partial(_parked, office, whereabouts, clock)
    around = _circumstances(settings, placing, easing, parked)
    firmware = _firmware(
        settings, body, clock, partial(why_active, office, acting, moving, whereabouts)
    )

    def birth() -> list[Draft]:
        return [*office.sos.birth(), state_draft(parts)]

    parts = Parts(
        settings=settings,
        config_digest=loaded.digest,
        clock=clock,
        started_mono_s=clock.mono_s(),
        timebase=timebase,
        whereabouts=whereabouts,
        writer=writer,
        poses=poses,
        office=office,
        receivers={name: Receiver(_device(name, "gnss", clock)) for name in settings.gnss},
        cameras={name: _device(name, "camera", clock) for name in settings.cameras},
        camera_watches=_camera_watches(settings),
        frames=frames,
        vision=_vision(settings, frames, clock, watching, placing, around),
        rules=rules,
        media=media,
        listening=Listening(settings, _sound_desk(settings, timebase, writer, outbox), clock),
        outbox=outbox,
        publisher=publisher_of(loaded, sender, outbox, timebase, birth, clock),
        local=LocalControl(settings.state_dir, clock),
        commanding=commanding,
        flashed=flashed,
        finders=finders,
        body=body,
        board_news=BoardNews(office.sos.call, partial(_stop_all, moving, acting), witness),
        firmware=firmware,
        acting=acting,
        moving=moving,
        witness=witness,
        roll_call=_roll_call(
            settings, lambda: parts.settings, body, lambda: parts.devices(), witness, clock
        ),
        resting=Resting(
            config=settings.sleep,
            carriers=body.carriers.values(),
            witness=witness,
            clock=clock,
            pending=outbox.pending,
            busy=partial(why_awake, office, acting, firmware),
        ),
        slots=slots,
        workers=workers,
    )
    if media is not None:
        parts.publisher.carry_pictures(media.flow)
        media.spool.attach(parts.publisher.bell)
    if parts.vision is not None:
        office.tuning.add(parts.vision)
        office.tuning.add(episodes)
    return parts


def _parked(office: Office, whereabouts: Whereabouts, clock: Clock) -> bool:
    return whereabouts.parked(clock.mono_s(), office.tuning.now.position.parked_below_mps)


def _circumstances(
    settings: Settings, placing: Placing, easing: Easing, parked: Callable[[], bool]
) -> Circumstances:
    return Circumstances(
        sources=settings.cameras,
        parked=parked,
        projection=placing.projection,
        easing=easing,
        open_smaller=partial(open_smaller, settings.perception),
    )


def _camera_watches(settings: Settings) -> dict[str, CameraWatch]:
    return {
        name: CameraWatch(recorded=camera.kind == "file")
        for name, camera in settings.cameras.items()
    }


def _roll_call(
    settings: Settings,
    in_force: Callable[[], Settings],
    body: Body,
    devices: Callable[[], Iterable[DriverHealth]],
    witness: Witness,
    clock: Clock,
) -> RollCall:
    return RollCall(
        config=settings.modules,
        devices=devices,
        facts=Inventory(in_force, body.identities).facts,
        witness=witness,
        clock=clock,
        memory=RollCall.memory_in(settings.state_dir),
        usual_s={f"sensor.{name}": one.every_s for name, one in settings.sensors.items()},
    )


def _standing_call(office: Office) -> str | None:
    call = office.sos.book.call
    return None if call is None else call.episode


def _stop_all(moving: Moving, acting: Acting, by: str) -> None:
    """An emergency stop, on the spot: what moves first. Raises OrderFailedError."""
    try:
        moving.stop(by)
    finally:
        acting.emergency_stop()


def _firmware(
    settings: Settings, body: Body, clock: Clock, active: Callable[[Clock], str | None]
) -> FirmwareDesk:
    lending = Lending(settings.boards, clock, partial(active, clock))
    body.boards.open_through(lending.opener, lending.away_with)
    return FirmwareDesk(settings, lending, body.boards.identities, clock)


def _device(name: str, component: str, clock: Clock) -> DriverHealth:
    return DriverHealth(name, component, started_mono_s=clock.mono_s())


def _sound_desk(
    settings: Settings, timebase: Timebase, writer: MessageWriter, outbox: Outbox
) -> SoundDesk:
    def put(draft: Draft) -> None:
        outbox.put(draft, durable=True)

    return SoundDesk(timebase, writer, put, settings.audio.model)


def _vision(
    settings: Settings,
    frames: Mailbox[Frame],
    clock: Clock,
    observers: Sequence[Observer],
    place: Place,
    around: Circumstances,
) -> Vision | None:
    config = settings.perception
    if not config.enabled:
        return None
    opener = partial(open_detector, config)
    return Vision(
        config,
        settings.looked_at,
        frames,
        opener,
        observers,
        clock,
        place,
        around,
    )
