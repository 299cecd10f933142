"""`hub flash` and `hub overlay`: bundles and single values, from the hub to units."""

import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from edge.bundles.writing import write_bundle
from edge.cli.main import main
from edge.rollout.overlays import read_values
from edge.rollout.parcel import parcel_of
from edge.rollout.serving import FileServer, address_towards
from telemetry.commands.jws import PrivateKey
from tests.broker import Broker
from tests.bundle_maker import manifest_of
from tests.flashable_units import BASE, Units

KEY = PrivateKey.new()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def units(broker: Broker) -> Iterator[Units]:
    with Units(broker.port, "car-07", "car-08", "7-eleven") as units:
        yield units


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "config.key"
    path.write_bytes(KEY.pem)
    path.chmod(0o600)
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return a_config(tmp_path / "harbour-13.peb")


def a_config(path: Path, **changes: object) -> Path:
    files = {"unit.yaml": b"position: {patrol_every_s: 5}\n"}
    manifest = manifest_of(
        files, kind="config", name="harbour", serial=13, made_for={"kinds": ("patrol_car",)},
        overlay_keys=("position", "cameras.*.fps"), **changes,
    )  # fmt: skip
    write_bundle(path, manifest, files, [(KEY, KEY.public.kid)])
    return path


@dataclass(frozen=True)
class Told:
    returncode: int
    stdout: str
    stderr: str


def hub(broker: Broker, *arguments: str | Path) -> Told:
    """The command, in this process: it is started often here."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["hub", *map(str, arguments), "--broker", broker.url, "--unsigned"])
    return Told(code, out.getvalue(), err.getvalue())


# --- flash ---


def test_a_bundle_is_served_fetched_and_followed(
    broker: Broker, units: Units, bundle: Path
) -> None:
    told = hub(broker, "flash", "car-07", bundle, "--force", "--issuer", "wang")
    assert (told.returncode, told.stdout) == (
        0, "car-07: has config harbour (serial 13), 0 s after the order\n",
    ), told.stderr  # fmt: skip
    steps = [line.split(":")[0] for line in told.stderr.splitlines()]
    assert steps == ["received", "accepted", "running 40 %", "succeeded"]
    unit, claims = units.orders[0]
    assert (unit, claims["name"], claims["issuer"]) == ("car-07", "config.apply", "wang")
    assert claims["args"]["force"] is True
    assert units.lanes["car-07"]["config"].serial == 13
    again = hub(broker, "flash", "car-07", bundle)
    assert (again.returncode, again.stdout) == (
        0,
        "car-07: has config harbour (serial 13) already\n",
    )
    assert len(units.orders) == 1


def test_the_canary_comes_first_and_its_failure_stops_the_rest(
    broker: Broker, units: Units, bundle: Path
) -> None:
    units.ill["car-08"] = "rolled_back"
    told = hub(broker, "flash", "car-07,car-08,7-eleven", bundle, "--canary", "car-08", "--json")
    assert told.returncode == 1
    report = json.loads(told.stdout.splitlines()[-1])
    assert [unit for unit, _ in units.orders] == ["car-08"]
    assert not report["well"]
    assert report["stopped"] == "car-08: rolled_back: camera front gives no picture"
    ends = {each["unit"]: each["end"] for each in report["units"]}
    assert ends == {"car-08": "failed", "car-07": "not_begun", "7-eleven": "not_begun"}
    replies = [json.loads(line) for line in told.stdout.splitlines()[:-1]]
    assert [(each["unit"], each["status"]) for each in replies][-1] == ("car-08", "failed")


def test_a_fleet_is_gone_on_with_where_it_was_stopped(
    broker: Broker, units: Units, bundle: Path, tmp_path: Path
) -> None:
    fleet = ("car-07,car-08,7-eleven", bundle, "--state", tmp_path / "rollout", "--watch-s", "0.2")
    units.ill["car-08"] = "busy"
    first = hub(broker, "flash", *fleet)
    assert first.returncode == 1
    assert "car-08: failed: busy\n" in first.stdout
    assert "7-eleven: not begun" in first.stdout
    assert "stopped: car-08 failed" in first.stderr
    units.ill.clear()
    again = hub(broker, "flash", *fleet)
    assert again.returncode == 0, again.stderr
    assert [unit for unit, _ in units.orders] == ["car-07", "car-08", "car-08", "7-eleven"]


def test_a_canary_that_lost_it_again_stops_the_rest(
    broker: Broker, units: Units, bundle: Path
) -> None:
    keep, units.tell_state = units.tell_state, lambda _unit: None  # type: ignore[method-assign]
    told = hub(broker, "flash", "car-07,car-08", bundle, "--watch-s", "0.2")
    units.tell_state = keep  # type: ignore[method-assign]
    assert told.returncode == 1
    assert "canary car-07 is no longer well" in told.stderr


def test_a_unit_that_is_silent_is_told(broker: Broker, units: Units, bundle: Path) -> None:
    units.mute.add("car-07")
    told = hub(broker, "flash", "car-07", bundle, "--timeout", "2")
    assert told.returncode == 1
    assert "no last answer within 2 s" in told.stdout
    assert "is it online?" in told.stdout


def test_wrong_usage_says_what_to_do(broker: Broker, bundle: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.peb"
    broken.write_bytes(bundle.read_bytes()[:-700])
    cases = {
        ("car-07", tmp_path / "none.peb"): "there is no",
        ("car-07", broken): "cut off",
        ("car-07,car-07", bundle): "one twice",
        ("car-07", bundle, "--canary", "car-09"): "none of the units",
        ("car-07", bundle, "--serve", "192.0.2.1:80"): "no files can be served on 192.0.2.1:80",
        ("car-07", bundle, "--serve", "x:y"): "no ADDRESS:PORT",
        ("car-07", bundle, "--serve", "127.0.0.1", "--url", "http://x/"): "exclude each other",
    }
    for arguments, words in cases.items():
        told = hub(broker, "flash", *arguments)
        assert told.returncode == 2, arguments
        assert words in told.stderr


# --- overlay ---


def test_each_overlay_repeats_what_the_last_one_said(
    broker: Broker, units: Units, key: Path, tmp_path: Path
) -> None:
    signed = ("--sign", key, "--folder", tmp_path / "kept")
    first = hub(broker, "overlay", "car-07", "position.patrol_every_s=2", *signed)
    assert first.returncode == 0, first.stderr
    second = hub(broker, "overlay", "car-07", "cameras.front.fps=10", *signed)
    assert second.returncode == 0, second.stderr
    assert units.overlays["car-07"] == {
        "position": {"patrol_every_s": 2}, "cameras": {"front": {"fps": 10}},
    }  # fmt: skip
    shown = hub(broker, "overlay", "car-07", "--show", *signed)
    assert yaml.safe_load(shown.stdout) == {"car-07": units.overlays["car-07"]}
    third = hub(broker, "overlay", "car-07", "--drop", "position.patrol_every_s", *signed)
    assert third.returncode == 0, third.stderr
    assert units.overlays["car-07"] == {"cameras": {"front": {"fps": 10}}}
    assert hub(broker, "overlay", "car-07", "--again", *signed).returncode == 0
    assert units.overlays["car-07"] == {"cameras": {"front": {"fps": 10}}}
    manifest = parcel_of(tmp_path / "kept/car-07.3.peb").manifest
    assert (manifest.serial, manifest.made_for.units) == (3, ("car-07",))
    assert manifest.base is not None
    assert (manifest.base.bundle, manifest.base.serial) == (BASE, 12)


def test_one_that_was_rolled_back_is_not_built_upon(
    broker: Broker, units: Units, key: Path, tmp_path: Path
) -> None:
    signed = ("--sign", key, "--folder", tmp_path / "kept")
    assert hub(broker, "overlay", "car-07", "position.patrol_every_s=2", *signed).returncode == 0
    units.ill["car-07"] = "rolled_back"
    assert hub(broker, "overlay", "car-07", "position.parked_every_s=9", *signed).returncode == 1
    units.ill.clear()
    assert hub(broker, "overlay", "car-07", "position.patrol_every_s=3", *signed).returncode == 0
    assert units.overlays["car-07"] == {"position": {"patrol_every_s": 3}}
    assert units.lanes["car-07"]["overlay"].serial == 3


def test_an_overlay_that_another_hub_made_is_asked_for(
    broker: Broker, units: Units, key: Path, tmp_path: Path
) -> None:
    one = ("--sign", key, "--folder", tmp_path / "one")
    other = ("--sign", key, "--folder", tmp_path / "other")
    assert hub(broker, "overlay", "car-07", "position.patrol_every_s=2", *one).returncode == 0
    lost = hub(broker, "overlay", "car-07", "cameras.front.fps=10", *other)
    assert lost.returncode == 1
    assert "the overlay that car-07 has (serial 1) is not in" in lost.stderr
    assert "--anew forgets" in lost.stderr
    previous = ("--previous", tmp_path / "one/car-07.1.peb")
    made = hub(broker, "overlay", "car-07", "cameras.front.fps=10", *other, *previous)
    assert made.returncode == 0, made.stderr
    assert len(units.overlays["car-07"]) == 2
    anew = hub(broker, "overlay", "car-07", "cameras.front.fps=5", *other, "--anew")
    assert anew.returncode == 0, anew.stderr
    assert units.overlays["car-07"] == {"cameras": {"front": {"fps": 5}}}


def test_what_the_base_does_not_allow_is_said_before_it_is_sent(
    broker: Broker, units: Units, key: Path, tmp_path: Path
) -> None:
    base = a_config(tmp_path / "base.peb", id=BASE)
    signed = ("--sign", key, "--folder", tmp_path / "kept", "--base", base)
    told = hub(broker, "overlay", "car-07", "hub.url=mqtt://evil", *signed)
    assert told.returncode == 1
    assert "hub.url: the base does not let an overlay change it" in told.stderr
    assert "it allows position, cameras.*.fps" in told.stderr
    assert not units.orders
    assert hub(broker, "overlay", "car-07", "position.patrol_every_s=2", *signed).returncode == 0


def test_an_overlay_can_be_made_for_a_stick(
    broker: Broker, units: Units, key: Path, tmp_path: Path
) -> None:
    signed = ("--sign", key, "--folder", tmp_path / "kept", "--only-make")
    told = hub(broker, "overlay", "car-07,car-08", "position.patrol_every_s=2", *signed)
    assert told.returncode == 0, told.stderr
    assert not units.orders
    assert read_values(tmp_path / "kept/car-08.1.peb") == {"position": {"patrol_every_s": 2}}


def test_without_a_base_there_is_no_overlay(
    broker: Broker, units: Units, key: Path, tmp_path: Path
) -> None:
    signed = ("--sign", key, "--folder", tmp_path / "kept")
    units.lanes["car-07"].clear()
    units.tell_state("car-07")
    told = hub(broker, "overlay", "car-07", "position.patrol_every_s=2", *signed)
    assert "car-07 has no flashed configuration" in told.stderr
    told = hub(broker, "overlay", "car-99", "position.patrol_every_s=2", *signed)
    assert "no state of car-99 lies at the broker" in told.stderr
    told = hub(broker, "overlay", "car-07", *signed)
    assert (told.returncode, "nothing to change" in told.stderr) == (2, True)


# --- serving ---


def test_a_file_is_given_by_its_digest_and_from_where_it_broke_off(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with FileServer("127.0.0.1") as server:
        url = server.offer(path, "a" * 64)
        with urllib.request.urlopen(url, timeout=5) as whole:
            assert whole.read() == b"0123456789"
        rest = urllib.request.Request(url, headers={"Range": "bytes=7-"})
        with urllib.request.urlopen(rest, timeout=5) as part:
            assert (part.status, part.read()) == (206, b"789")
            assert part.headers["Content-Range"] == "bytes 7-9/10"
        past = urllib.request.Request(url, headers={"Range": "bytes=10-"})
        for wrong in (past, url.replace("a" * 64, "b" * 64), url + "/../../etc/passwd"):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(wrong, timeout=5)
            assert caught.value.code in (404, 416)
            caught.value.close()
    assert address_towards("127.0.0.1", 1883) == "127.0.0.1"
