"""How bundles come onto the unit, and how it shows what became of them."""

from pydantic import Field

from config.section import Section


class FlashConfig(Section):
    """Flashing: from a stick, and the time that something new has to prove itself."""

    usb: bool = Field(True, description="a bundle on a USB stick that is put in is flashed")
    trial_s: float = Field(
        45.0,
        ge=15,
        le=55,
        description="something new that is not healthy by then is taken back",
    )
    light: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,63}$",
        description="a light of this computer that shows what becomes of a stick: a name in "
        "/sys/class/leds; default: the first of ACT, led0, status, power",
    )
    sound: bool = Field(True, description="tones tell what becomes of a stick")
