"""A camera on the network that turns itself, by ONVIF: absolute positions, presets, where it is.

ONVIF Core Specification (device service, WS-Security user name token), Media Service and PTZ
Service Specification: AbsoluteMove and GetStatus in the generic position space, where pan and tilt
are -1..1 over the mount's range and zoom is 0..1; the file says which degrees that range is.
"""

from typing import Self
from xml.etree import ElementTree as Tree

from config.actuators import OnvifVia
from config.language import said, tell
from drivers.actuators.actuator import ActuatorReport
from drivers.actuators.mounted import CannotTurnError
from drivers.actuators.soap import Element, Soap, SoapFaultError, first, inner, values
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.platforms.orders import Aim

DEVICE_PATH = "/onvif/device_service"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
# PTZ Service Specification, 5.8: every node that moves absolutely has these. Others are in degrees.
PAN_TILT_SPACE = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace"
ZOOM_SPACE = "http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace"


class OnvifMount:
    """Counters: unanswered."""

    quick = True

    def __init__(self, soap: Soap, config: OnvifVia) -> None:
        """Asks the camera who it is. Raises DeviceUnavailableError."""
        self._soap = soap
        self._config = config
        self._unanswered = 0
        self._ptz_path, self._profile = _profile_of(soap, config)

    @classmethod
    def open(cls, config: OnvifVia) -> Self:
        """Raises DeviceUnavailableError."""
        return cls(Soap.to(config), config)

    def turn(self, aim: Aim) -> None:
        """Raises CannotTurnError, DeviceLostError."""
        try:
            self._soap.ask(self._ptz_path, self._order(aim))
        except SoapFaultError as error:
            raise CannotTurnError(said(error)) from error

    def close(self) -> None:
        """Each question had a connection of its own."""

    def counters(self) -> dict[str, int]:
        return {"unanswered": self._unanswered}

    def _order(self, aim: Aim) -> Element:
        if aim.preset is not None:
            return Element(
                PTZ, "GotoPreset", {"ProfileToken": self._profile, "PresetToken": aim.preset}
            )
        order = Element(PTZ, "AbsoluteMove", {"ProfileToken": self._profile})
        position = order.child(PTZ, "Position")
        if aim.pan_deg is not None or aim.tilt_deg is not None:
            pan, tilt = self._direction(aim)
            x = share(turned_into(pan, self._config.pan_range_deg), self._config.pan_range_deg)
            y = share(tilt, self._config.tilt_range_deg)
            position.child(SCHEMA, "PanTilt", x=f"{x:.5f}", y=f"{y:.5f}", space=PAN_TILT_SPACE)
        if aim.zoom is not None:
            position.child(SCHEMA, "Zoom", x=f"{aim.zoom:.5f}", space=ZOOM_SPACE)
        return order

    def _direction(self, aim: Aim) -> tuple[float, float]:
        """Pan and tilt: a position has both, so what is not asked for stays as it is.

        Raises CannotTurnError where the camera does not say how it stands.
        """
        pan, tilt = aim.pan_deg, aim.tilt_deg
        if pan is None or tilt is None:
            here = self.where(0.0)
            pan = here.pan_deg if pan is None else pan
            tilt = here.tilt_deg if tilt is None else tilt
        if pan is None or tilt is None:
            raise CannotTurnError("it does not say where it looks: give both pan and tilt")
        return pan, tilt

    def where(self, now_s: float) -> ActuatorReport:
        """Where it says that it is; some do not say."""
        try:
            answer = self._soap.ask(
                self._ptz_path, Element(PTZ, "GetStatus", {"ProfileToken": self._profile})
            )
        except SoapFaultError:
            self._unanswered += 1
            return ActuatorReport(mono_s=now_s)
        x, y = values(_within(PAN_TILT_SPACE, first(answer, SCHEMA, "PanTilt")), "x", "y")
        (zoom,) = values(_within(ZOOM_SPACE, first(answer, SCHEMA, "Zoom")), "x")
        known = x is not None and y is not None
        return ActuatorReport(
            mono_s=now_s,
            pan_deg=None if x is None else degrees(x, self._config.pan_range_deg),
            tilt_deg=None if y is None else degrees(y, self._config.tilt_range_deg),
            zoom=zoom,
            measured=known,
        )


def _within(space: str, place: Tree.Element | None) -> Tree.Element | None:
    """The place, if it is told in this space, which is also meant where none is named."""
    return place if place is not None and place.get("space", space) == space else None


def turned_into(angle_deg: float, range_deg: tuple[float, float]) -> float:
    """The same direction within the range, where there is one; else as it was."""
    for turns in (0, -360, 360):
        if range_deg[0] <= angle_deg + turns <= range_deg[1]:
            return angle_deg + turns
    return angle_deg


def share(angle_deg: float, range_deg: tuple[float, float]) -> float:
    """-1..1 over the range; what is beyond it is its end."""
    low, high = range_deg
    return max(-1.0, min(1.0, 2.0 * (angle_deg - low) / (high - low) - 1.0))


def degrees(part: float, range_deg: tuple[float, float]) -> float:
    low, high = range_deg
    return low + (max(-1.0, min(1.0, part)) + 1.0) / 2.0 * (high - low)


def _profile_of(soap: Soap, config: OnvifVia) -> tuple[str, str]:
    """The path of the PTZ service, and the profile whose mount is turned."""
    try:
        soap.set_time(soap.ask(DEVICE_PATH, Element(DEVICE, "GetSystemDateAndTime"), plain=True))
        able = soap.ask(DEVICE_PATH, Element(DEVICE, "GetCapabilities", {"Category": "All"}))
        ptz, media = (
            inner(first(able, SCHEMA, service), SCHEMA, "XAddr") for service in ("PTZ", "Media")
        )
        if not ptz or not media:
            raise DeviceUnavailableError(
                tell("{host}: this camera says that it cannot turn", host=config.host)
            )
        profiles = soap.ask(soap.path_of(media), Element(MEDIA, "GetProfiles"))
    except (SoapFaultError, DeviceLostError) as error:
        raise DeviceUnavailableError(said(error)) from error
    tokens = [
        profile.get("token", "")
        for profile in profiles.iter(f"{{{MEDIA}}}Profiles")
        if first(profile, SCHEMA, "PTZConfiguration") is not None
    ]
    wanted = config.profile or next(iter(tokens), "")
    if wanted not in tokens:
        raise DeviceUnavailableError(
            tell(
                "{host}: no profile {wanted!r} that turns; there is: {tokens}",
                host=config.host,
                wanted=wanted,
                tokens=", ".join(tokens),
            )
        )
    return soap.path_of(ptz), wanted
