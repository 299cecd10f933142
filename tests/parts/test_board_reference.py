"""The C reference of the board link against Python: byte for byte, and under sanitizers."""

import json
import random
import re
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.runtime import cobs
from firmware_bridge.runtime.frames import BadFrameError, Frame, decode, encode
from firmware_bridge.runtime.orders import BoardIncident, SetChannel, TurnHead
from firmware_bridge.runtime.requests import (
    Bye,
    Describe,
    EventClear,
    EventRead,
    Heartbeat,
    Hello,
    Output,
    Point,
    Set,
)
from firmware_bridge.runtime.splitter import DAMAGES, Splitter
from firmware_bridge.runtime.vocabulary import Fault, Type
from firmware_bridge.simulated.equipment import PAYLOAD
from firmware_bridge.simulated.firmware import SimulatedFirmware
from tests.board_reference import (
    COMPILERS,
    CORE,
    SANITIZED,
    STRICT,
    Script,
    compiled,
    compiler,
    running,
)
from tests.board_vectors import vectors
from tests.boards import asked, open_link, read_until

VECTORS = Path(__file__).parents[2] / "docs" / "board-link.vectors.json"


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Script:
    folder = tmp_path_factory.mktemp("reference")
    return Script(compiled(folder, "script.c", "-shared", "-fPIC", cc=compiler()))


@pytest.fixture(scope="module")
def told() -> Any:
    return json.loads(VECTORS.read_text())


def test_the_vectors_are_what_the_python_side_says(told: Any) -> None:
    assert told == vectors(), "run: python -m tests.board_vectors > docs/board-link.vectors.json"


def test_the_reference_keeps_to_the_vectors(script: Script, told: Any) -> None:
    for each in told["crc32"]:
        assert script.crc32(bytes.fromhex(each["data"])) == each["crc"]
    for each in told["cobs"]:
        assert script.stuff(bytes.fromhex(each["data"])).hex() == each["stuffed"]
        assert script.unstuff(bytes.fromhex(each["stuffed"])) == bytes.fromhex(each["data"])
    for each in told["frames"]:
        payload = bytes.fromhex(each["payload"])
        line = script.frame(each["type"], each["sequence"], payload)
        assert line.hex() == each["line"], each["name"]
        assert script.unframe(line[1:-1]) == (each["type"], each["sequence"], payload)


def test_the_reference_talks_as_the_vectors_do(script: Script, told: Any) -> None:
    script.start(0)
    for step in told["talk"]["steps"]:
        if "input" in step:
            script.press(step["input"], pressed=step["pressed"])
        sent = script.step(bytes.fromhex(step.get("host", "")), step["at_ms"])
        assert sent.hex() == step["board"], step["about"]


@pytest.mark.parametrize("cc", COMPILERS)
def test_it_is_strict_c99_and_needs_no_library(tmp_path: Path, cc: str) -> None:
    for source in CORE:
        made = tmp_path / "made.o"
        command = [compiler(cc), *STRICT, "-ffreestanding", "-Os", "-c", str(source)]
        result = subprocess.run(
            [*command, "-o", str(made)], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        if shutil.which("nm"):
            names = subprocess.run(["nm", "-u", str(made)], capture_output=True, text=True).stdout
            needed = {name for name in re.findall(r"U (\w+)", names) if not name.startswith("pf_")}
            assert needed <= {"memcpy", "memset"}, "it shall run where there is no libc"


class Both:
    """The simulated board and the reference, side by side."""

    def __init__(self, script: Script, now_ms: int) -> None:
        self._script, self._splitter = script, Splitter()
        self._simulated = SimulatedFirmware(PAYLOAD)
        self._simulated.bad_in = lambda: sum(self._splitter.counts[cause] for cause in DAMAGES)
        self._simulated.boot("1.0.0", now_ms / 1000)
        script.start(now_ms)

    def step(self, data: bytes, now_ms: int) -> bytes:
        sent, now_s = b"", now_ms / 1000
        for item in self._splitter.feed(data):
            sent += self._simulated.frame(item, now_s) if isinstance(item, Frame) else b""
        sent += self._simulated.tick(now_s)
        assert self._script.step(data, now_ms).hex() == sent.hex()
        return sent

    def press(self, number: int, now_ms: int, *, pressed: bool) -> None:
        self._simulated.press(number, now_ms / 1000, pressed=pressed)
        self._script.press(number, pressed=pressed)

    def faults(self, bits: int, now_ms: int, *, on: bool) -> None:
        now = self._simulated.faults
        self._simulated.set_faults(now | bits if on else now & ~bits, now_ms / 1000)
        self._script.faults(bits, on=on)


class Talker:
    """A host that says right and wrong things, by chance."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._sequence = 1
        self._session = 7

    def says(self) -> bytes:
        dice = self._dice
        kind = dice.choices(
            ("request", "beat", "hello", "bye", "any", "bytes"), (60, 20, 4, 1, 5, 5)
        )
        match kind[0]:
            case "request":
                return self._damaged(self._request())
            case "beat":
                return self._damaged(self._frame(Heartbeat(self._session).pack(), Type.HEARTBEAT))
            case "hello":
                if dice.random() < 0.5:
                    self._session, self._sequence = dice.randrange(0, 4), 1
                hello = Hello(self._session, 100, "x" * dice.randrange(40)).pack()
                return encode(Frame(Type.HELLO, 0, hello, dice.choice((1, 2, 2, 2, 2, 3))))
            case "bye":
                return self._frame(Bye(self._session).pack(), Type.BYE)
            case "any":
                payload = dice.randbytes(dice.randrange(241))
                return self._frame(payload, dice.randrange(256))
            case _:
                return dice.randbytes(dice.randrange(300))

    def _request(self) -> bytes:
        dice = self._dice
        outputs = tuple(
            Output(
                channel=dice.randrange(7),
                on=dice.random() < 0.7,
                level=dice.choice((0, 500, 1000, 1001)),
                pattern=dice.choice((0, 0, 1, 4, 20)),
                for_ms=dice.choice((0, 0, 60, 300, 40_000)),
            )
            for _ in range(dice.choice((1, 1, 2, 16)))
        )
        angle = dice.choice((0, 30_000, -360_000, 360_001, -(2**31)))
        message = dice.choice(
            (
                Set(outputs),
                Set(outputs[:1]),
                Point(dice.choice((5, 5, 1, 9)), angle, dice.choice((0, 180_001))),
                Describe(dice.randrange(5), dice.randrange(7)),
                EventRead(dice.randrange(6)),
                EventClear(dice.randrange(9)),
            )
        )
        payload = message.pack()
        if dice.random() < 0.05:
            payload += b"x"
        sequence = self._sequence
        chance = dice.random()
        if chance < 0.75:
            self._sequence = (sequence + 1) & 0xFFFF
        elif chance < 0.9:
            sequence = (sequence - dice.randrange(1, 12)) & 0xFFFF
        else:
            sequence = (sequence + dice.randrange(1, 9)) & 0xFFFF
        return encode(Frame(message.TYPE, sequence, payload))

    def _frame(self, payload: bytes, kind: int) -> bytes:
        return encode(Frame(kind, self._sequence, payload))

    def _damaged(self, line: bytes) -> bytes:
        dice = self._dice
        if dice.random() > 0.05:
            return line
        at = dice.randrange(len(line))
        return (
            line[:at]
            + bytes((line[at] ^ 1 << dice.randrange(8),)) * dice.randrange(2)
            + line[at + 1 :]
        )


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_said_both_answer_alike(script: Script, seed: int) -> None:
    dice = random.Random(seed)
    now_ms, talker = dice.randrange(5000), Talker(dice)
    both, sent = Both(script, now_ms), 0
    both.step(encode(Frame(Type.HELLO, 0, Hello(7, 100).pack())), now_ms)
    for _ in range(400):
        chance = dice.random()
        if chance < 0.05:
            both.press(dice.randrange(4), now_ms, pressed=dice.random() < 0.5)
        elif chance < 0.08:
            fault = dice.choice(list(Fault))
            both.faults(fault, now_ms, on=dice.random() < 0.5)
        now_ms += dice.choice((1, 5, 20, 60, 150, 450))
        data = talker.says() if dice.random() < 0.8 else b""
        sent += len(both.step(data[:500], now_ms))
    assert sent > 5000


def test_a_line_that_never_rests_keeps_no_time_limit_waiting(script: Script) -> None:
    script.start(0)
    hello, ping = Frame(Type.HELLO, 0, Hello(7, 100).pack()), Frame(Type.PING, 1)
    script.step(encode(hello) + encode(ping) * 9, 5)
    answers = [script.step(b"", now_ms).count(bytes((2, 0x80))) for now_ms in (10, 15, 20)]
    assert answers == [4, 2, 0], "four frames a poll, and nothing of them lost"


def test_a_fault_that_is_reported_again_is_no_news(script: Script) -> None:
    script.start(0)
    script.step(encode(Frame(Type.HELLO, 0, Hello(7, 100).pack())), 5)
    script.step(b"", 100)
    script.faults(Fault.UNDERVOLTAGE, on=True)
    assert script.step(b"", 200), "told at once"
    script.faults(Fault.UNDERVOLTAGE, on=True)
    assert not script.step(b"", 260), "and then with the others, each 200 ms"


@pytest.mark.parametrize("seed", range(5))
def test_both_refuse_the_same_bytes(script: Script, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(2000):
        data = bytearray(encode(Frame(dice.randrange(256), 3, dice.randbytes(dice.randrange(60)))))
        for _ in range(dice.randrange(3)):
            data[dice.randrange(1, len(data) - 1)] = dice.randrange(1, 256)
        stuffed = bytes(data[1:-1])
        try:
            frame = decode(stuffed)
        except BadFrameError:
            assert script.unframe(stuffed) is None
        else:
            assert script.unframe(stuffed) == (frame.type, frame.sequence, frame.payload)
        noise = dice.randbytes(dice.randrange(400))
        assert script.stuff(noise) == cobs.encode(noise)


# --- as a board on a pseudo-terminal -----------------------------------------------------------


def use(port: Path, board: "subprocess.Popen[str]") -> None:
    """Everything once, over a real link."""
    assert board.stdin is not None
    with closing(open_link(port)) as link:
        assert link.plate.board.model == "patrol-io"
        assert [each.name for each in link.plate.channels] == [
            each.name for each in PAYLOAD.channels
        ]
        for number in range(50):
            level = number % 2
            assert asked(link, SetChannel(channel="siren", level=level, pattern="wail")).ok
        assert asked(link, TurnHead(channel="head", pan_deg=10, tilt_deg=-5)).ok
        board.stdin.write("press 0\n")
        board.stdin.flush()
        incident = read_until(link, lambda each: each if isinstance(each, BoardIncident) else None)
        assert incident.input_kind == "sos"
        time.sleep(0.5)  # its dead-man switch
        incident = read_until(link, lambda each: each if isinstance(each, BoardIncident) else None)
        assert incident.what == "dead_man"


@pytest.mark.parametrize("cc", COMPILERS)
def test_it_works_under_sanitizers(tmp_path: Path, cc: str) -> None:
    program = compiled(tmp_path, "board.c", *SANITIZED, cc=compiler(cc))
    with running([str(program)], tmp_path / "port") as board:
        use(tmp_path / "port", board)


def test_it_works_under_valgrind(tmp_path: Path) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind (apt-get install valgrind)")
    program = compiled(tmp_path, "board.c", "-g", "-O1", cc=compiler("gcc", "clang"))
    command = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", str(program)]
    with running(command, tmp_path / "port") as board:
        use(tmp_path / "port", board)


KILLED = """
import sys, time
from tests.boards import asked, open_link
from firmware_bridge.runtime.orders import SetChannel
link = open_link(sys.argv[1])
for channel in ("siren", "searchlight"):
    assert asked(link, SetChannel(channel=channel, level=1)).ok
print("on", flush=True)
while True:
    link.read()
"""


def test_all_is_off_half_a_second_after_the_host_is_killed(tmp_path: Path) -> None:
    program = compiled(tmp_path, "board.c", cc=compiler())
    with running([str(program)], tmp_path / "port") as board:
        assert board.stdout is not None
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / "port")],
            stdout=subprocess.PIPE,
            text=True,
        ) as host:
            assert host.stdout is not None
            assert host.stdout.readline() == "on\n"
            time.sleep(0.3)
            killed_ns = time.monotonic_ns()
            host.kill()
        time.sleep(0.6)
        assert board.stdin is not None
        board.stdin.close()
        lines = [line.split() for line in board.stdout.read().splitlines()]
    off_ns = {int(each[2]): int(each[1]) for each in lines if each[3] == "0"}
    for channel in (0, 2):
        assert 0.2 < (off_ns[channel] - killed_ns) / 1e9 <= 0.5


def test_the_fuzzer_finds_nothing_in_a_short_while(tmp_path: Path) -> None:
    program = compiled(tmp_path, "fuzz.c", "-DALONE", *SANITIZED, cc=compiler())
    result = subprocess.run(
        [str(program), "3000"], capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("3000 runs")
