"""How a unit delivers, whom it obeys, how it works: delivery, outbox, security, tasks, modes."""

from typing import Literal, Self

from pydantic import Field, model_validator

from config.language import tell
from config.secrets import IntactFile, SecretFile
from config.section import KEPT_TO_ITSELF, Section


class DeliveryConfig(Section):
    """When a message may leave the unit's disk, and how many are under way."""

    ack: Literal["hub", "broker"] = Field(
        "hub", description="hub: when the hub says it has it; broker: when the broker does"
    )
    window: int = Field(20, ge=1, le=100, description="unacknowledged messages on the wire")
    resend_after_s: float = Field(
        30.0, ge=1, le=3600, description="sent, but not acknowledged by the hub: sent again"
    )
    transport: Literal["paho", "awscrt"] = Field(
        "paho", description="the MQTT library; awscrt needs patrol-edge[awscrt], and MQTT 5"
    )
    backlog_kbit_s: int | None = Field(
        None,
        ge=8,
        le=1_000_000,
        description="what the backlog may take of the link, so that live messages pass; "
        "none: as fast as it goes",
    )
    daily_mib: float | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="on a metered link: bytes per day (UTC); then only urgent messages are sent",
    )


class OutboxConfig(Section):
    """The queue on disk."""

    max_mib: int = Field(512, ge=8, le=65_536, description="never larger than this")
    thin_within_m: float = Field(
        10.0,
        gt=0,
        le=1000,
        description="when over quota, stored positions are thinned so that the track stays this "
        "close to what it was; more only if that does not make room",
    )


class SecurityConfig(Section):
    """Whose commands the unit obeys."""

    commands: Literal["signed", "unsigned"] = Field(
        "signed", description="unsigned is for the bench, and a fault in the health report"
    )
    keyring: IntactFile | None = Field(
        None,
        description="the public keys that may command; default: keyring.json in state_dir. "
        "`patrol-edge keys` makes it",
    )
    trust: IntactFile | None = Field(
        None,
        description="whose signatures on bundles count; default: trust.json in state_dir, on a "
        "packaged unit beside its file. `patrol-edge trust` makes it",
    )
    primary_hub: str | None = Field(
        None, max_length=32, description="only the hub of this name commands; default: any"
    )
    max_age_s: float = Field(
        300.0, ge=5, le=86_400, description="a command that was issued longer ago is refused"
    )
    clock_skew_s: float = Field(
        10.0, ge=0, le=600, description="how far the hub's clock may be ahead"
    )
    device_key: SecretFile | None = Field(
        None,
        description="PEM, Ed25519: seals the command journal; default: made in state_dir; "
        + KEPT_TO_ITSELF,
    )


class TasksConfig(Section):
    """When a task counts as moving, arrived, off its route; how its time of arrival is told."""

    arrive_within_m: float = Field(50.0, gt=0, le=5000, description="of the place of the task")
    arrive_below_mps: float = Field(2.0, gt=0, le=20, description="and slower than this")
    arrive_dwell_s: float = Field(10.0, ge=0, le=600, description="for so long: no driving past")
    moving_above_mps: float = Field(1.0, gt=0, le=20, description="on the way from this speed")
    acknowledge_within_s: float = Field(
        60.0, ge=1, le=3600, description="then `overdue`, if the hub set no deadline for it"
    )
    handover_within_s: float = Field(
        120.0, ge=1, le=3600, description="an offered task stays with the unit after this"
    )
    automatic_acknowledge: bool = Field(
        False, description="true: the unit itself acknowledges; false: its crew does"
    )
    detour_factor: float = Field(
        1.3, ge=1, le=5, description="way over beeline, where no route was given"
    )
    off_route_m: float = Field(50.0, gt=0, le=5000, description="this far beside the route")
    off_route_s: float = Field(5.0, ge=0, le=600, description="for so long is off route")
    progress_every_s: float = Field(10.0, ge=1, le=3600, description="ETA and remaining way")
    speed_mps: float | None = Field(
        None, gt=0, le=100, description="to begin with, for the ETA; default: by kind of unit"
    )


class ModeConfig(Section):
    """What a mode changes; what is not set stays as the rest of the file says."""

    patrol_every_s: float | None = Field(None, ge=0.2, le=600, description="see position")
    dispatched_every_s: float | None = Field(None, ge=0.2, le=600, description="see position")
    parked_every_s: float | None = Field(None, ge=0.2, le=3600, description="see position")
    health_every_s: float | None = Field(None, ge=1, le=3600, description="see health")
    max_fps: float | None = Field(None, gt=0, le=120, description="see perception")
    update_every_s: float | None = Field(None, ge=1, le=600, description="see episodes")
    stealth: bool = Field(
        False, description="dark and silent: no light, no lamp, no sound, whoever asks for it"
    )

    @model_validator(mode="after")
    def _parked_is_not_faster(self) -> Self:
        if (
            self.parked_every_s is not None
            and self.patrol_every_s is not None
            and self.parked_every_s < self.patrol_every_s
        ):
            raise ValueError(tell("parked_every_s is below patrol_every_s; write a larger one"))
        return self


# The four modes of operation: everyday, emergency, guarding an event, a campaign.
BUILTIN_MODES: dict[str, ModeConfig] = {
    "routine": ModeConfig(),
    "emergency": ModeConfig(patrol_every_s=1, parked_every_s=5, health_every_s=10),
    "security": ModeConfig(patrol_every_s=2, parked_every_s=10),
    "special": ModeConfig(patrol_every_s=2, parked_every_s=10),
}
