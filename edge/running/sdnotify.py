"""systemd's notification socket (sd_notify(3)); silent where there is none."""

import os
import socket
from collections.abc import Mapping

LAUNCHED = "PATROL_EDGE_LAUNCHED"  # in the environment of what the launcher has started
START_WITHIN_S = 120.0  # as TimeoutStartSec= of the service


class SystemdNotifier:
    """Tells systemd READY=1, WATCHDOG=1 and STOPPING=1 over the socket it names."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for Linux's abstract name space (sd_notify(3)).
        self._address = "\0" + address[1:] if address.startswith("@") else address
        micros = environ.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(micros) / 1e6 if micros.isdigit() and int(micros) else None
        self._begun_anew = environ.get(LAUNCHED) is not None

    def ready(self, status: str) -> None:
        if self.watchdog_s is not None and self._begun_anew:  # as it was before `reloading`
            self._send(f"WATCHDOG_USEC={int(self.watchdog_s * 1e6)}")
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def reloading(self, mono_s: float) -> None:
        """About to start anew in the same process: the next READY=1 ends it.

        Not STOPPING=1: after that systemd waits for the process to end, and kills it. The watchdog
        stays armed meanwhile, and a small board takes longer to start than it allows.
        """
        if self.watchdog_s is not None:
            self._send(f"WATCHDOG_USEC={int(max(self.watchdog_s, START_WITHIN_S) * 1e6)}")
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(mono_s * 1e6)}\nSTATUS=starting anew")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            try:
                # Whoever does not read must not hold up who has to stop (MSG_DONTWAIT, send(2)).
                sock.sendto(text.encode(), socket.MSG_DONTWAIT, self._address)
            except OSError:
                # systemd restarting its socket must not cost the unit its run; the next ping tells.
                return
