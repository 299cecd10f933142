"""A unit that is provisioned, reset and made anew in a folder, in steps that can be cut off."""

import json
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from config.loading import load
from drivers.clock import SystemClock
from edge.provisioning.errors import ProvisioningError
from edge.provisioning.est_client import EstClient, Granted, Server
from edge.provisioning.guard import check_start
from edge.provisioning.identity import Answers, Places, verdict
from edge.provisioning.issuing import Wish, certificate_of, root_certificate
from edge.provisioning.machine import Machine
from edge.provisioning.rebirth import forget
from edge.provisioning.requests import new_key_pem
from edge.provisioning.reset import reset
from edge.provisioning.setting_up import Given, SettingUp
from edge.provisioning.standing import Result, standing
from telemetry.commands.device_key import DeviceKey
from telemetry.commands.journal import Journal

HERE = Machine({"board": ("a" * 32,), "system": ("c" * 32,)})
ELSEWHERE = Machine({"board": ("b" * 32,), "system": ("c" * 32,)})
CLOCK = SystemClock()
ROOT_KEY = ec.derive_private_key(20_261_127, ec.SECP256R1())  # the same in each process
ROOT = root_certificate(ROOT_KEY, "test", CLOCK.utc(), 10)


def places_in(folder: Path) -> Places:
    return Places(folder / "etc" / "unit.yaml", folder / "state")


def silent(_: str) -> None:
    pass


class Signer:
    """Stands for an enrolment server, and writes nothing."""

    server = Server("localhost", 8443, b"-", None)

    def enrol(self, unit: str, _token: str, request: x509.CertificateSigningRequest) -> Granted:
        wish = Wish(unit, "unit", 5)
        serial = x509.random_serial_number()
        made = certificate_of(wish, request.public_key(), ROOT, ROOT_KEY, serial, CLOCK.utc())
        return Granted(made, ROOT.public_bytes(Encoding.PEM))


def set_up(folder: Path, unit: str = "dog-01", machine: Machine = HERE) -> Result:
    signer = cast(Callable[[], EstClient], Signer)
    answers = Answers(unit=unit, kind="robot_dog", hub="mqtts://hub.example:8883")
    desk = SettingUp(places_in(folder), CLOCK, machine, silent)
    return desk.run(answers, Given(enrol=signer, token="x"))


def live(folder: Path) -> None:
    """What a unit has after a while."""
    state = folder / "state"
    key = DeviceKey(state / "device.key", make=False)
    journal = Journal(state / "journal", "dog-01", key, lambda: (CLOCK.utc(), "ntp"), CLOCK)
    journal.write("accepted", id="x")
    journal.close()
    (state / "outbox.db").write_bytes(b"queue" * 100)
    (state / "pictures").mkdir()
    (state / "pictures" / "1.picture").write_bytes(b"face" * 100)
    (state / "slots" / "config" / "a").mkdir(parents=True)
    (state / "slots" / "config" / "a" / "manifest.jws").write_text("{}")
    (state / "serials.json").write_text('{"version":1,"lanes":{"config":7},"trust":2}\n')
    (state / "keyring.json").write_text("{}")


def wipe_all(folder: Path) -> None:
    reset(places_in(folder), CLOCK, None, silent)


def be_another(folder: Path) -> None:
    """On the computer that the disk was copied to."""
    places = places_in(folder)
    if verdict(places, ELSEWHERE) == "other":
        forget(places, "dog-02", ELSEWHERE, CLOCK, silent)
    set_up(folder, "dog-02", ELSEWHERE)


# --- what must hold after a cut ---


def keys_in(folder: Path) -> dict[str, bytes]:
    """Whole private keys that are there."""
    places, found = places_in(folder), {}
    for path in (places.key, places.device_key):
        with suppress(OSError):
            data = path.read_bytes()
            if b"-----END" in data:
                found[path.name] = data
    return found


def judge_set_up(folder: Path) -> str | None:
    """After a cut, and once more to its end: what is wrong; None if nothing is."""
    places, before = places_in(folder), keys_in(folder)
    if places.config.exists():
        load(places.config)  # it is the last that is written: with it all the rest is there
        assert standing(places, HERE).state == "provisioned"
    result = set_up(folder)
    if result.state != "provisioned":
        return f"it ends as {result.state}"
    after = keys_in(folder)
    if any(after[name] != data for name, data in before.items()):
        return "a key was replaced"
    return None


def judge_reset(folder: Path) -> str | None:
    places = places_in(folder)
    begun = (places.state / "factory-reset.json").exists()
    if not begun and standing(places, HERE).state != "provisioned":
        return "something was wiped before it was said"
    done = begun and json.loads((places.state / "factory-reset.json").read_text())["complete"]
    if begun and not done:
        try:
            check_start(places, HERE)
        except ProvisioningError:
            pass
        else:
            return "half a reset starts as a unit"
    wipe_all(folder)
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    if left != {"serials.json", "factory-reset.json", "lock"}:
        return f"left: {sorted(left)}"
    return None


def judge_another(folder: Path) -> str | None:
    places = places_in(folder)
    if standing(places, ELSEWHERE).unit == "dog-01" and verdict(places, ELSEWHERE) != "other":
        return "it is dog-01 on another computer"
    be_another(folder)
    result = standing(places, ELSEWHERE)
    if (result.state, result.unit) != ("provisioned", "dog-02"):
        return f"it ends as {result.unit}, {result.state}"
    return None


def traced_work(name: str, folder: Path, go: Connection) -> None:
    """One of them, in a process that is watched."""
    go.recv()
    {"set_up": set_up, "reset": wipe_all, "another": be_another, "naive": naive}[name](folder)


def naive(folder: Path) -> None:
    """The control: a key written where it lies."""
    path = places_in(folder).key
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(new_key_pem())
