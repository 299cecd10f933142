"""The configuration, as types: one section per component. Nothing here opens a device.

Every section refuses unknown keys, and every number carries its unit in its name.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from config.actuators import ActingConfig, ActuatorConfig
from config.addresses import broker_url
from config.audio import AudioConfig, MicrophoneConfig
from config.boards import BoardConfig
from config.cameras import GroundConfig, PoseConfig
from config.devices import CameraConfig, GnssConfig
from config.flash import FlashConfig
from config.language import tell
from config.media import MediaConfig
from config.migrations import CURRENT
from config.modules import ModulesConfig
from config.operations import (
    DeliveryConfig,
    ModeConfig,
    OutboxConfig,
    SecurityConfig,
    TasksConfig,
)
from config.perception import EpisodesConfig, PerceptionConfig
from config.plates import PlatesConfig
from config.platforms import PlatformConfig
from config.rules import RuleConfig
from config.search import SearchConfig
from config.secrets import IntactFile, SecretFile
from config.section import KEPT_TO_ITSELF, NAME_PATTERN, UNIT_ID_PATTERN, Section
from config.sensors import SensorConfig
from config.sleep import SleepConfig
from config.zones import ZonesConfig

UnitKind = Literal["robot_dog", "drone", "patrol_car"]

DeviceName = Annotated[str, Field(pattern=NAME_PATTERN)]
BrokerUrl = Annotated[str, AfterValidator(broker_url)]


class UnitConfig(Section):
    """Who this unit is."""

    id: str = Field(
        pattern=UNIT_ID_PATTERN,
        examples=["dog-01"],
        description="MQTT client id, topic level and certificate CN: a-z, 0-9 and -, at most 32",
        # Editors show this one, too.
        json_schema_extra={"patternErrorMessage": tell("1 to 32 of a-z, 0-9 and -")},
    )
    kind: UnitKind = Field(description="the body it runs on; chooses the profile")
    label: str = Field("", max_length=80, description="a name for people, shown by the hub")
    class_: str | None = Field(
        None,
        alias="class",
        pattern=UNIT_ID_PATTERN,
        examples=["north"],
        description="bundles may be made for all units of a class: a-z, 0-9 and -, at most 32",
    )

    @field_validator("id")
    @classmethod
    def _not_the_hub(cls, unit_id: str) -> str:
        # patrol/v1/hub/state is the hub's own topic; hub-... have more rights at the broker.
        if unit_id == "hub" or unit_id.startswith("hub-"):
            raise ValueError(
                tell(
                    "{unit_id!r} is a hub's name on the wire; write another, e.g. unit-01",
                    unit_id=unit_id,
                )
            )
        return unit_id


# --- reporting -------------------------------------------------------------------------------


class PositionConfig(Section):
    """How often the hub hears the position: by duty, and sooner in a turn."""

    patrol_every_s: float = Field(5.0, ge=0.2, le=600, description="on patrol")
    dispatched_every_s: float = Field(1.0, ge=0.2, le=600, description="on the way to a task")
    parked_every_s: float = Field(30.0, ge=0.2, le=3600, description="standing")
    parked_below_mps: float = Field(0.5, ge=0, le=5, description="slower than this is parked")
    turn_deg: float = Field(15.0, gt=0, le=180, description="an extra point after such a turn")
    lost_after_s: float = Field(5.0, ge=0.5, le=600, description="then source is last_known")


class HealthConfig(Section):
    """The health report."""

    every_s: float = Field(
        30.0, ge=1, le=3600, description="the full list of faults, also without a change"
    )


class TlsConfig(Section):
    """TLS towards the broker. With `cert` and `key` the unit proves who it is (mTLS)."""

    ca: IntactFile | None = Field(None, description="PEM; default: the system's authorities")
    cert: IntactFile | None = Field(None, description="PEM, the unit's certificate")
    key: SecretFile | None = Field(
        None, description=f"PEM, the unit's private key; {KEPT_TO_ITSELF}"
    )

    @model_validator(mode="after")
    def _cert_and_key_go_together(self) -> Self:
        if (self.cert is None) != (self.key is None):
            lacking = "cert" if self.cert is None else "key"
            raise ValueError(
                tell(
                    "cert and key go together; add {lacking}:, or delete the other", lacking=lacking
                )
            )
        return self


class HubConfig(Section):
    """The broker and the hub behind it."""

    url: BrokerUrl = Field(
        "mqtt://localhost:1883",
        examples=["mqtts://hub.example:8883"],
        description="mqtt://host:port, or mqtts:// for TLS; user and password go elsewhere",
        json_schema_extra={"pattern": r"^mqtts?://[^/@\s]+/?$"},
    )
    fallback_urls: tuple[BrokerUrl, ...] = Field(
        (),
        max_length=8,
        description="other nodes of the same cluster, tried in turn when one does not answer",
    )
    root: str = Field(
        "patrol/v1",
        pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$",
        max_length=200,
        description="what every topic of the unit starts with",
        json_schema_extra={
            "patternErrorMessage": tell("words of A-Z, a-z, 0-9, _ and -, / between")
        },
    )
    protocol: Literal["auto", "5", "3.1.1"] = Field(
        "auto", description="auto: MQTT 5, and 3.1.1 where the broker refuses it"
    )
    username: str | None = Field(None, min_length=1, description="for the broker")
    password_file: SecretFile | None = Field(
        None, description=f"a file with the password; {KEPT_TO_ITSELF}"
    )
    keepalive_s: int = Field(
        15, ge=5, le=1200, description="a dead link is noticed after at most 1.5 times this"
    )
    session_expiry_s: int = Field(
        86_400, ge=0, le=4_294_967_294, description="how long the broker keeps what it has for us"
    )
    tls: TlsConfig = TlsConfig()

    @model_validator(mode="after")
    def _password_has_a_user(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise ValueError(tell("password_file needs a user; add username:"))
        return self


class LoggingConfig(Section):
    """Where it goes is systemd's business; this is how much."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="this, and what is worse"
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, else JSON"
    )


class Settings(Section):
    """One unit's whole configuration."""

    schema_version: int = Field(
        CURRENT, ge=1, le=1000, description="of this file: `patrol-edge config migrate`"
    )
    unit: UnitConfig
    gnss: dict[DeviceName, GnssConfig] = Field(default_factory=dict)
    cameras: dict[DeviceName, CameraConfig] = Field(default_factory=dict)
    microphones: dict[DeviceName, MicrophoneConfig] = Field(default_factory=dict)
    audio: AudioConfig = AudioConfig()
    platforms: dict[DeviceName, PlatformConfig] = Field(default_factory=dict)
    sensors: dict[DeviceName, SensorConfig] = Field(default_factory=dict)
    boards: dict[DeviceName, BoardConfig] = Field(default_factory=dict)
    actuators: dict[DeviceName, ActuatorConfig] = Field(default_factory=dict)
    acting: ActingConfig = ActingConfig()
    modules: ModulesConfig = ModulesConfig()
    sleep: SleepConfig = SleepConfig()
    perception: PerceptionConfig = PerceptionConfig()
    episodes: EpisodesConfig = EpisodesConfig()
    media: MediaConfig = MediaConfig()
    zones: ZonesConfig = ZonesConfig()
    rules: dict[DeviceName, RuleConfig] = Field(default_factory=dict)
    pose: PoseConfig = PoseConfig()
    ground: GroundConfig = GroundConfig()
    plates: PlatesConfig = PlatesConfig()
    search: SearchConfig = SearchConfig()
    position: PositionConfig = PositionConfig()
    health: HealthConfig = HealthConfig()
    hub: HubConfig = HubConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    outbox: OutboxConfig = OutboxConfig()
    security: SecurityConfig = SecurityConfig()
    tasks: TasksConfig = TasksConfig()
    modes: dict[DeviceName, ModeConfig] = Field(
        default_factory=dict, description="beside the four that every unit has"
    )
    flash: FlashConfig = FlashConfig()
    logging: LoggingConfig = LoggingConfig()
    state_dir: Path = Field(
        Path("/var/lib/patrol-edge"), description="the outbox and what must survive a restart"
    )

    @model_validator(mode="after")
    def _who_is_who(self) -> Self:
        both = set(self.gnss) & set(self.platforms)
        if both:  # both tell positions under their name
            raise ValueError(
                tell(
                    "{name} is a receiver below gnss and a carrier below platforms; give one of "
                    "them another name",
                    name=min(both),
                )
            )
        return self

    @model_validator(mode="after")
    def _actuators_are_there(self) -> Self:
        named = [*self.acting.on_sos, *(name for group in self.acting.exclusions for name in group)]
        for name in named:
            if name not in self.actuators:
                raise ValueError(
                    tell(
                        "acting names {name}, which is not below actuators; correct one of the two",
                        name=name,
                    )
                )
        for name in self.acting.on_sos:
            if self.actuators[name].kind in ("speaker", "pan_tilt", "record_lamp"):
                raise ValueError(
                    tell(
                        "acting.on_sos: {name} cannot just be switched on; name lights, beacons, "
                        "sirens or relays",
                        name=name,
                    )
                )
        return self

    @property
    def looked_at(self) -> list[str]:
        """The cameras whose pictures go through the detector."""
        wanted = self.cameras.items() if self.perception.enabled else ()
        return [name for name, camera in wanted if camera.detect]
