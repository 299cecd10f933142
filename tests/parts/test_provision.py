"""`patrol-edge provision`: asked on a terminal, told by files, copied to another computer."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import segno
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from config.loading import load
from drivers.clock import SystemClock
from drivers.plugged.looking import Plugged
from edge.cli.main import main
from edge.provisioning import machine as machine_module
from edge.provisioning.authority import Authority
from edge.provisioning.card import Card, as_html, as_svg, as_text
from edge.provisioning.certificates import checked_chain, read_certificates
from edge.provisioning.errors import WrongInputError
from edge.provisioning.est_server import EstServer
from edge.provisioning.identity import Places, refresh, verdict
from edge.provisioning.machine import Machine
from edge.provisioning.requests import load_key, new_key_pem
from edge.provisioning.standing import Result
from edge.provisioning.tokens import Tokens
from edge.provisioning.wiring import wired
from telemetry.commands.device_key import DeviceKey
from telemetry.commands.journal import Journal, journal_files
from telemetry.commands.journal_check import check
from tests.bundle_maker import trust_of
from tests.computers import computer
from tests.fakes import ManualClock
from tests.terminal import Terminal

WHO = ["--unit-id", "dog-01", "--profile", "robot_dog", "--hub", "hub.example"]


class Bench:
    """A computer, with the folders that a unit has on it."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, board: str = "board 1"
    ) -> None:
        self.folder = folder
        self.places = Places(folder / "etc" / "unit.yaml", folder / "state")
        self.here = ["--config", str(self.places.config), "--state-dir", str(self.places.state)]
        self._patch = monkeypatch
        self.becomes(board)

    def becomes(self, board: str, **more: str) -> None:
        """Another computer, with the same disk in it."""
        root = self.folder / "computers" / board
        self.root = computer(root, board=board, mac=f"02:00:00:00:00:{len(board):02x}", **more)
        self._patch.setattr(machine_module, "ROOT", self.root)

    def run(self, *words: str, part: str = "") -> int:
        return main(["provision", *([part] if part else []), *words, *self.here])

    def copied_to(self, folder: Path, board: str) -> "Bench":
        """Its disk, bit by bit, in another computer."""
        for part in ("etc", "state"):
            shutil.copytree(self.folder / part, folder / part)
        return Bench(folder, self._patch, board)

    def text(self, path: Path) -> str:
        return path.read_text()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path / "a", monkeypatch)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority") / "ca", SystemClock())


def certified(bench: Bench, authority: Authority, name: str = "dog-01") -> int:
    """The files' way: request out, certificate back."""
    from edge.provisioning.requests import read_request

    path = authority.sign(name, read_request(bench.places.request.read_bytes()), "unit")
    return bench.run(str(path), "--ca", str(authority.folder / "ca.crt"), part="certificate")


# --- by files ---


def test_a_unit_is_made_by_files_and_its_key_never_leaves(
    bench: Bench, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run(*WHO) == 0
    assert "waits for its certificate" in capsys.readouterr().err
    assert not bench.places.config.exists()
    assert bench.run("-o", str(bench.folder / "out.csr"), part="csr") == 0
    assert b"PRIVATE" not in (bench.folder / "out.csr").read_bytes()
    assert certified(bench, authority) == 0
    loaded = load(bench.places.config).settings
    assert (loaded.unit.id, loaded.hub.url) == ("dog-01", "mqtts://hub.example:8883")
    assert loaded.hub.tls.key == bench.places.key
    modes = {path.name: path.stat().st_mode & 0o077 for path in bench.folder.rglob("*.key")}
    assert modes == {"unit.key": 0, "device.key": 0}


def test_again_is_harmless_and_replaces_nothing(bench: Bench, authority: Authority) -> None:
    bench.run(*WHO)
    certified(bench, authority)
    before = {path: path.read_bytes() for path in bench.folder.rglob("*") if path.is_file()}
    assert bench.run(*WHO) == 0
    assert bench.run() == 0
    assert certified(bench, authority) == 0  # another certificate for the same key is taken
    after = {path: path.read_bytes() for path in bench.folder.rglob("*") if path.is_file()}
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed == {"unit.pem"}


def test_it_does_not_become_another_unit_by_itself(
    bench: Bench, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(*WHO)
    assert bench.run(*WHO[2:], "--unit-id", "dog-02") == 0  # nothing stands yet: a slip is mended
    request = x509.load_pem_x509_csr(bench.places.request.read_bytes())
    assert "dog-02" in request.subject.rfc4514_string()
    assert certified(bench, authority, "dog-02") == 0
    capsys.readouterr()
    assert bench.run(*WHO) == 2
    assert "is dog-02 already" in capsys.readouterr().err
    assert bench.run("--unit-id", "dog-02", "--hub", "other.example") == 2
    assert "is set up already" in capsys.readouterr().err


def test_a_wrong_certificate_is_refused_with_its_cure(
    bench: Bench, authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(*WHO)
    other = Authority.make(tmp_path / "other", SystemClock())
    ca = ["--ca", str(authority.folder / "ca.crt")]
    from edge.provisioning.requests import read_request

    request = read_request(bench.places.request.read_bytes())

    def kept(path: Path) -> Path:  # each is written to dog-01.crt
        return Path(shutil.copy(path, tmp_path / f"{len(list(tmp_path.iterdir()))}.crt"))

    wrong = {
        "not for this unit's key": kept(authority.issue("dog-01", "unit")),
        "this unit is 'dog-01'": kept(authority.sign("dog-05", request, "unit")),
        "not signed by the authority": kept(other.sign("dog-01", request, "unit")),
        "a server's certificate": authority.sign("dog-01", request, "broker", hosts=("h",)),
        "PRIVATE key": authority.folder / "ca.key",
        "no certificate that can be read": authority.folder / "index.txt",
    }
    for told, path in wrong.items():
        capsys.readouterr()
        assert bench.run(str(path), *ca, part="certificate") == 2, told
        error = capsys.readouterr().err
        assert told in error
        assert "→" in error
    assert not bench.places.certificate.exists()
    assert not bench.places.config.exists()
    assert bench.run(str(bench.places.request), "--ca", str(bench.places.request),
                     part="certificate") == 2  # fmt: skip


def test_whose_bundles_it_takes_is_said_once(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = {}
    for serial in (1, 2):
        lists[serial] = tmp_path / f"{serial}.json"
        told = trust_of("anna", "bert", serial=serial).model_dump_json(exclude_none=True)
        lists[serial].write_text(told)
    plain = ["--unit-id", "car-1", "--profile", "patrol_car", "--hub", "mqtt://h"]
    assert bench.run(*plain, "--trust", str(lists[1])) == 0
    assert load(bench.places.config).settings.security.trust == bench.places.trust
    assert bench.run("--trust", str(lists[1])) == 0
    assert bench.run("--trust", str(lists[2])) == 2
    assert "flash the new list as a bundle" in capsys.readouterr().err
    assert bench.run("--trust", str(bench.places.config)) == 2
    assert "no list of trusted keys" in capsys.readouterr().err


def test_without_tls_nothing_waits(bench: Bench) -> None:
    assert bench.run("--unit-id", "car-1", "--profile", "patrol_car", "--hub", "mqtt://h") == 0
    assert load(bench.places.config).settings.unit.kind == "patrol_car"


def test_what_was_written_by_hand_is_taken_over(bench: Bench) -> None:
    bench.places.config.parent.mkdir(parents=True)
    bench.places.config.write_text("unit: {id: dog-09, kind: robot_dog}\nhub: {url: mqtt://h}\n")
    assert bench.run(*WHO[2:4], "--unit-id", "dog-08", "--hub", "mqtt://h") == 2
    assert bench.run(*WHO[2:4], "--unit-id", "dog-09", "--hub", "mqtt://h") == 0
    assert "made by" not in bench.text(bench.places.config)


# --- for factories ---


def test_one_file_of_answers_enrols_and_tells_machines(
    bench: Bench, authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = EstServer(authority, ("localhost",), ("127.0.0.1", 0))
    server.start()
    try:
        token = Tokens(authority.folder).make("dog-03", 1, authority.now())
        assert main(["keys", "new", "hub-1", "--out", str(tmp_path / "hub-1.key")]) == 0
        answers = tmp_path / "dog-03.yaml"
        answers.write_text(
            "unit_id: dog-03\nprofile: robot_dog\nclass: dogs\nlabel: Dog 3\n"
            "hub: mqtts://hub.example:8883\nzone: Europe/Berlin\ncontact: control room\n"
            f"enrol: https://localhost:{server.port}\nca_sha256: {authority.fingerprint}\n"
            f"token: {token}\ncommander: hub-1.pub\n"
        )
        capsys.readouterr()
        assert bench.run("--answers", str(answers), "--json") == 2
        assert "chmod 600" in capsys.readouterr().err  # it holds a token
        answers.chmod(0o600)
        assert bench.run("--answers", str(answers), "--json") == 0
    finally:
        server.stop()
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert (result["state"], result["unit"]) == ("provisioned", "dog-03")
    loaded = load(bench.places.config).settings
    assert loaded.unit.class_ == "dogs"
    assert bench.text(bench.places.enrolment) == (
        f"PATROL_EDGE_ENROL=https://localhost:{server.port}\n"
    )
    assert loaded.security.keyring == bench.places.keyring
    everything = told.out + told.err + "".join(
        path.read_text(errors="replace") for path in bench.folder.rglob("*") if path.is_file()
    )  # fmt: skip
    assert token not in everything
    assert bench.run("--answers", str(answers), "--json") == 0  # the token is spent, nobody minds


def test_wrong_answers_are_told_with_line_and_cure(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "a.yaml"
    for text, told in (
        ("unitid: dog-1\n", "do you mean unit_id?"),
        ("unit_id: [1]\n", "takes one value"),
        ("- x\n", "holds no answers"),
        ("unit_id: Dog 1\n", "--unit-id"),
        ("unit_id: hub\n", "a hub's name"),
        ("zone: Europe/Berln\n", "do you mean Europe/Berlin?"),
        ("zone: berlin\n", "do you mean Europe/Berlin?"),
        ("profile: dog\n", "--profile"),
        ("ca: nowhere.pem\n", "cannot be read"),
        ("unit_id: dog-1\n", "not said: --profile, --hub"),
        ("unit_id: a\nprofile: drone\nhub: h\nenrol: https://h\nca_sha256: " + "a" * 64,
         "wants a token"),
    ):  # fmt: skip
        answers.write_text(text)
        assert bench.run("--answers", str(answers), "--json") == 2, text
        assert told in capsys.readouterr().err, text
    assert not bench.places.record.exists()


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader_of_answers(data: bytes) -> None:
    import tempfile

    from config.errors import ConfigError
    from edge.cli.console import CommandError
    from edge.cli.flash.provision_wishes import all_checked, of_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.yaml"
        path.write_bytes(data)
        try:
            all_checked(of_file(path))
        except (ConfigError, CommandError):
            return


@given(st.binary(max_size=600))
def test_no_bytes_crash_the_reader_of_certificates(data: bytes) -> None:
    key = load_key(KEY).public_key()
    for each in (data, b"-----BEGIN CERTIFICATE-----\n" + data, b"\x30\x82" + data):
        with pytest.raises(WrongInputError):
            checked_chain(each, "dog-1", key, [], SystemClock().utc())


KEY = new_key_pem()


def test_a_damaged_certificate_is_told_or_refused(authority: Authority) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    der = authority.certificate.public_bytes(Encoding.DER)
    for at in range(len(der)):
        changed = der[:at] + bytes([der[at] ^ 0x21]) + der[at + 1 :]
        try:
            read_certificates(changed, "it")
        except WrongInputError:
            continue


# --- on a terminal ---


def at_terminal(bench: Bench, *words: str) -> Terminal:
    before = (
        "from pathlib import Path\nfrom edge.provisioning import machine\n"
        f"machine.ROOT = Path({str(bench.root)!r})\n"
        "import edge.cli.flash.provision_dialogue as d\nd.look_around = lambda: []\n"
    )
    return Terminal([*words, *bench.here], before)


def test_a_person_is_asked_and_wrong_input_is_explained(bench: Bench, authority: Authority) -> None:
    server = EstServer(authority, ("localhost",), ("127.0.0.1", 0))
    server.start()
    token = Tokens(authority.folder).make("dog-07", 1, authority.now())
    try:
        with at_terminal(bench, "provision") as terminal:
            terminal.answers("Name of this unit", "Dog 7!")
            terminal.answers("Name of this unit", "hub")
            terminal.sees("a hub's name")
            terminal.answers("Name of this unit", "dog-07")
            terminal.answers("number [1]", "7")
            terminal.answers("write a number, 1 to 3", "")
            terminal.answers("Address of the hub", "http://x")
            terminal.answers("is no MQTT address", "hub.example")
            terminal.answers("Time zone", "Berln")
            terminal.answers("do you mean Europe/Berlin?", "Europe/Berlin")
            terminal.sees("No receiver and no camera")
            terminal.answers("key that may command it", "/nowhere.pub")
            terminal.answers("cannot be read", "")
            terminal.answers("keys whose bundles it takes", "")
            terminal.answers("Whom to call", "control room")
            told = "dog-07, robot dog, hub mqtts://hub.example:8883, time Europe/Berlin\nAll"
            terminal.answers(told, "maybe")
            terminal.answers("write y or n", "")
            terminal.answers("number [1]", "")
            terminal.answers("Authority's file", "")
            terminal.answers("fingerprint", "abc")
            terminal.answers("64 hexadecimal digits", authority.fingerprint)
            terminal.answers("enrolment server [hub.example]", f"localhost:{server.port}")
            terminal.answers("Token (it is not shown)", "oops")
            terminal.sees("a token is 16")
            terminal.answers("Token (it is not shown): ", token)
            terminal.sees("dog-07 is a unit")
            assert terminal.ends() == 0
    finally:
        server.stop()
    assert token not in terminal.shown
    assert "oops" not in terminal.shown
    assert "█▀▀" in terminal.shown or "▄▄▄" in terminal.shown  # its card
    assert bench.run("--if-needed") == 0


def test_who_hangs_up_goes_on_where_it_was(bench: Bench, authority: Authority) -> None:
    with at_terminal(bench, "provision", *WHO, "--zone", "UTC") as terminal:
        terminal.sees("key that may command it")
        terminal.hangs_up()
        assert terminal.ends() == 2
        assert "it goes on from here" in terminal.shown
    assert not bench.places.record.exists()
    bench.run(*WHO)
    path = authority.sign(
        "dog-01", x509.load_pem_x509_csr(bench.places.request.read_bytes()), "unit"
    )
    with at_terminal(bench, "provision") as terminal:
        terminal.sees("Its certificate comes")  # who it is, is known
        terminal.answers("number [1]", "2")
        terminal.answers("Certificate's file", str(path))
        terminal.answers("Authority's file", str(authority.folder / "ca.crt"))
        terminal.sees("dog-01 is a unit")
        assert terminal.ends() == 0


def test_a_unit_whose_certificate_has_ended_is_asked_for_the_next(
    bench: Bench, authority: Authority
) -> None:
    bench.run(*WHO)
    certified(bench, authority)
    request = x509.load_pem_x509_csr(bench.places.request.read_bytes())
    then = Authority(authority.folder, ManualClock())  # in June
    ended = then.sign("dog-01", request, "unit", days=5)
    shutil.copy(ended, bench.places.certificate)
    again = authority.sign("dog-01", request, "unit")
    with at_terminal(bench, "provision") as terminal:
        terminal.sees("Its certificate comes")
        terminal.answers("number [1]", "2")
        terminal.answers("Certificate's file", str(again))
        terminal.answers("Authority's file", "")
        terminal.sees("dog-01 is a unit")
        assert terminal.ends() == 0
    assert bench.places.certificate.read_bytes() == again.read_bytes()


# --- copies ---


def test_two_units_from_one_image_share_neither_name_nor_key(
    bench: Bench, authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(*WHO)
    certified(bench, authority)
    clock = SystemClock()
    key = DeviceKey(bench.places.device_key, make=False)
    journal = Journal(bench.places.state / "journal", "dog-01", key, lambda: (clock.utc(), "ntp"),
                      clock)  # fmt: skip
    journal.write("accepted", id="x")
    journal.close()
    (bench.places.state / "outbox.db").write_bytes(b"messages of dog-01")
    (bench.places.state / "slots").mkdir()
    (bench.places.state / "slots" / "kept").write_text("a model")

    copy = bench.copied_to(tmp_path / "b", "board 2")
    capsys.readouterr()
    for words in ((), ("--if-needed",), WHO):
        assert copy.run(*words) == 1
        told = capsys.readouterr().err
        assert "a copy of dog-01's disk" in told
        assert "--new-identity" in told
    assert main(["run", "--config", str(copy.places.config)]) == 2
    assert "a copy of dog-01's disk" in capsys.readouterr().err
    assert copy.run("--new-identity", *WHO) == 2  # not under the same name
    assert "a name of its own" in capsys.readouterr().err

    assert copy.run("--new-identity", *WHO[2:], "--unit-id", "dog-02") == 0
    assert certified(copy, authority, "dog-02") == 0
    for name in ("unit.key", "unit.pem", "unit.csr"):
        assert bench.places.beside(name).read_bytes() != copy.places.beside(name).read_bytes()
    assert bench.text(bench.places.device_key) != copy.text(copy.places.device_key)
    public = copy.places.device_key.with_suffix(".pub").read_text().strip()
    assert public == DeviceKey(copy.places.device_key, make=False)().public.text
    assert not (copy.places.state / "outbox.db").exists()
    assert (copy.places.state / "slots" / "kept").exists()
    found = check(journal_files(copy.places.state / "journal"))
    assert found.bad is None
    assert found.key_changes
    records = (copy.places.state / "journal" / "journal-000001.jsonl").read_text()
    assert '"what":"identity_changed"' in records
    assert '"was":"dog-01"' in records
    assert load(copy.places.config).settings.unit.id == "dog-02"
    assert copy.run("--new-identity", *WHO[2:], "--unit-id", "dog-04") == 2  # itself now

    bench.becomes("board 1")
    assert bench.run("--if-needed") == 0


@pytest.mark.parametrize("part", ["etc", "state"])
def test_a_half_of_a_copied_disk_is_noticed_as_well(
    bench: Bench, authority: Authority, part: str
) -> None:
    bench.run(*WHO)
    certified(bench, authority)
    other = bench.places.record if part == "state" else bench.places.binding
    other.unlink()
    bench.becomes("board 2")
    assert bench.run("--if-needed") == 1


def test_the_same_unit_in_a_new_body_says_so_by_name(
    bench: Bench, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(*WHO)
    certified(bench, authority)
    keys = bench.places.key.read_bytes()
    bench.becomes("board 2")
    assert bench.run("--moved") == 2
    assert bench.run("--moved", "--unit-id", "dog-02") == 2
    assert bench.run("--moved", "--unit-id", "dog-01") == 0
    assert bench.run("--if-needed") == 0
    assert bench.places.key.read_bytes() == keys
    bench.becomes("board 1")
    assert bench.run("--if-needed") == 1


def traits(folder: Path, **what: Any) -> Machine:
    return Machine.here(computer(folder, **what))


def test_what_tells_computers_apart(tmp_path: Path) -> None:
    def at(name: str, **what: Any) -> Machine:
        return traits(tmp_path / name, **what)

    pi = at("1", board="10000000abcd1234", disk="cid 1", mac="02:00:00:00:00:01")
    assert pi.compared(at("2", board="10000000abcd1234", disk="cid 9")) == "same"  # a new card
    assert pi.compared(at("3", board="10000000ffff0000", disk="cid 1")) == "other"  # the card moved
    assert pi.compared(at("4", disk="cid 1", mac="02:00:00:00:00:02")) == "same"  # board: root's
    assert pi.compared(at("5", disk="cid 9")) == "other"
    assert pi.compared(at("6")) == "same"  # nothing but the image's own id: nobody can tell
    assert pi.compared(at("7", machine_id="f" * 31 + "0")) == "other"
    assert at("8", board="To Be Filled By O.E.M.").traits.keys() == {"system"}
    assert at("9", board="0000000000000000").traits.keys() == {"system"}
    shown = json.dumps(dict(pi.traits))
    assert "abcd1234" not in shown
    assert Machine.here(tmp_path / "nothing").traits == {}


def test_an_exchanged_interface_makes_no_other_computer(bench: Bench) -> None:
    bench.run(*WHO)
    bench.becomes("board 1", disk="a new one")
    assert bench.run("--if-needed") == 1  # waits for its certificate; but knows itself
    seen_by_service = Machine({
        kind: values for kind, values in Machine.here().traits.items() if kind != "board"
    })  # fmt: skip
    assert verdict(bench.places, seen_by_service) == "same"
    refresh(bench.places, Machine({}))
    assert verdict(bench.places, Machine.here()) == "same"


def test_a_damaged_record_makes_no_unit_dark(bench: Bench) -> None:
    bench.run("--unit-id", "car-1", "--profile", "patrol_car", "--hub", "mqtt://h")
    for path in (bench.places.record, bench.places.binding):
        path.write_text("{")
    assert verdict(bench.places, Machine.here()) == "unknown"


def test_a_state_folder_that_was_deleted_is_bound_again(bench: Bench, authority: Authority) -> None:
    bench.run(*WHO)
    certified(bench, authority)
    shutil.rmtree(bench.places.state)
    assert bench.run() == 0
    assert bench.places.binding.exists()
    assert bench.places.device_key.exists()
    assert bench.run("--if-needed") == 0


# --- what is plugged in ---


def plugged(kind: str, name: str, purpose: str | None = None, **more: Any) -> Plugged:
    return Plugged(kind=kind, node=f"/dev/{name}", what=name, purpose=purpose,
                   name=f"/dev/by-id/{name}", stable=True, **more)  # fmt: skip


def test_what_is_plugged_in_stands_in_the_unit_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        plugged("serial", "ublox", "gnss"),
        plugged("serial", "adapter", "serial"),  # nobody knows what is behind it
        plugged("camera", "left", twins=1, by_path="/dev/by-path/1"),
        plugged("camera", "right", twins=1, by_path="/dev/by-path/2"),
        plugged("sound", "card"),
    ]
    monkeypatch.setattr("edge.cli.flash.provision_wishes.look_around", lambda: found)
    plain = ["--unit-id", "car-1", "--profile", "patrol_car", "--hub", "mqtt://h"]
    assert bench.run(*plain, "--devices", "auto") == 0
    loaded = load(bench.places.config).settings.model_dump(mode="json")
    assert {name: each["port"] for name, each in loaded["gnss"].items()} == {
        "main": "/dev/by-id/ublox"
    }
    assert {name: each["device"] for name, each in loaded["cameras"].items()} == {
        "front": "/dev/by-path/1",
        "front_2": "/dev/by-path/2",
    }
    assert "camera front_2: right" in [each.told for each in wired(found)]


# --- first boot ---


def test_the_first_boot_says_what_to_do(
    bench: Bench, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run("--if-needed") == 1
    assert "sudo patrol-edge provision" in capsys.readouterr().err
    bench.run(*WHO)
    assert bench.run("--if-needed") == 1
    assert "waits for its certificate" in capsys.readouterr().err
    certified(bench, authority)
    capsys.readouterr()
    assert bench.run("--if-needed", "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "provisioned"


# --- the card ---


def decoded(code: str) -> str:
    rows = [list(row) for row in segno.make(code, error="m", micro=False).matrix_iter(border=4)]
    picture = np.kron(np.where(np.array(rows) > 0, 0, 255), np.ones((8, 8))).astype(np.uint8)
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


def test_the_card_says_who_it_is_and_nothing_secret(bench: Bench, authority: Authority) -> None:
    bench.run(*WHO, "--contact", "control room <&> 'x'")
    certified(bench, authority)
    for name in ("card.svg", "card.html"):
        assert bench.run("--out", str(bench.folder / name), part="card") == 0
    assert bench.run("--out", str(bench.folder / "card.png"), part="card") == 2
    svg = (bench.folder / "card.svg").read_text()
    assert "dog-01" in svg
    assert "&lt;&amp;&gt;" in svg
    secrets = [
        line
        for path in (bench.places.key, bench.places.device_key)
        for line in path.read_text().splitlines()
        if not line.startswith("-----")
    ]
    assert not [each for each in secrets if each in svg]


@settings(max_examples=12, deadline=None)  # a QR code takes its time
@given(st.text(max_size=80), st.text(max_size=60))
def test_any_card_is_drawn(contact: str, hub: str) -> None:
    import xml.etree.ElementTree as Xml

    result = Result(state="provisioned", unit="dog-1", kind="drone", hub=hub, contact=contact,
                    key_sha256="ab" * 32, device_key="cd" * 8)  # fmt: skip
    card = Card.of(result, SystemClock().utc())
    Xml.fromstring(as_svg(card))
    assert as_text(card)
    assert as_html(card).count("<svg") == 1


def test_its_code_can_be_read_by_a_camera() -> None:
    result = Result(state="provisioned", unit="dog-1", kind="drone", hub="mqtts://h:8883",
                    certificate_sha256="ab" * 32, device_key="cd" * 8)  # fmt: skip
    code = Card.of(result, SystemClock().utc()).code()
    assert decoded(code) == code


# --- renewal ---


def test_a_certificate_is_renewed_before_it_ends(
    bench: Bench, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run(*WHO)
    certified(bench, authority)
    first = bench.places.certificate.read_bytes()
    server = EstServer(authority, ("localhost",), ("127.0.0.1", 0))
    server.start()
    url = f"https://localhost:{server.port}"
    try:
        assert bench.run("--enrol", url, part="renew") == 0
        assert "not due" in capsys.readouterr().err
        assert bench.places.certificate.read_bytes() == first
        assert bench.run("--enrol", url, "--within", "400", part="renew") == 0
        assert bench.places.certificate.read_bytes() != first
        authority.revoke("dog-01")
        second = bench.places.certificate.read_bytes()
        assert bench.run("--enrol", url, "--within", "400", part="renew") == 1
        assert "withdrawn" in capsys.readouterr().err
        assert bench.places.certificate.read_bytes() == second
    finally:
        server.stop()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_reads_what_was_made(bench: Bench) -> None:
    bench.run(*WHO)

    def run(*words: str) -> str:
        return subprocess.run(
            ["openssl", *words], check=True, capture_output=True, text=True
        ).stdout

    told = run("req", "-in", str(bench.places.request), "-noout", "-verify", "-subject", "-text")
    assert "CN = dog-01" in told or "CN=dog-01" in told
    assert "prime256v1" in told
    run("pkey", "-in", str(bench.places.key), "-check", "-noout")
