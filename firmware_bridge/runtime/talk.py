"""One session with a board: heartbeats, requests with their answers, and what the board tells."""

import secrets
from collections import Counter
from dataclasses import dataclass, field

from drivers.clock import Clock
from firmware_bridge.runtime.frames import PROTOCOL, Frame, encode
from firmware_bridge.runtime.packing import BadPayloadError
from firmware_bridge.runtime.port import Port
from firmware_bridge.runtime.reports import Ack
from firmware_bridge.runtime.requests import Bye, Heartbeat, Hello
from firmware_bridge.runtime.splitter import ConsoleText, Splitter
from firmware_bridge.runtime.vocabulary import HEARTBEAT_S, Type
from firmware_bridge.runtime.window import Answer, Window


@dataclass(slots=True)
class Heard:
    """What one exchange brought."""

    answers: list[Answer] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)  # all others, of any version
    data: bytes = b""  # as it came


class Talk:
    """Used by one thread. Its session is another one each time."""

    def __init__(self, port: Port, clock: Clock) -> None:
        self.clock = clock
        self.session = secrets.randbelow(2**32 - 1) + 1
        self.splitter = Splitter()
        self.window = Window()
        self.console = ""  # the last line that the board printed
        self.counts: Counter[str] = Counter()  # other_version, management, bad_payload
        self._port = port
        self._beats = 0
        self._beat_s = float("-inf")

    def say_hello(self) -> None:
        hello = Hello(self.session, round(1000 * HEARTBEAT_S), "patrol-edge")
        self._port.send(encode(Frame(Type.HELLO, 0, hello.pack())))

    def say_bye(self) -> None:
        self._port.send(encode(Frame(Type.BYE, 0, Bye(self.session).pack())))

    def listen(self, wait_s: float) -> Heard:
        """Say nothing, and wait for what comes first. Raises DeviceLostError."""
        return self._heard(self._port.read(wait_s))

    def exchange(self, wait_s: float) -> Heard:
        """Say what is due, and wait for what comes first. Raises DeviceLostError.

        Called again and again: it is what keeps the board's dead-man switch from tripping.
        """
        now_s = self.clock.mono_s()
        line = self._beat(now_s) + self.window.due(now_s)
        if line:
            self._port.send(line)
        due_s = [self._beat_s + HEARTBEAT_S]
        if (again_s := self.window.next_s()) is not None:
            due_s.append(again_s)
        return self._heard(self._port.read(max(0.0, min(wait_s, min(due_s) - now_s))))

    def _beat(self, now_s: float) -> bytes:
        if now_s - self._beat_s < HEARTBEAT_S:
            return b""
        self._beat_s, self._beats = now_s, (self._beats + 1) & 0xFFFF
        return encode(Frame(Type.HEARTBEAT, self._beats, Heartbeat(self.session).pack()))

    def _heard(self, data: bytes) -> Heard:
        heard = Heard(data=data)
        for item in self.splitter.feed(data):
            if isinstance(item, Frame):
                self._sort(item, heard)
            elif isinstance(item, ConsoleText):
                self.console = item.text
            else:
                self.counts["management"] += 1  # an answer to a tool that has gone
        return heard

    def _sort(self, frame: Frame, heard: Heard) -> None:
        if frame.type != Type.ACK or frame.version != PROTOCOL:
            heard.frames.append(frame)
            return
        try:
            ack = Ack.unpack(frame.payload)
        except BadPayloadError:
            self.counts["bad_payload"] += 1
            return
        answer, again = self.window.note(frame.sequence, ack, self.clock.mono_s())
        if answer is not None:
            heard.answers.append(answer)
        if again:
            self._port.send(again)
