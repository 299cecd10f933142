"""From a section of the configuration to an open device: one `case` per kind.

Each driver is imported where it is chosen, so that a unit without a camera never loads OpenCV.
"""

from typing import assert_never

from config.actuators import (
    ActuatorConfig,
    BoardVia,
    GpioVia,
    ModbusVia,
    OnvifVia,
    PelcoVia,
    PlatformVia,
    SerialRelayVia,
    SimulatedVia,
    SpeakerConfig,
)
from config.audio import MicrophoneConfig, SoundCardConfig, SoundFileConfig
from config.cars import CanPlatformConfig, Elm327PlatformConfig
from config.devices import (
    CameraConfig,
    FileCameraConfig,
    GnssConfig,
    GpsdGnssConfig,
    ReplayGnssConfig,
    SerialGnssConfig,
    StreamCameraConfig,
    TcpGnssConfig,
    UdpGnssConfig,
    V4l2CameraConfig,
)
from config.language import tell
from config.platforms import (
    MavlinkPlatformConfig,
    PlatformConfig,
)
from config.robots import RobotPlatformConfig, RosbridgePlatformConfig
from config.sensors import (
    HwmonSensorConfig,
    IioSensorConfig,
    SensorConfig,
    SysfsBatteryConfig,
)
from drivers.actuators.actuator import Actuator
from drivers.actuators.lines import LINES, SharedLines
from drivers.actuators.mounted import Mount
from drivers.actuators.switched import Switch
from drivers.base import DeviceUnavailableError, Driver, Wanted, always
from drivers.cameras.facts import CameraDriver
from drivers.clock import Clock
from drivers.gnss.driver import GnssDriver
from drivers.platforms.orders import Platform
from drivers.plugged.tree import Tree
from drivers.samples import AudioBlock
from drivers.sensors.sensor import SensorSample


def open_gnss(config: GnssConfig, clock: Clock) -> GnssDriver:
    """The receiver of this section, open. Raises DeviceUnavailableError."""
    match config:
        case SerialGnssConfig():
            from drivers.gnss.serial import SerialGnss

            return SerialGnss.open(config, clock)
        case ReplayGnssConfig():
            from drivers.gnss.replay import ReplayGnss

            return ReplayGnss.open(config, clock)
        case TcpGnssConfig():
            from drivers.gnss.network import open_tcp

            return open_tcp(config, clock)
        case UdpGnssConfig():
            from drivers.gnss.network import open_udp

            return open_udp(config, clock)
        case GpsdGnssConfig():
            from drivers.gnss.gpsd import open_gpsd

            return open_gpsd(config, clock)
    assert_never(config)


def open_camera(
    name: str, config: CameraConfig, clock: Clock, wanted: Wanted = always
) -> CameraDriver:
    """The camera of this section, open. Raises DeviceUnavailableError."""
    match config:
        case V4l2CameraConfig():
            from drivers.cameras.v4l2 import V4l2Camera

            return V4l2Camera.open(name, config, clock, wanted)
        case StreamCameraConfig():
            from drivers.cameras.stream import StreamCamera

            return StreamCamera.open(name, config, clock, wanted)
        case FileCameraConfig():
            from drivers.cameras.file import FileCamera

            return FileCamera.open(name, config, clock, wanted)
    assert_never(config)


def open_microphone(name: str, config: MicrophoneConfig, clock: Clock) -> Driver[AudioBlock]:
    """The microphone of this section, open. Raises DeviceUnavailableError."""
    match config:
        case SoundCardConfig():
            from drivers.microphones.portaudio import PortAudioMicrophone

            return PortAudioMicrophone.open(name, config, clock)
        case SoundFileConfig():
            from drivers.microphones.file import FileMicrophone

            return FileMicrophone.open(name, config, clock)
    assert_never(config)


def open_platform(
    name: str,
    config: PlatformConfig,
    clock: Clock,
) -> Platform:
    """What carries the unit, open. Raises DeviceUnavailableError."""
    match config:
        case MavlinkPlatformConfig():
            from drivers.platforms.mavlink.platform import MavlinkPlatform

            return MavlinkPlatform.open(name, config, clock)
        case CanPlatformConfig():
            from drivers.platforms.cars.can_car import CanCar

            return CanCar.open(name, config, clock)
        case Elm327PlatformConfig():
            from drivers.platforms.cars.elm327 import Elm327

            return Elm327.open(name, config, clock)
        case RobotPlatformConfig():
            from drivers.platforms.robots.robot import Robot

            return Robot.open(name, config, clock)
        case RosbridgePlatformConfig():
            from drivers.platforms.robots.rosbridge import Rosbridge

            return Rosbridge.open(name, config, clock)
    assert_never(config)


def open_actuator(
    name: str, config: ActuatorConfig, clock: Clock, lines: SharedLines = LINES
) -> Actuator:
    """What this computer drives itself, open and off. Raises DeviceUnavailableError, or
    DeviceLostError where it is there and does not answer."""
    match config.via:
        case SimulatedVia() as via:
            from drivers.actuators.simulated import SimulatedActuator

            return SimulatedActuator.open(name, config.kind, via, clock)
        case GpioVia() | ModbusVia() | SerialRelayVia() as via:
            from drivers.actuators.switched import SwitchedActuator

            return SwitchedActuator(_open_switch(via, lines), clock)
        case PelcoVia() | OnvifVia() as via:
            from drivers.actuators.mounted import MountedActuator

            return MountedActuator(_open_mount(via, lines), clock)
        case BoardVia() | PlatformVia():
            raise DeviceUnavailableError(
                tell("its board or its carrier drives it, not this computer")
            )
        case None:
            return _open_speaker(config, clock)
    assert_never(config.via)


def _open_switch(via: GpioVia | ModbusVia | SerialRelayVia, lines: SharedLines) -> Switch:
    match via:
        case GpioVia():
            from drivers.actuators.gpio import GpioSwitch

            return GpioSwitch.open(via)
        case ModbusVia():
            from drivers.actuators.modbus import ModbusSwitch

            return ModbusSwitch.open(via, lines)
        case SerialRelayVia():
            from drivers.actuators.serial_relay import SerialRelaySwitch

            return SerialRelaySwitch.open(via, lines)
    assert_never(via)


def _open_mount(via: PelcoVia | OnvifVia, lines: SharedLines) -> Mount:
    match via:
        case PelcoVia():
            from drivers.actuators.pelco import PelcoMount

            return PelcoMount.open(via, lines)
        case OnvifVia():
            from drivers.actuators.onvif import OnvifMount

            return OnvifMount.open(via)
    assert_never(via)


def _open_speaker(config: SpeakerConfig, clock: Clock) -> Actuator:
    from drivers.actuators.speaker import Speaker

    return Speaker.open(config, clock)


def open_sensor(
    name: str, config: SensorConfig, clock: Clock, tree: Tree | None = None
) -> Driver[SensorSample]:
    """The small sensor of this section, open. Raises DeviceUnavailableError."""
    match config:
        case SysfsBatteryConfig():
            from drivers.sensors.battery import SysfsBattery

            return SysfsBattery.open(name, config, clock, tree)
        case IioSensorConfig():
            from drivers.sensors.iio import IioSensor

            return IioSensor.open(name, config, clock, tree)
        case HwmonSensorConfig():
            from drivers.sensors.thermometer import HwmonThermometer

            return HwmonThermometer.open(name, config, clock, tree)
    assert_never(config)
