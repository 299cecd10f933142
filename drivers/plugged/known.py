"""USB devices by vendor and product: what they are, and what a patrol unit has them for.

From usb.ids (linux-usb.org), the id tables of Linux' drivers (ftdi_sio, cp210x, ch341, cdc-acm,
gs_usb, pcan_usb, kvaser_usb), u-blox' and Septentrio's manuals, ArduPilot's hwdef files, and ST's
AN2606. A serial adapter may have anything behind it: its purpose is `serial`, never a guess.
"""

from dataclasses import dataclass
from typing import Literal

Purpose = Literal[
    "gnss",
    "serial",
    "console",
    "board",
    "bootloader",
    "camera",
    "sound",
    "can",
    "autopilot",
    "modem",
]


@dataclass(frozen=True, slots=True)
class Known:
    """What a USB id stands for."""

    what: str
    purpose: Purpose


U_BLOX, FTDI, SILABS, QINHENG, PROLIFIC = "1546", "0403", "10c4", "1a86", "067b"
ST, ESPRESSIF, RASPBERRY, ZEPHYR = "0483", "303a", "2e8a", "2fe3"

KNOWN: dict[tuple[str, str], Known] = {
    (U_BLOX, "01a5"): Known("u-blox 5 GNSS receiver", "gnss"),
    (U_BLOX, "01a6"): Known("u-blox 6 GNSS receiver", "gnss"),
    (U_BLOX, "01a7"): Known("u-blox 7 GNSS receiver", "gnss"),
    (U_BLOX, "01a8"): Known("u-blox 8 or M8 GNSS receiver", "gnss"),
    (U_BLOX, "01a9"): Known("u-blox 9 GNSS receiver (F9P, M9N)", "gnss"),
    (U_BLOX, "01aa"): Known("u-blox 10 GNSS receiver", "gnss"),
    (U_BLOX, "01ab"): Known("u-blox X20 GNSS receiver", "gnss"),
    ("152a", "85c0"): Known("Septentrio GNSS receiver", "gnss"),
    ("0e8d", "3329"): Known("MediaTek GNSS receiver", "gnss"),
    (FTDI, "6001"): Known("FTDI FT232R serial adapter", "serial"),
    (FTDI, "6010"): Known("FTDI FT2232 serial adapter, two ports", "serial"),
    (FTDI, "6011"): Known("FTDI FT4232 serial adapter, four ports", "serial"),
    (FTDI, "6014"): Known("FTDI FT232H serial adapter", "serial"),
    (FTDI, "6015"): Known("FTDI FT-X serial adapter", "serial"),
    (SILABS, "ea60"): Known("Silicon Labs CP210x serial adapter", "serial"),
    (SILABS, "ea70"): Known("Silicon Labs CP2105 serial adapter, two ports", "serial"),
    (SILABS, "ea71"): Known("Silicon Labs CP2108 serial adapter, four ports", "serial"),
    (QINHENG, "7523"): Known("CH340 serial adapter", "serial"),
    (QINHENG, "5523"): Known("CH341 serial adapter", "serial"),
    (QINHENG, "55d3"): Known("CH343 serial adapter", "serial"),
    (QINHENG, "55d4"): Known("CH9102 serial adapter", "serial"),
    (PROLIFIC, "2303"): Known("Prolific PL2303 serial adapter", "serial"),
    (PROLIFIC, "23a3"): Known("Prolific PL2303GS serial adapter", "serial"),
    (ZEPHYR, "0001"): Known("board with Zephyr, USB serial", "board"),
    (ZEPHYR, "0100"): Known("board with Zephyr, USB serial", "board"),
    (ST, "5740"): Known("STM32 board, USB serial", "board"),
    (ST, "374b"): Known("ST-LINK/V2.1 of an STM32 board", "board"),
    (ESPRESSIF, "1001"): Known("ESP32 board, USB serial and JTAG", "board"),
    (RASPBERRY, "000a"): Known("RP2040 board, USB serial", "board"),
    (ST, "df11"): Known("STM32 in its boot loader (DFU)", "bootloader"),
    (RASPBERRY, "0003"): Known("RP2040 in its boot loader", "bootloader"),
    ("1d50", "606f"): Known("CAN adapter (gs_usb, candleLight)", "can"),
    ("1209", "2323"): Known("CAN adapter (candleLight)", "can"),
    ("0c72", "000c"): Known("PEAK PCAN-USB adapter", "can"),
    ("0c72", "0012"): Known("PEAK PCAN-USB FD adapter", "can"),
    ("0bfd", "0120"): Known("Kvaser Leaf Light v2 CAN adapter", "can"),
    ("ad50", "60c4"): Known("CANable, serial firmware (slcan)", "can"),
    ("26ac", "0011"): Known("PX4 autopilot", "autopilot"),
    ("1209", "5740"): Known("ArduPilot autopilot", "autopilot"),
    ("1209", "5741"): Known("ArduPilot autopilot", "autopilot"),
    ("2dae", "1016"): Known("CubeOrange autopilot", "autopilot"),
    ("046d", "082d"): Known("Logitech C920 camera", "camera"),
    ("046d", "0825"): Known("Logitech C270 camera", "camera"),
    ("05a3", "9230"): Known("ELP camera", "camera"),
    ("32e4", "9230"): Known("ELP camera", "camera"),
    ("8086", "0b07"): Known("RealSense D435 camera", "camera"),
    ("09cb", "1007"): Known("FLIR thermal camera", "camera"),
    ("1e4e", "0100"): Known("PureThermal thermal camera", "camera"),
    ("0d8c", "000c"): Known("C-Media USB sound card", "sound"),
    ("0d8c", "0012"): Known("C-Media USB sound card", "sound"),
    ("0d8c", "0014"): Known("C-Media USB sound card", "sound"),
    ("2886", "0018"): Known("ReSpeaker microphone array", "sound"),
    ("08bb", "2902"): Known("TI PCM2902 USB sound card", "sound"),
    ("2c7c", "0125"): Known("Quectel EC25 LTE modem", "modem"),
    ("2c7c", "0800"): Known("Quectel RG500Q 5G modem", "modem"),
}

# Vendors that make little else: what an id of theirs that is not above most likely is.
VENDORS: dict[str, Known] = {
    U_BLOX: Known("u-blox device", "gnss"),
    "0c72": Known("PEAK CAN adapter", "can"),
    "0bfd": Known("Kvaser CAN adapter", "can"),
    "26ac": Known("PX4 autopilot", "autopilot"),
    "2dae": Known("Cube autopilot", "autopilot"),
    "2c7c": Known("Quectel modem", "modem"),
    "2fe3": Known("board with Zephyr", "board"),
}

# Chips on I²C and IIO by the name that Linux' driver gives them, and what they measure.
CHIPS: dict[str, str] = {
    "bmp280": "barometer and thermometer",
    "bme280": "barometer, thermometer and hygrometer",
    "bmp388": "barometer and thermometer",
    "ms5611": "barometer and thermometer",
    "dps310": "barometer and thermometer",
    "bno055": "IMU with heading",
    "mpu6050": "IMU",
    "mpu9250": "IMU with magnetometer",
    "icm20948": "IMU with magnetometer",
    "icm42688": "IMU",
    "lsm6dsox": "IMU",
    "lsm6dsr": "IMU",
    "hmc5883": "magnetometer",
    "qmc5883": "magnetometer",
    "ina219": "current and voltage meter",
    "ina226": "current and voltage meter",
    "ina260": "current and voltage meter",
    "lm75": "thermometer",
    "tmp102": "thermometer",
    "sht3x": "thermometer and hygrometer",
    "ads1115": "analogue inputs",
    "ds3231": "real-time clock",
    "pcf8574": "GPIO expander",
}


def known_usb(vendor: str, product: str) -> Known | None:
    """What this id is known for; `vendor`, `product`: four hexadecimal digits, lower case."""
    return KNOWN.get((vendor, product)) or VENDORS.get(vendor)
