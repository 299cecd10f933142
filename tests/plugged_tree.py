"""A computer's /sys and /dev, made of files and links, with what a test plugs into it."""

from pathlib import Path

from drivers.plugged.tree import Tree

PCI = "devices/pci0000:00/0000:00:14.0/usb1"


class MadeTree:
    """Plug things in; `tree` is what the product is given."""

    def __init__(self, folder: Path) -> None:
        self.sys, self.dev = folder / "sys", folder / "dev"
        self.sys.mkdir(parents=True)
        self.dev.mkdir()
        self.tree = Tree(self.sys, self.dev)

    def write(self, folder: Path, /, **attributes: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in attributes.items():
            (folder / name).write_text(text + "\n")
        return folder

    def link(self, path: Path, target: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def usb(self, place: str, vendor: str, product: str, /, **more: str) -> Path:
        """A USB device at this port; returns the folder of its interface 0."""
        device = self.write(
            self.sys / PCI / place, idVendor=vendor, idProduct=product, bDeviceClass="00", **more
        )
        self.link(self.sys / "bus/usb/devices" / place, device)
        return self.write(device / f"{place}:1.0", bInterfaceNumber="00", bInterfaceClass="02")

    def _class(self, name: str, node: str, above: Path, /, **attributes: str) -> Path:
        entry = self.write(above / name / node, **attributes)
        self.link(entry / "device", above)
        self.link(self.sys / "class" / name / node, entry)
        return entry

    def _node(self, node: str, *links: str) -> None:
        (self.dev / node).parent.mkdir(parents=True, exist_ok=True)
        (self.dev / node).touch()
        for link in links:
            path = self.dev / link
            if path.is_symlink():  # udev lets the newest have it
                path.unlink()
            self.link(path, self.dev / node)

    def tty(self, node: str, above: Path, *links: str, **attributes: str) -> None:
        self._class("tty", node, above, **attributes)
        self._node(node, *(f"serial/{link}" for link in links))

    def video(self, node: str, above: Path, *links: str, index: str = "0") -> None:
        self._class("video4linux", node, above, index=index, name="HD Webcam: HD Webcam")
        self._node(node, *(f"v4l/{link}" for link in links))

    def card(self, number: int, above: Path, *links: str, streams: tuple[str, ...] = ()) -> None:
        entry = self._class("sound", f"card{number}", above, id="Device")
        for stream in streams:
            (entry / stream).mkdir()
        self._node(f"snd/controlC{number}", *(f"snd/{link}" for link in links))

    def can(self, name: str, above: Path | None) -> None:
        if above is None:
            entry = self.write(self.sys / "devices/virtual/net" / name, type="280")
            self.link(self.sys / "class/net" / name, entry)
        else:
            self._class("net", name, above, type="280")

    def on_bus(self, bus: str, device: str, place: str, /, **attributes: str) -> None:
        entry = self.write(self.sys / "devices/platform/soc" / place / device, **attributes)
        self.link(self.sys / "bus" / bus / "devices" / device, entry)

    def supply(self, supply: str, /, **attributes: str) -> None:
        entry = self.write(self.sys / "devices/platform/power" / supply, **attributes)
        self.link(self.sys / "class/power_supply" / supply, entry)


def patrol_car(folder: Path) -> MadeTree:
    """What a well equipped unit has: two receivers alike, a board, a camera, sound, CAN, chips."""
    made = MadeTree(folder)
    for number, place in enumerate(("1-1", "1-2")):
        above = made.usb(place, "1546", "01a9", product="u-blox GNSS receiver")
        made.tty(
            f"ttyACM{number}", above, "by-id/usb-u-blox_GNSS_receiver-if00",
            f"by-path/pci-0000:00:14.0-usb-0:{number + 1}:1.0",
        )  # fmt: skip
    above = made.usb("1-3.1", "0403", "6001", serial="A10KZP", product="FT232R USB UART")
    made.tty("ttyUSB0", above / "ttyUSB0", "by-id/usb-FTDI_FT232R_USB_UART_A10KZP-if00-port0")
    above = made.usb("1-4", "046d", "082d", serial="5C9F", product="HD Pro Webcam C920")
    made.video("video0", above, "by-id/usb-046d_HD_Pro_Webcam_C920_5C9F-video-index0")
    made.video("video1", above, "by-id/usb-046d_HD_Pro_Webcam_C920_5C9F-video-index1", index="1")
    above = made.usb("1-5", "0d8c", "0014", product="USB Audio Device")
    made.card(1, above, "by-id/usb-C-Media_USB_Audio-00", streams=("pcmC1D0c", "pcmC1D0p"))
    made.can("can0", made.usb("1-6", "1d50", "606f", serial="0032"))
    made.can("vcan0", None)
    made.usb("1-7", "0483", "df11", serial="3574", product="STM32 BOOTLOADER")
    made.usb("1-3", "1a40", "0101", product="USB 2.0 Hub")
    (made.sys / PCI / "1-3" / "bDeviceClass").write_text("09\n")
    made.on_bus("gpio", "gpiochip0", "fe200000.gpio")
    (made.dev / "gpiochip0").touch()
    made.on_bus("iio", "iio:device0", "fe804000.i2c/i2c-1/1-0076", name="bmp280")
    made.on_bus("i2c", "1-0040", "fe804000.i2c/i2c-1", name="ina226")
    made.on_bus("i2c", "i2c-1", "fe804000.i2c", name="bcm2835 (i2c@7e804000)")
    made.supply("BAT0", type="Battery", model_name="LI-24V")
    made.tty("ttyAMA0", made.sys / "devices/platform/soc/fe201000.serial", console="Y")
    made.tty("ttyS3", made.sys / "devices/platform/serial8250", type="0")
    return made
