"""The devices of the configuration, as types: where they are, and how they are read."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.addresses import host_name, serial_port, stream_url, video_device
from config.cameras import LensConfig, MountConfig
from config.language import tell
from config.secrets import SecretFile
from config.section import KEPT_TO_ITSELF, Section

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, AfterValidator(host_name)]
SerialPort = Annotated[str, AfterValidator(serial_port)]
VideoDevice = Annotated[str, AfterValidator(video_device)]
StreamUrl = Annotated[str, AfterValidator(stream_url)]


def region(sides: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A part of a picture. Raises ValueError where nothing is in it."""
    left, top, right, bottom = sides
    if left >= right or top >= bottom:
        raise ValueError(
            tell(
                "{sides} holds nothing; write left, top, right, bottom, e.g. [0, 0.3, 1, 1] "
                "for all but the upper third",
                sides=list(sides),
            )
        )
    return sides


Share = Annotated[float, Field(ge=0, le=1)]
Region = Annotated[tuple[Share, Share, Share, Share], AfterValidator(region)]
Baud = Annotated[int, Field(ge=300, le=4_000_000)]

# --- GNSS ------------------------------------------------------------------------------------


class GnssSource(Section):
    """What every GNSS source has."""

    max_speed_mps: float = Field(
        80.0,
        gt=0,
        le=350,
        description="a jump that needs more than this, with 50 m to spare, is refused until three "
        "positions in a row agree on it",
    )
    silent_after_s: float = Field(
        5.0, ge=0.5, le=120, description="no sentence for this long is a fault"
    )
    heading_offset_deg: float = Field(
        0.0,
        ge=-360,
        le=360,
        description="of two antennas: from the line between them, as the receiver counts it, to "
        "the bow, clockwise; 90 where the second antenna is to the left of the first",
    )


class SerialGnssConfig(GnssSource):
    """A GNSS receiver that speaks NMEA 0183 on a serial port."""

    kind: Literal["serial"]
    port: SerialPort = Field(
        min_length=1,
        examples=["/dev/serial/by-id/usb-u-blox_GNSS_receiver-if00"],
        description="its stable name, /dev/serial/by-id/...",
    )
    baud: Baud | Literal["auto"] = Field(
        "auto", description="bits per second, or auto to try the usual ones"
    )


class ReplayGnssConfig(GnssSource):
    """A recorded NMEA log, played as if it came from a receiver."""

    kind: Literal["replay"]
    path: Path = Field(examples=["patrol.nmea"], description="the log file")
    timing: Literal["recorded", "fast"] = Field(
        "recorded", description="recorded: as the receiver's clock says; fast: as fast as read"
    )
    loop: bool = Field(False, description="start over at the end")


class TcpGnssConfig(GnssSource):
    """NMEA 0183 from a TCP server, such as a router or a serial-to-Ethernet box."""

    kind: Literal["tcp"]
    host: Host = Field(
        min_length=1, examples=["192.168.1.1"], description="its name or address, without the port"
    )
    port: Port = Field(10110, description="TCP port; 10110 is IANA's for NMEA 0183")


class UdpGnssConfig(GnssSource):
    """NMEA 0183 in UDP datagrams sent to this unit."""

    kind: Literal["udp"]
    bind: Host = Field("127.0.0.1", description="the own address to listen on; 0.0.0.0 for all")
    port: Port = Field(10110, description="UDP port; 10110 is IANA's for NMEA 0183")


class GpsdGnssConfig(GnssSource):
    """A gpsd daemon, asked for its raw NMEA."""

    kind: Literal["gpsd"]
    host: Host = Field("localhost", description="where gpsd runs")
    port: Port = Field(2947, description="gpsd's TCP port")
    device: str | None = Field(None, description="only this device of gpsd's, e.g. /dev/ttyACM0")


GnssConfig = Annotated[
    SerialGnssConfig | ReplayGnssConfig | TcpGnssConfig | UdpGnssConfig | GpsdGnssConfig,
    Field(discriminator="kind"),
]

# --- cameras ---------------------------------------------------------------------------------


class CameraSource(Section):
    """What every camera has."""

    detect: bool = Field(True, description="look for persons and vehicles in its pictures")
    detect_fps: float | None = Field(
        None,
        gt=0,
        le=120,
        description="pictures looked at per second, at most; default, and never more than: "
        "perception.max_fps",
    )
    fixed: bool = Field(
        False,
        description="it never moves, on a mast or a wall: as if the unit were parked for good",
    )
    region: Region | None = Field(
        None,
        description="left, top, right, bottom in shares of the picture, 0 to 1: while the unit is "
        "parked, only this part is looked at",
    )
    stalled_after_s: float = Field(
        2.0, ge=0.2, le=30, description="no new picture for this long is a fault, and reopens it"
    )
    lens: LensConfig | None = Field(None, description="without it, nothing is put on the map")
    mount: MountConfig | None = Field(None, description="without it, nothing is put on the map")

    def looked_at_fps(self, most_fps: float) -> float:
        """Pictures looked at per second, where no camera may have more than `most_fps`."""
        return most_fps if self.detect_fps is None else min(self.detect_fps, most_fps)


class V4l2CameraConfig(CameraSource):
    """A camera of this computer, through Video4Linux."""

    kind: Literal["v4l2"]
    device: VideoDevice = Field(
        min_length=1,
        examples=["/dev/v4l/by-id/usb-046d_HD_Webcam-video-index0"],
        description="its stable name, /dev/v4l/by-id/...",
    )
    width_px: int = Field(1280, ge=64, le=8192, description="asked of the camera")
    height_px: int = Field(720, ge=64, le=8192, description="asked of the camera")
    fps: float = Field(25.0, gt=0, le=240, description="asked of the camera")
    pixel_format: Literal["mjpg", "yuyv"] = Field(
        "mjpg", description="mjpg needs less of the USB, yuyv less of the processor"
    )


class StreamCameraConfig(CameraSource):
    """A camera on the network: RTSP or HTTP (MJPEG, HLS)."""

    kind: Literal["stream"]
    url: StreamUrl = Field(
        examples=["rtsp://192.168.1.20/stream1"],
        description="rtsp://... or http://..., without user and password",
        json_schema_extra={"pattern": r"^(rtsps?|https?)://[^@/\s]+(/.*)?$"},
    )
    transport: Literal["tcp", "udp"] = Field("tcp", description="how RTSP carries the pictures")
    decode: Literal["auto", "software", "hardware"] = Field(
        "auto",
        description="auto: by hardware where there is some (extra video); hardware: it is a fault "
        "if there is none",
    )
    open_timeout_s: float = Field(5.0, gt=0, le=30, description="then it is tried again")
    credentials_file: SecretFile | None = Field(
        None, description=f"a file with user:password, instead of in the URL; {KEPT_TO_ITSELF}"
    )


class FileCameraConfig(CameraSource):
    """A video file or a folder of pictures, played as if it were a camera."""

    kind: Literal["file"]
    path: Path = Field(
        examples=["street.mp4"], description="a video file, or a folder of pictures in name order"
    )
    fps: float | None = Field(
        None, gt=0, le=240, description="pictures per second; default: the file's own, folders 10"
    )
    loop: bool = Field(False, description="start over at the end")


CameraConfig = Annotated[
    V4l2CameraConfig | StreamCameraConfig | FileCameraConfig, Field(discriminator="kind")
]
