"""From a command's arguments to wishes: which actuators are meant, and whether they know how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from config.actuators import (
    BeaconConfig,
    LightConfig,
    PanTiltConfig,
    SirenConfig,
)
from drivers.actuators.actuator import Output
from drivers.platforms.orders import Aim
from edge.acting.claims import Kind, Level, Origin, Wanted, Wish
from edge.acting.outlet import Outlet
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.acting import Beacon, Held, Light, PanTilt, Relay, Siren
from telemetry.contract.wire_types import Message

SIREN_LONGEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Asker:
    """Who commands, and from where."""

    issuer: str
    origin: Origin

    def wish(self, outlet: Outlet, wanted: Wanted, for_s: float | None = None) -> Wish:
        """Without a time: as long as the actuator may be on."""
        return Wish(
            fitting=outlet.name,
            level=Level.OPERATOR,
            wanted=wanted,
            for_s=outlet.config.max_on_s if for_s is None else for_s,
            origin=self.origin,
            issuer=self.issuer,
        )


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for: these wishes, or that these actuators go off."""

    wishes: tuple[Wish, ...] = ()
    off: tuple[str, ...] = ()


Outlets = Mapping[str, Outlet]
Reader = Callable[[Outlets, Message, Asker], Order]


def of_kind(outlets: Outlets, kind: Kind) -> list[Outlet]:
    return [outlet for outlet in outlets.values() if outlet.kind == kind]


def light(outlets: Outlets, args: Message, asker: Asker) -> Order:
    """Raises OrderRefusedError, as all of these do."""
    wanted = cast(Light, args)
    lights = of_kind(outlets, "light")
    for each in lights:
        if wanted.strobe and not cast(LightConfig, each.config).strobe:
            raise OrderRefusedError(
                "invalid_arguments",
                f"{each.name} never flashes: its strobe is off in the unit's file",
            )
    output = Output(level=wanted.level, pattern="strobe" if wanted.strobe else "steady")
    return _held(lights, wanted, wanted.on and wanted.level > 0, output, asker)


def beacon(outlets: Outlets, args: Message, asker: Asker) -> Order:
    wanted = cast(Beacon, args)
    beacons = of_kind(outlets, "beacon")
    for each in beacons:
        _knows(each.name, "pattern", wanted.pattern, cast(BeaconConfig, each.config).patterns)
    return _held(beacons, wanted, wanted.on, Output(level=1.0, pattern=wanted.pattern), asker)


def siren(outlets: Outlets, args: Message, asker: Asker) -> Order:
    wanted = cast(Siren, args)
    sirens = of_kind(outlets, "siren")
    if wanted.on and wanted.max_on_s > SIREN_LONGEST_S:
        raise OrderRefusedError(
            "limit", "a siren is on for at most 30 s at a time: send max_on_s of 30 or less"
        )
    for each in sirens:
        _knows(each.name, "tone", wanted.tone, cast(SirenConfig, each.config).tones)
    return _held(sirens, wanted, wanted.on, Output(level=1.0, pattern=wanted.tone), asker)


def relay(outlets: Outlets, args: Message, asker: Asker) -> Order:
    wanted = cast(Relay, args)
    relays = of_kind(outlets, "relay")
    meant = [each for each in relays if each.name == wanted.relay]
    if not meant:
        names = ", ".join(each.name for each in relays)
        raise OrderRefusedError(
            "invalid_arguments", f"there is no relay {wanted.relay}; there is: {names}"
        )
    return _held(meant, wanted, wanted.on, Output(level=1.0), asker)


def ptz(outlets: Outlets, args: Message, asker: Asker) -> Order:
    wanted = cast(PanTilt, args)
    mounts = {
        cast(PanTiltConfig, each.config).camera: each for each in of_kind(outlets, "pan_tilt")
    }
    if wanted.camera not in mounts:
        raise OrderRefusedError(
            "invalid_arguments", f"{wanted.camera} cannot be turned; these can: {', '.join(mounts)}"
        )
    outlet = mounts[wanted.camera]
    return Order((asker.wish(outlet, _aim(cast(PanTiltConfig, outlet.config), wanted)),))


def _aim(config: PanTiltConfig, wanted: PanTilt) -> Aim:
    """What is given beside a preset stands before what the preset says."""
    pan_deg, tilt_deg, zoom = wanted.pan_deg, wanted.tilt_deg, wanted.zoom
    if wanted.preset is not None:
        if wanted.preset not in config.presets:
            known = ", ".join(config.presets) or "no preset; give pan_deg, tilt_deg or zoom"
            raise OrderRefusedError(
                "invalid_arguments", f"there is no preset {wanted.preset}; there is: {known}"
            )
        preset = config.presets[wanted.preset]
        pan_deg = preset.pan_deg if pan_deg is None else pan_deg
        tilt_deg = preset.tilt_deg if tilt_deg is None else tilt_deg
        zoom = preset.zoom if zoom is None else zoom
    return Aim(camera=config.camera, pan_deg=pan_deg, tilt_deg=tilt_deg, zoom=zoom)


def _held(outlets: list[Outlet], args: Held, on: bool, output: Output, asker: Asker) -> Order:
    if not on:
        return Order(off=tuple(each.name for each in outlets))
    return Order(tuple(asker.wish(each, output, args.max_on_s) for each in outlets))


def _knows(name: str, what: str, wanted: str, known: tuple[str, ...]) -> None:
    if wanted not in known:
        raise OrderRefusedError(
            "invalid_arguments",
            f"{name} does not know the {what} {wanted}; it knows {', '.join(known)}",
        )
