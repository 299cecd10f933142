"""Everything that reads bytes of others, one function each; what it may raise is caught in it.

python -m tests.torture.fuzz_targets NAME [libFuzzer's options]      fuzzes one, until a limit
"""

import math
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).parents[1] / "data" / "fuzz"


def ack(data: bytes) -> None:
    from telemetry.contract.down import Ack
    from telemetry.contract.envelope import BadMessageError, read_down

    with suppress(BadMessageError):
        read_down(Ack, data)


def hub_state(data: bytes) -> None:
    from telemetry.contract.down import HubState
    from telemetry.contract.envelope import BadMessageError, read_down

    with suppress(BadMessageError):
        read_down(HubState, data)


def envelope(data: bytes) -> None:
    from telemetry.contract.envelope import BadMessageError, read_up

    with suppress(BadMessageError):
        read_up(data)


def topic(data: bytes) -> None:
    from telemetry.contract.topics import split_up

    split_up("patrol/v1", data.decode("utf-8", "replace"))


def jws(data: bytes) -> None:
    from telemetry.commands.jws import BadTokenError, verify

    key = _public_key()
    with suppress(BadTokenError):
        verify(data, lambda _kid: key)


def claims(data: bytes) -> None:
    """What a known key has signed, all the way to arguments and refusals."""
    from telemetry.commands.judging import JudgedError, UnprovedError

    judge = _bench_judge()
    with suppress(UnprovedError, JudgedError):
        judge.judge(judge.identify(data, 1000.0, retained=False), "hub", 0)


def keyring(data: bytes) -> None:
    from telemetry.commands.files import FileRefusedError
    from telemetry.commands.keyring import read_keyring

    with suppress(FileRefusedError):
        read_keyring(_file("keyring.json", data))


def config(data: bytes) -> None:
    from config.errors import ConfigError
    from config.loading import load

    with suppress(ConfigError):
        load(_file("unit.yaml", data), {})


def nmea(data: bytes) -> None:
    from drivers.base import BadDataError
    from drivers.gnss.nmea import parse

    for line in data.decode("latin-1").split("\n"):
        with suppress(BadDataError):
            parse(line)


def receiver(data: bytes) -> None:
    """A receiver's line, live: sentences, epochs, the sky, what is odd about it."""
    from drivers.gnss.nmea_framing import frame
    from drivers.gnss.receiver import NmeaReceiver
    from edge.positioning.receiver_watch import ReceiverWatch

    line, watch, now_s = NmeaReceiver(max_speed_mps=80.0, live=True), ReceiverWatch(), 0.0
    for piece in data.split(b"\n"):
        now_s += 0.25
        body = piece.decode("ascii", "ignore").translate({36: None, 42: None})
        framed = frame(body) if piece[:1] != b"$" else piece + b"\n"
        for timed in line.feed(framed, now_s) + line.silence(now_s + 0.11):
            watch.note(timed.epoch)
    watch.jumps, watch.doubt, watch.uniform  # noqa: B018 - asked as the health report does


def stranger(data: bytes) -> None:
    """Bytes of whoever is plugged in instead of a receiver."""
    from drivers.gnss.strangers import seen_in

    str(seen_in(data))


def setup(data: bytes) -> None:
    """What a receiver answers while it is set up: frames and sentences out of whatever comes."""
    from drivers.gnss.setup.line import Splitter

    splitter = Splitter()
    for at in range(0, len(data), 7):
        splitter.feed(data[at : at + 7])


def journal(data: bytes) -> None:
    from telemetry.commands.journal_check import check

    check([_file("journal-000001.jsonl", data)], _public_key())


def elm327(data: bytes) -> None:
    """What an adapter writes, all the way to facts: lines, frames, answers, the dialogue."""
    from drivers.platforms.cars.car import Car
    from drivers.platforms.cars.elm327_dialogue import Dialogue
    from drivers.platforms.cars.elm327_replies import Prompts

    prompts, dialogue, now_s = Prompts(), Dialogue(Car("car"), 0.0), 0.0
    for text in prompts.feed(b">".join((b"ELM327 v1.4b", *(b"OK",) * 6, b"12.4V", data, b""))):
        dialogue.command(now_s)
        dialogue.heard(text, now_s)
        now_s += 1.0
    dialogue.car.due(now_s)


def obd(data: bytes) -> None:
    """Frames of a car's bus (the first byte: how many bytes the frame has), put together."""
    from drivers.base import BadDataError
    from drivers.platforms.cars.car import Car
    from drivers.platforms.cars.isotp import Reassembly
    from drivers.platforms.cars.obd import not_supported, read_answer

    reassembly, car, now_s = Reassembly(), Car("car"), 0.0
    while data:
        size, frame, now_s = data[0] % 9, data[1 : 1 + data[0] % 9], now_s + 0.1
        sender, data = 0x7E8 + data[0] // 9 % 8, data[1 + size :]
        reassembly.expire(now_s)
        with suppress(BadDataError):
            payload, _ = reassembly.feed(sender, frame, now_s)
            if payload is not None:
                facts = read_answer(payload)
                not_supported(facts)
                car.note(facts, now_s)
    car.due(now_s)


def smp(data: bytes) -> None:
    """What a board sends: as bytes of the line, and as an answer (the first byte: to what)."""
    from firmware_bridge.management import smp
    from firmware_bridge.management.errors import ManagementError
    from firmware_bridge.management.refusals import raise_for

    stream = smp.Replies()
    for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
        stream.feed(piece)
    answers = _smp_answers()
    request, read = answers[data[0] % len(answers) if data else 0]
    content = data[1:60_000]
    header = bytes([request[0] | 1, 0]) + len(content).to_bytes(2, "big") + request[4:8]
    body = smp.answer_to(request, header + content)
    if body is not None:
        with suppress(ManagementError):
            raise_for(body, request[5])
            read(body)


def mcuboot(data: bytes) -> None:
    from firmware_bridge.management.mcuboot import BadImageError, read_image

    with suppress(BadImageError):
        read_image(data)


def firmware_package(data: bytes) -> None:
    from datetime import UTC, datetime

    from edge.firmware.package import PackageError, read_package
    from telemetry.commands.keyring import Keyring

    with suppress(PackageError):
        now = datetime(2026, 11, 22, tzinfo=UTC)
        read_package(_file("any.pefw", data), Keyring(_folder() / "none.json"), now)


def bundle(data: bytes) -> None:
    """A whole bundle. What is taken can only be the one that was signed."""
    _take_bundle(data)


def bundle_files(data: bytes) -> None:
    """Anything behind a manifest that is rightly signed."""
    from io import BytesIO

    from edge.bundles.container import Tape
    from edge.bundles.reading import OpenedBundle
    from edge.bundles.refusal import BundleError

    envelope, manifest, rest = _good_manifest()
    opened = OpenedBundle(manifest, (), envelope.raw, envelope, Tape(BytesIO(data)))
    with suppress(BundleError):
        opened.contents()
        if data != rest:
            raise ValueError("it took what nobody has signed")


def bundle_manifest(data: bytes) -> None:
    """A manifest: as it stands in the bundle, and as somebody known may have signed it."""
    from edge.bundles.judging import parsed
    from edge.bundles.refusal import BundleError
    from edge.bundles.signatures import proved, read_envelope

    with suppress(BundleError):
        proved(read_envelope(data), _fuzz_trust())
    with suppress(BundleError):
        parsed(data)


def trust_list(data: bytes) -> None:
    from edge.bundles.chain import parse_trust
    from edge.bundles.refusal import BundleError

    with suppress(BundleError):
        parse_trust(data)


def robot(data: bytes) -> None:
    """Lines of a robot's adapter, and messages of a rosbridge."""
    from drivers.base import BadDataError
    from drivers.platforms.robots import ros_messages
    from drivers.platforms.robots.messages import read_message

    for line in data.split(b"\n"):
        with suppress(BadDataError):
            read_message(line)
        with suppress(BadDataError):
            _topic, msg = ros_messages.read_publish(line.decode("utf-8", "replace")) or ("", {})
            for read in (ros_messages.odometry, ros_messages.battery):
                with suppress(BadDataError):
                    read(msg, 1.0)
            ros_messages.diagnostics(msg)


def mavlink(data: bytes) -> None:
    """Any bytes on an autopilot's line, in pieces; what is a message by chance is decoded."""
    from drivers.platforms.mavlink.codec import Codec

    codec, half = Codec(1, 191), len(data) // 2
    codec.feed(data[:half])
    codec.feed(data[half:], whole=True)


def mavlink_messages(data: bytes) -> None:
    """Messages with a right checksum (which one, its length, anything), all the way to samples."""
    from tests.mavlink_frames import frame, heartbeat

    frames, sequence = [heartbeat()], 1
    while len(data) > 2:
        number = _MAVLINK[data[0] % len(_MAVLINK)]
        size, payload = data[1] % 64, data[2 : 2 + data[1] % 64]
        component = 1 if data[0] < 200 else 154
        frames.append(frame(number, payload, sequence=sequence, component=component))
        data, sequence = data[2 + size :], sequence + 1
    _hear_autopilot(frames)


def naive(data: bytes) -> None:
    """The control: reads a command as one does in a hurry. A fuzzer must find what is wrong."""
    import json

    if data[:1] == b"{":
        json.loads(data)["id"].lower()


def leaky(data: bytes) -> None:
    """The other control: remembers what it reads. It must be seen to grow."""
    _REMEMBERED.append(data + bytes(10_000))


_REMEMBERED: list[bytes] = []
CONTROLS: dict[str, Callable[[bytes], None]] = {"naive": naive, "leaky": leaky}


def board_bytes(data: bytes) -> None:
    """Any bytes from a board's line, in two pieces."""
    from firmware_bridge.runtime.splitter import Splitter

    splitter, half = Splitter(), len(data) // 2
    splitter.feed(data[:half])
    splitter.feed(data[half:])


def board_frames(data: bytes) -> None:
    """Whole frames, with anything in them, to a link that is open: type, length, payload."""
    from drivers.base import DeviceLostError

    link, port = _board_link()
    link.ask(1, _board_request())
    with suppress(DeviceLostError):
        port.say(data)
        link.read()


def certificate_request(data: bytes) -> None:
    """What a unit, or whoever it is, sends to the authority."""
    from edge.provisioning.errors import WrongInputError
    from edge.provisioning.requests import read_request, request_name

    with suppress(WrongInputError):
        request_name(read_request(data))


def certificates(data: bytes) -> None:
    """What comes back, by file or in an envelope of PKCS #7."""
    from datetime import UTC, datetime

    from edge.provisioning.certificates import checked_chain, read_certificates
    from edge.provisioning.errors import ProvisioningError
    from edge.provisioning.pkcs7 import certificates_in

    with suppress(ProvisioningError):
        certificates_in(data)
    with suppress(ProvisioningError):
        key = read_certificates(data, "it")[0].public_key()
        checked_chain(data, "dog-01", key, [], datetime(2026, 11, 27, tzinfo=UTC))


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        ack,
        hub_state,
        envelope,
        topic,
        jws,
        claims,
        smp,
        mcuboot,
        firmware_package,
        keyring,
        config,
        nmea,
        receiver,
        stranger,
        setup,
        journal,
        elm327,
        obd,
        mavlink,
        mavlink_messages,
        board_bytes,
        board_frames,
        robot,
        bundle,
        bundle_files,
        bundle_manifest,
        trust_list,
        certificate_request,
        certificates,
    )
}


# --- what they need --------------------------------------------------------------------------


# Messages that the driver looks into, and some that it does not.
_MAVLINK = (0, 1, 2, 24, 30, 33, 42, 46, 76, 77, 136, 132, 141, 147, 148, 162, 193, 230, 245, 253,
            265, 285, 12918, 44, 47, 51, 73)  # fmt: skip


def _hear_autopilot(pieces: list[bytes]) -> None:
    from drivers.base import DeviceLostError
    from tests.mavlink_line import play

    with suppress(DeviceLostError):
        for sample in play(pieces):
            for name in sample.__slots__:
                value = getattr(sample, name)
                if isinstance(value, float) and not math.isfinite(value):
                    raise ValueError(f"{type(sample).__name__}.{name} is {value}")


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    path.chmod(0o600)
    return path


@cache
def _smp_answers() -> list[tuple[bytes, Callable[[Any], object]]]:
    """Requests, and what reads an answer to each."""
    from firmware_bridge.management import replies, smp

    return [
        (smp.read_images().BYTES, replies.slots),
        (smp.next_part(1, b"").BYTES, replies.uploaded),
        (smp.read_parameters().BYTES, replies.parameters),
        (smp.read_setting("x").BYTES, replies.value),
        (smp.echo("x").BYTES, lambda body: replies.text(body, "r")),
    ]


@cache
def _public_key() -> Any:
    from telemetry.commands.jws import PublicKey

    return PublicKey("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")  # RFC 8037, appendix A.2


@cache
def _bench_judge() -> Any:
    from datetime import UTC, datetime

    from config.operations import SecurityConfig
    from telemetry.commands.judging import Judge
    from telemetry.commands.keyring import Keyring
    from telemetry.commands.trusted_time import TrustedTime
    from tests.fakes import ManualClock

    now = datetime(2026, 11, 22, 12, 0, 10, tzinfo=UTC)
    return Judge(
        unit="dog-07",
        security=SecurityConfig(commands="unsigned"),
        keyring=Keyring(_folder() / "none.json"),
        time=TrustedTime(lambda _mono_s: (now, "ntp"), ManualClock(), None),
        handles=lambda _name: True,
    )


def _take_bundle(data: bytes) -> None:
    from datetime import UTC, datetime
    from io import BytesIO

    from edge.bundles.judging import Here
    from edge.bundles.reading import open_bundle
    from edge.bundles.refusal import BundleError

    now, here = datetime(2026, 11, 27, 12, tzinfo=UTC), Here(unit="dog-07", kind="robot_dog")
    with suppress(BundleError):
        open_bundle(BytesIO(data), _fuzz_trust(), now, here, lambda _manifest: 4).contents()
        if data != _good_bundle():
            raise ValueError("it took what nobody has signed")


@cache
def _good_bundle() -> bytes:
    return (SEEDS / "bundle" / "good.peb").read_bytes()


@cache
def _good_manifest() -> Any:
    """What it says, and what has to come behind it."""
    from edge.bundles.container import BLOCK, gap
    from edge.bundles.judging import parsed
    from edge.bundles.signatures import read_envelope

    data = _good_bundle()
    size = int(data[124:135], 8)
    envelope = read_envelope(data[BLOCK : BLOCK + size])
    return envelope, parsed(envelope.content), data[BLOCK + size + gap(size) :]


@cache
def _fuzz_trust() -> Any:
    from edge.bundles.trust import Trust

    key = _public_key()
    roles = ("zones", "config", "trust")
    entry = {"kid": key.kid, "public": key.text, "owner": "rfc 8037", "roles": roles}
    return Trust.model_validate({"serial": 1, "keys": [entry], "needed": {"trust": 1}})


def _board_link() -> Any:
    from firmware_bridge.runtime.link import BoardLink
    from firmware_bridge.runtime.talk import Talk
    from tests.boards import ToldPort

    config, plate, clock = _board_parts()
    port = ToldPort()
    talk = Talk(port, clock)
    talk.session = 0  # what a report of zeros has
    return BoardLink("b", config, port, talk, 1, plate), port


@cache
def _board_parts() -> Any:
    from config.boards import BoardConfig
    from firmware_bridge.runtime.inventory import BoardIdentity, Temperature
    from firmware_bridge.runtime.nameplate import Nameplate
    from firmware_bridge.simulated.equipment import PAYLOAD
    from tests.fakes import ManualClock

    board = BoardIdentity(
        model="m", serial="s", firmware="f", hardware="h", calibrated=None,
        channels=6, inputs=4, temperatures=1,
    )  # fmt: skip
    plate = Nameplate(
        board=board,
        channels=PAYLOAD.channels,
        inputs=PAYLOAD.inputs,
        temperatures=(Temperature("board"),),
    )
    return BoardConfig(port="/dev/serial/by-id/x"), plate, ManualClock()


@cache
def _board_request() -> Any:
    from firmware_bridge.runtime.orders import SetChannel

    return SetChannel(channel="siren", level=1.0)


def main() -> None:
    import atheris

    name, *options = sys.argv[1:]
    target = (CONTROLS | TARGETS)[name]
    with atheris.instrument_imports(
        include=[
            "config",
            "drivers.gnss.nmea",
            "drivers.platforms",
            "edge.bundles",
            "edge.firmware",
            "firmware_bridge",
            "telemetry",
        ]
    ):
        target(b"")  # imports what it needs
    if name in CONTROLS:
        target = atheris.instrument_func(target)
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
