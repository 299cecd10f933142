"""The configuration, as types: one section per component. Nothing here opens a device.

Every section refuses unknown keys, and every number carries its unit in its name.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

UnitKind = Literal["robot_dog", "drone", "patrol_car"]

UNIT_ID_PATTERN = r"^[a-z0-9-]{1,32}$"
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"

DeviceName = Annotated[str, Field(pattern=NAME_PATTERN)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """Base of every section: unknown keys are refused, and values are never echoed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class UnitConfig(Section):
    """Who this unit is."""

    id: str = Field(
        pattern=UNIT_ID_PATTERN,
        description="MQTT client id, topic level and certificate CN: a-z, 0-9 and -, at most 32",
    )
    kind: UnitKind = Field(description="the body it runs on; chooses the profile")
    label: str = Field("", max_length=80, description="a name for people, shown by the hub")


# --- GNSS ------------------------------------------------------------------------------------


class GnssSource(Section):
    """What every GNSS source has."""

    max_speed_mps: float = Field(
        80.0, gt=0, le=350, description="a position that would need more than this is refused"
    )
    silent_after_s: float = Field(
        5.0, ge=0.5, le=120, description="no sentence for this long is a fault"
    )


class SerialGnssConfig(GnssSource):
    """A GNSS receiver that speaks NMEA 0183 on a serial port."""

    kind: Literal["serial"]
    port: str = Field(min_length=1, description="its stable name, /dev/serial/by-id/...")
    baud: int | Literal["auto"] = Field(
        "auto", description="bits per second, or auto to try the usual ones"
    )


class ReplayGnssConfig(GnssSource):
    """A recorded NMEA log, played as if it came from a receiver."""

    kind: Literal["replay"]
    path: Path = Field(description="the log file")
    timing: Literal["recorded", "fast"] = Field(
        "recorded", description="recorded: as the receiver's clock says; fast: as fast as read"
    )
    loop: bool = Field(False, description="start over at the end")


class TcpGnssConfig(GnssSource):
    """NMEA 0183 from a TCP server, such as a router or a serial-to-Ethernet box."""

    kind: Literal["tcp"]
    host: str = Field(min_length=1)
    port: Port = 10110  # IANA nmea-0183


class UdpGnssConfig(GnssSource):
    """NMEA 0183 in UDP datagrams sent to this unit."""

    kind: Literal["udp"]
    bind: str = Field("127.0.0.1", description="the own address to listen on; 0.0.0.0 for all")
    port: Port = 10110


class GpsdGnssConfig(GnssSource):
    """A gpsd daemon, asked for its raw NMEA."""

    kind: Literal["gpsd"]
    host: str = "localhost"
    port: Port = 2947
    device: str | None = Field(None, description="only this device of gpsd's, e.g. /dev/ttyACM0")


GnssConfig = Annotated[
    SerialGnssConfig | ReplayGnssConfig | TcpGnssConfig | UdpGnssConfig | GpsdGnssConfig,
    Field(discriminator="kind"),
]

# --- cameras ---------------------------------------------------------------------------------


class CameraSource(Section):
    """What every camera has."""

    detect: bool = Field(True, description="look for persons and vehicles in its pictures")
    stalled_after_s: float = Field(
        2.0, ge=0.2, le=60, description="no new picture for this long is a fault, and reopens it"
    )


class V4l2CameraConfig(CameraSource):
    """A camera of this computer, through Video4Linux."""

    kind: Literal["v4l2"]
    device: str = Field(min_length=1, description="its stable name, /dev/v4l/by-id/...")
    width_px: int = Field(1280, ge=64, le=8192)
    height_px: int = Field(720, ge=64, le=8192)
    fps: float = Field(25.0, gt=0, le=240)
    pixel_format: Literal["mjpg", "yuyv"] = "mjpg"


class StreamCameraConfig(CameraSource):
    """A camera on the network: RTSP or HTTP (MJPEG, HLS)."""

    kind: Literal["stream"]
    url: str = Field(pattern=r"^(rtsps?|https?)://", description="rtsp://... or http://...")
    transport: Literal["tcp", "udp"] = Field("tcp", description="how RTSP carries the pictures")
    open_timeout_s: float = Field(5.0, gt=0, le=60)
    credentials_file: Path | None = Field(
        None, description="a file with user:password, mode 0600, instead of in the URL"
    )


class FileCameraConfig(CameraSource):
    """A video file or a folder of pictures, played as if it were a camera."""

    kind: Literal["file"]
    path: Path = Field(description="a video file, or a folder of pictures in name order")
    fps: float | None = Field(
        None, gt=0, le=240, description="pictures per second; default: the file's own, folders 10"
    )
    loop: bool = Field(False, description="start over at the end")


CameraConfig = Annotated[
    V4l2CameraConfig | StreamCameraConfig | FileCameraConfig, Field(discriminator="kind")
]

# --- perception ------------------------------------------------------------------------------


class TrackerConfig(Section):
    """How detections become tracks."""

    high_score: float | None = Field(
        None, gt=0, lt=1, description="a detection that may start a track; default: the model's"
    )
    low_score: float = Field(0.1, gt=0, lt=1, description="one that may still continue a track")
    confirm_hits: int = Field(3, ge=1, le=50, description="detections before a track counts")
    lost_after_s: float = Field(1.5, gt=0, le=30, description="unseen for this long ends a track")


class PerceptionConfig(Section):
    """The detector and what it looks for."""

    enabled: bool = True
    model: str = Field(
        "nanodet-g-416",
        min_length=1,
        description="a name in the catalogue, or an ONNX file",
    )
    models_dir: Path | None = Field(None, description="where pulled models lie")
    providers: tuple[str, ...] = Field(
        ("cpu",), min_length=1, description="in order of preference: cuda, tensorrt, openvino, cpu"
    )
    threads: int | Literal["auto"] = Field(
        "auto", description="for inference; auto leaves one core for the rest"
    )
    max_fps: float = Field(10.0, gt=0, le=120, description="pictures looked at per second, at most")
    score_min: float | None = Field(None, gt=0, lt=1, description="default: the model's own")
    tracker: TrackerConfig = TrackerConfig()


class EpisodesConfig(Section):
    """How tracks become events."""

    min_duration_s: float = Field(0.5, ge=0, le=60, description="shorter tracks are not reported")
    update_every_s: float = Field(10.0, ge=1, le=600, description="an update while it goes on")


# --- reporting -------------------------------------------------------------------------------


class PositionConfig(Section):
    """How often the hub hears the position: by duty, and sooner in a turn."""

    patrol_every_s: float = Field(5.0, ge=0.2, le=600)
    dispatched_every_s: float = Field(1.0, ge=0.2, le=600)
    parked_every_s: float = Field(30.0, ge=0.2, le=3600)
    parked_below_mps: float = Field(0.5, ge=0, le=5, description="slower than this is parked")
    turn_deg: float = Field(15.0, gt=0, le=180, description="an extra point after such a turn")
    lost_after_s: float = Field(5.0, ge=0.5, le=600, description="then source is last_known")


class HealthConfig(Section):
    """The health report."""

    every_s: float = Field(30.0, ge=1, le=3600)


class TlsConfig(Section):
    """TLS towards the broker. With `cert` and `key` the unit proves who it is (mTLS)."""

    ca: Path | None = Field(None, description="PEM; default: the system's authorities")
    cert: Path | None = Field(None, description="PEM, the unit's certificate")
    key: Path | None = Field(None, description="PEM, the unit's private key, mode 0600")


class HubConfig(Section):
    """The broker and the hub behind it."""

    url: str = Field(
        "mqtt://localhost:1883",
        pattern=r"^mqtts?://[^/@\s]+$",
        description="mqtt://host:port, or mqtts:// for TLS; user and password go elsewhere",
    )
    root: str = Field("patrol/v1", pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")
    protocol: Literal["auto", "5", "3.1.1"] = Field(
        "auto", description="auto: MQTT 5, and 3.1.1 where the broker refuses it"
    )
    username: str | None = None
    password_file: Path | None = Field(None, description="a file with the password, mode 0600")
    keepalive_s: int = Field(15, ge=5, le=1200)
    session_expiry_s: int = Field(86_400, ge=0, le=4_294_967_294)
    tls: TlsConfig = TlsConfig()


class DeliveryConfig(Section):
    """When a message may leave the unit's disk, and how many are under way."""

    ack: Literal["hub", "broker"] = Field(
        "hub", description="hub: when the hub says it has it; broker: when the broker does"
    )
    window: int = Field(20, ge=1, le=100, description="unacknowledged messages on the wire")
    resend_after_s: float = Field(
        30.0, ge=1, le=3600, description="sent, but not acknowledged by the hub: sent again"
    )


class OutboxConfig(Section):
    """The queue on disk."""

    max_mib: int = Field(512, ge=8, le=65_536, description="never larger than this")


class LoggingConfig(Section):
    """Where it goes is systemd's business; this is how much."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, else JSON"
    )


class Settings(Section):
    """One unit's whole configuration."""

    unit: UnitConfig
    gnss: dict[DeviceName, GnssConfig] = Field(default_factory=dict)
    cameras: dict[DeviceName, CameraConfig] = Field(default_factory=dict)
    perception: PerceptionConfig = PerceptionConfig()
    episodes: EpisodesConfig = EpisodesConfig()
    position: PositionConfig = PositionConfig()
    health: HealthConfig = HealthConfig()
    hub: HubConfig = HubConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    outbox: OutboxConfig = OutboxConfig()
    logging: LoggingConfig = LoggingConfig()
    state_dir: Path = Field(
        Path("/var/lib/patrol-edge"), description="the outbox and what must survive a restart"
    )
