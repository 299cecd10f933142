"""What leaves a unit: its outbox, and the publisher that carries it to the hub."""

from collections.abc import Callable
from importlib.metadata import version as installed

from config.loading import Loaded
from config.models import Settings
from drivers.clock import Clock
from edge.timebase import Timebase
from telemetry.contract.envelope import Draft, Sender
from telemetry.contract.topics import Topics
from telemetry.link.libraries import open_transport
from telemetry.link.publisher import Publisher
from telemetry.link.status_writer import StatusWriter
from telemetry.link.transport import link_options
from telemetry.outbox.outbox import Outbox

MIB = 1024 * 1024
OUTBOX_FILE = "outbox.db"  # below the state folder


def outbox_of(settings: Settings, sender: Sender, clock: Clock) -> Outbox:
    limits = settings.outbox
    path = settings.state_dir / OUTBOX_FILE
    return Outbox(path, sender, clock, limits.max_mib * MIB, limits.thin_within_m)


def publisher_of(
    loaded: Loaded,
    sender: Sender,
    outbox: Outbox,
    timebase: Timebase,
    birth: Callable[[], list[Draft]],
    clock: Clock,
) -> Publisher:
    settings = loaded.settings
    library, protocol = settings.delivery.transport, settings.hub.protocol
    status = StatusWriter(
        topics=Topics(settings.hub.root, settings.unit.id),
        sender=sender,
        now=timebase.now,
        unit_kind=settings.unit.kind,
        software=f"patrol-edge {installed('patrol-edge')}",
        config_version=loaded.digest[:12],
    )
    return Publisher(
        open_transport(library, protocol),
        outbox,
        status,
        link_options(settings.hub, settings.unit.id),
        settings.delivery,
        "5" if library == "awscrt" else protocol,
        birth,
        clock,
        budget_file=settings.state_dir / "link_budget.json",
    )
