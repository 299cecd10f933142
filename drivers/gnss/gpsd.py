"""A receiver that gpsd has open: its NMEA sentences, passed on as they are."""

import json
from typing import Self

from config.devices import GpsdGnssConfig
from config.language import said, tell
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.gnss.stream import StreamGnss
from drivers.stream import TcpStream

GREETING_S = 3.0
MAX_LINE_BYTES = 65_536


class GpsdStream:
    """The sentences in what gpsd sends; its own JSON notes (lines that begin with a brace) are read
    for what they say about the device, and left out. Protocol: gpsd_json(5), ?WATCH."""

    def __init__(self, connection: TcpStream, device: str | None) -> None:
        self._connection = connection
        self._device = device
        self._pending = b""

    @classmethod
    def open(cls, config: GpsdGnssConfig, clock: Clock) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        connection = TcpStream.connect(config.host, config.port)
        stream = cls(connection, config.device)
        try:
            stream._greet(clock, f"{config.host}:{config.port}")
        except DeviceLostError as error:
            connection.close()
            raise DeviceUnavailableError(said(error)) from error
        except DeviceUnavailableError:
            connection.close()
            raise
        return stream

    def _greet(self, clock: Clock, name: str) -> None:
        end_s = clock.mono_s() + GREETING_S
        while b'"class":"VERSION"' not in self._pending:
            left_s = end_s - clock.mono_s()
            if left_s <= 0 or len(self._pending) > MAX_LINE_BYTES:
                raise DeviceUnavailableError(
                    tell("{name} answers, but not as gpsd: is the port right?", name=name)
                )
            self._pending += self._connection.read(left_s)
        watch: dict[str, object] = {"enable": True, "json": True, "nmea": True}
        if self._device is not None:
            watch["device"] = self._device
        self._connection.send(b"?WATCH=" + json.dumps(watch).encode() + b";\n")

    def read(self, wait_s: float) -> bytes:
        data = self._connection.read(wait_s)
        if not data:
            return b""
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > MAX_LINE_BYTES:
            self._pending = b""
        return b"\n".join([line for line in lines if not self._is_note(line)] + [b""])

    def _is_note(self, line: bytes) -> bool:
        if not line.startswith(b"{"):
            return False
        if line.startswith((b'{"class":"ERROR"', b'{"class":"DEVICE"')):
            self._heed(line)
        return True

    def _heed(self, line: bytes) -> None:
        """Raise DeviceLostError where gpsd says that the device has gone."""
        try:
            note = json.loads(line)
        except (ValueError, RecursionError):
            return
        if note["class"] == "ERROR":
            raise DeviceLostError(f"gpsd: {note.get('message', 'error')}"[:200])
        # "activated": 0 is how gpsd tells that it has closed a device.
        if not note.get("activated") and note.get("path") == (self._device or note.get("path")):
            raise DeviceLostError(
                tell(
                    "gpsd has lost {device}: is it plugged in?",
                    device=note.get("path", "its device"),
                )
            )

    def close(self) -> None:
        self._connection.close()


def open_gpsd(config: GpsdGnssConfig, clock: Clock) -> StreamGnss:
    """A receiver of gpsd's: connect, and ask for NMEA.

    Raises DeviceUnavailableError, with the cure.
    """
    return StreamGnss(GpsdStream.open(config, clock), clock, config.max_speed_mps)
