"""`patrol-edge bundle` and `trust` as two people at an office use them, and as one should not."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.bundles.chain import load_trust
from edge.bundles.trust import Trust
from edge.cli.main import main
from edge.flashing.unit import unit_of

AT = ["--at", "2026-11-27T12:00Z"]
FOR = ["--for-unit", "dog-07"]
BASE = """\
health:
  every_s: 20
hub:
  url: mqtts://hub.example:8883
"""
PARK = {
    "type": "FeatureCollection",
    "crs": "wgs84",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": "park", "kind": "area"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[116.39, 39.9], [116.40, 39.9], [116.40, 39.91], [116.39, 39.9]]],
            },
        }
    ],
}


@pytest.fixture(autouse=True)
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("unit.yaml").write_text(BASE)
    Path("park.geojson").write_text(json.dumps(PARK))
    return tmp_path


@pytest.fixture
def keys(office: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """anna, ben and cleo may do all; the hub what it edits daily."""
    for name in ("anna", "ben", "cleo", "hub-1"):
        assert main(["keys", "new", name]) == 0
    everything = [f"--key={name}.pub=all" for name in ("anna", "ben", "cleo")]
    assert main(["trust", "init", *everything, "--key", "hub-1.pub=config,overlay,zones"]) == 0
    capsys.readouterr()
    return office


def bundle(*words: str) -> int:
    try:
        return main(["bundle", *words])
    except SystemExit as error:
        return int(str(error.code))


def built(name: str, serial: int, *more: str, files: tuple[str, ...] = ("unit.yaml",)) -> str:
    words = ("--name", name, "--serial", str(serial), *FOR, *AT)
    kind = () if "--kind" in more else ("--kind", "config")
    assert bundle("build", *files, *kind, *words, *more) == 0
    return f"{name}-{serial}.peb"


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_from_a_file_to_a_bundle_that_a_unit_takes(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del keys
    name = built("night", 12, "--sign", "anna.key", "--days", "90")
    assert (
        "night-12.peb: config night (serial 12), for dog-07, until 2027-02-25; files: 1"
        in capsys.readouterr().out
    )
    unit = ("--unit", "dog-07", "--unit-kind", "robot_dog", "--highest", "11", *AT)
    assert bundle("verify", name, "--trust", "trust.json", *unit) == 0
    out = capsys.readouterr()
    assert "night-12.peb: such a unit takes it (config night (serial 12)), if it can use" in out.err
    lines = out.out.splitlines()
    names = [line.split()[1] for line in lines if line.startswith("ok")]
    assert names == [
        "form",
        "manifest",
        "signatures",
        "keys",
        "made_for",
        "serial",
        "dates",
        "files",
    ]


def test_no_more_is_said_than_was_asked(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del keys
    name = built("night", 12, "--sign", "anna.key")
    anybody = ("verify", name, "--trust", "trust.json", *AT)
    capsys.readouterr()
    assert bundle(*anybody) == 0
    said = capsys.readouterr().err
    assert "rightly signed, in its time and whole (config night (serial 12)); whether" in said
    assert "such a unit takes it" not in said
    assert bundle(*anybody, "--unit", "dog-07") == 0
    assert "had no serial from 12 on; that is asked with --highest N" in capsys.readouterr().err
    assert bundle(*anybody, "--unit", "dog-08") == 1
    assert capsys.readouterr().err == "night-12.peb: refused\n"


def test_a_unit_asks_itself(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unit = keys / "own.yaml"
    unit.write_text(f"unit: {{id: dog-07, kind: robot_dog}}\nstate_dir: {keys}/state\n")
    on_unit = ("--config", str(unit))
    name = built("night", 12, "--sign", "anna.key")
    assert bundle("verify", name, *on_unit, *AT) == 2
    assert "knows no keys" in capsys.readouterr().err
    assert main(["trust", "install", "trust.json", *on_unit]) == 0
    assert bundle("verify", name, *on_unit, *AT) == 0
    assert "for dog-07" in capsys.readouterr().out
    unit.write_text(unit.read_text().replace("dog-07", "dog-08"))
    assert bundle("verify", name, *on_unit, *AT) == 1


def test_the_same_input_makes_the_same_bytes(keys: Path) -> None:
    first = Path(built("night", 12, "--sign", "anna.key")).read_bytes()
    (keys / "night-12.peb").unlink()
    Path("unit.yaml").touch()
    Path("unit.yaml").chmod(0o600)
    assert Path(built("night", 12, "--sign", "anna.key")).read_bytes() == first
    Path("unit.yaml").write_text(BASE + "# a word\n")
    assert Path(built("night", 12, "--sign", "anna.key")).read_bytes() != first


def test_a_second_person_signs_without_touching_the_rest(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = Path(built("both", 1, "--sign", "anna.key", "--sign", "ben.key")).read_bytes()
    name = Path(built("both", 1, "--sign", "ben.key"))
    one = name.read_bytes()
    assert bundle("sign", str(name), "--key", "anna.key", "-o", "two.peb") == 0
    assert (keys / "two.peb").read_bytes() == both
    assert name.read_bytes() == one
    assert bundle("sign", "two.peb", "--key", "anna.key") == 0  # once more changes nothing
    assert (keys / "two.peb").read_bytes() == both
    capsys.readouterr()
    assert bundle("inspect", "two.peb", "--json") == 0
    found = told(capsys)
    assert (len(found["signers"]), found["proved"]) == (2, False)


def test_each_check_has_its_line_and_its_cure(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del keys
    name = built("night", 12, "--sign", "hub-1.key", "--not-after", "2026-11-28")
    late = ("--unit", "dog-08", "--highest", "12", "--at", "2027-01-01")
    capsys.readouterr()
    assert bundle("verify", name, "--trust", "trust.json", *late, "--json") == 1
    checks = {check["name"]: check for check in told(capsys)["checks"]}
    refused = {name: check["code"] for name, check in checks.items() if not check["ok"]}
    assert refused == {"made_for": "wrong_unit", "serial": "replayed", "dates": "expired"}
    assert all(check["cure"] for check in checks.values() if not check["ok"])
    whole = Path(name).read_bytes()
    Path("cut.peb").write_bytes(whole[:-600])
    assert bundle("verify", "cut.peb", "--trust", "trust.json", *AT) == 1
    out = capsys.readouterr()
    assert "refused  files       the bundle is cut off" in out.out
    assert "cut.peb: refused" in out.err


def test_what_no_unit_could_run_is_told_at_the_desk(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--kind", "config", "--name", "n", "--serial", "1", *FOR)
    Path("unit.yaml").write_text("helth:\n  every_s: 20\n")
    assert bundle("build", "unit.yaml", *words) == 2
    assert "n#1/unit.yaml:1:1: helth: is not known here" in capsys.readouterr().err
    Path("unit.yaml").write_text("zones:\n  files: [zones/park.geojson]\n")
    assert bundle("build", "unit.yaml", "park.geojson", *words) == 2
    assert "zones/park.geojson: there is no such file" in capsys.readouterr().err
    assert bundle("build", "unit.yaml", "zones/park.geojson=park.geojson", *words) == 0
    Path("unit.yaml").write_text("unit: {id: dog-08}\n")
    assert bundle("build", "unit.yaml", *words) == 2
    assert "is not that of this unit" in capsys.readouterr().err
    assert bundle("build", "none.yaml", *words) == 2
    assert bundle("build", "unit.yaml", *words[:-2]) == 2
    assert "names no unit" in capsys.readouterr().err


def test_what_the_others_carry_is_looked_into(capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--name", "n", "--serial", "1", *FOR)
    Path("bad.geojson").write_text("{")
    Path("model.onnx").write_bytes(b"\0\0\0\0ORTM" + bytes(100))
    Path("readme.txt").write_text("x")
    for kind, file, text in (
        ("zones", "bad.geojson", "zones:"),
        ("zones", "readme.txt", "at least one *.geojson"),
        ("model", "model.onnx", "own format"),
        ("model", "readme.txt", "one *.onnx"),
        ("firmware", "readme.txt", "one *.pefw"),
        ("trust", "readme.txt", "holds trust.json"),
        ("overlay", "readme.txt", "an overlay, and nothing else"),
    ):
        assert bundle("build", file, "--kind", kind, *common) == 2, kind
        assert text in capsys.readouterr().err
    assert bundle("build", "park.geojson", "--kind", "zones", *common) == 0


def test_an_overlay_is_held_to_its_base(capsys: pytest.CaptureFixture[str]) -> None:
    base = built("base", 3, "--overlay-key", "health")
    Path("more.yaml").write_text("health:\n  every_s: 10\n")
    overlay = ("--kind", "overlay", "--base", base)
    name = built("faster", 1, *overlay, files=("more.yaml",))
    capsys.readouterr()
    assert bundle("inspect", name, "--json") == 0
    manifest = told(capsys)["manifest"]
    assert manifest["base"]["serial"] == 3
    assert [file["name"] for file in manifest["files"]] == ["overlay.yaml"]
    Path("more.yaml").write_text("hub:\n  url: mqtts://evil.example\n")
    words = ("--name", "n", "--serial", "1", *FOR, *AT)
    assert bundle("build", "more.yaml", *overlay, *words) == 2
    assert "may not be changed by an overlay" in capsys.readouterr().err


def test_what_differs_is_told_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    files = ("unit.yaml", "zones.geojson=park.geojson")
    old = built("night", 1, files=files)
    Path("unit.yaml").write_text(BASE.replace("20", "25") + "logging:\n  level: debug\n")
    Path("park.geojson").write_text(json.dumps(PARK).replace("116.4,", "116.41,"))
    new = built("night", 2, files=files)
    capsys.readouterr()
    assert bundle("diff", old, new) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "~ manifest serial: 1 → 2" in lines
    assert "~ setting health.every_s: 20 → 25" in lines
    assert "+ setting logging.level: debug" in lines
    assert any(line.startswith("~ zone park: Polygon of 4 points") for line in lines)
    assert not any("hub.url" in line for line in lines)
    assert bundle("diff", old, old, "--json") == 0
    assert told(capsys) == {"differences": []}


def test_what_would_change_on_a_unit(capsys: pytest.CaptureFixture[str], office: Path) -> None:
    name = built("night", 1)
    own = office / "own.yaml"
    own.write_text(f"unit: {{id: dog-07, kind: robot_dog}}\nstate_dir: {office}/state\n")
    capsys.readouterr()
    assert bundle("diff", str(own), name) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "~ health.every_s: 30 → 20" in lines
    assert bundle("diff", name, str(own)) == 2
    assert bundle("diff", str(own), str(own)) == 2


# --- the list of keys ----------------------------------------------------------------------------


def trust(*words: str) -> int:
    try:
        return main(["trust", *words])
    except SystemExit as error:
        return int(str(error.code))


def test_two_people_change_the_list(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new", "dora"]) == 0
    assert trust("add", "trust.json", "--key", "dora.pub=all") == 0
    assert trust("revoke", "trust-2.json", "ben", "--why", "laptop stolen") == 0
    capsys.readouterr()
    assert trust("next", "trust.json", "trust-3.json", "--sign", "anna.key", "--json") == 0
    found = told(capsys)
    assert (found["old"]["signed"], found["old"]["may_sign"]) == (1, ["ben", "cleo"])
    assert (found["new"]["signed"], found["new"]["may_sign"]) == (1, ["cleo", "dora"])
    assert bundle("sign", "trust-3.peb", "--key", "ben.key") == 0  # who is on his way out
    assert bundle("verify", "trust-3.peb", "--trust", "trust.json") == 1
    assert "ben" in capsys.readouterr().out
    assert bundle("sign", "trust-3.peb", "--key", "cleo.key") == 0
    assert bundle("verify", "trust-3.peb", "--trust", "trust.json") == 0
    assert (keys / "trust.json").stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_said_of_a_bundle_is_told(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "new", "dora"]) == 0
    assert trust("add", "trust.json", "--key", "dora.pub=all") == 0
    lists = ("trust.json", "trust-2.json")
    assert trust("next", *lists, "--for-unit", "Dog 7") == 2
    assert "made_for.units.0: " in capsys.readouterr().err
    assert not (keys / "trust-2.peb").exists()
    build = ("build", "unit.yaml", "--kind", "config", "--name", "n", "--serial", "1", *FOR)
    for moment in ("9999-12-31", "0001-01-01T00:00+08:00", "tomorrow"):
        assert trust("next", *lists, "--at", moment) == 2
        assert bundle(*build, "--not-before", moment) == 2
        assert f"{moment} is no time like 2026-12-31" in capsys.readouterr().err


def test_a_list_is_installed_by_hand_once(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = keys / "state"
    on_unit = ("--state-dir", str(state))
    assert trust("show", *on_unit) == 1
    assert "knows no keys" in capsys.readouterr().err
    assert trust("install", "trust.json", *on_unit) == 0
    assert trust("install", "trust.json", *on_unit) == 0
    assert load_trust(state / "trust.json", state / "slots" / "trust").trust.serial == 1
    assert trust("add", "trust.json", "--key", "anna.pub=all") == 2  # one key twice
    assert main(["keys", "new", "dora"]) == 0
    assert trust("add", "trust.json", "--key", "dora.pub=zones", "--days", "30") == 0
    capsys.readouterr()
    assert trust("install", "trust-2.json", *on_unit) == 1
    assert "by hand once" in capsys.readouterr().err
    assert trust("show", *on_unit, "--json") == 0
    on_the_unit = told(capsys)
    assert trust("show", "trust.json", "--json") == 0
    assert told(capsys)["fingerprint"] == on_the_unit["fingerprint"]


def test_a_list_is_installed_where_flashing_looks_for_it(keys: Path) -> None:
    unit, state = keys / "own.yaml", keys / "elsewhere"
    unit.write_text("unit: {id: dog-07, kind: robot_dog}\nsecurity: {trust: keys/list.json}\n")
    on_unit = ("--config", str(unit), "--state-dir", str(state))
    assert trust("install", "trust.json", *on_unit) == 0
    assert unit_of(unit, state).trust == keys / "keys/list.json"
    assert load_trust(unit_of(unit, state).trust, state / "slots" / "trust").trust.serial == 1
    assert trust("show", *on_unit) == 0
    unit.write_text(unit.read_text() + "helth: {}\n")  # what is wrong elsewhere is no hindrance
    assert trust("show", "--config", str(unit)) == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--key", "anna.pub=all"), "too few keys could ever sign the next list"),
        (("--key", "anna.pub=all", "--key", "anna.pub=all"), "two keys have the same kid"),
        (("--key", "anna.pub"), "does not say what the key may sign"),
        (("--key", "anna.key=all"), "PRIVATE key"),
        (("--key", "anna.pub=everything"), "a kind is one of"),
        (("--key", "anna.pub=all", "--needed", "runtime"), "is not like runtime=3"),
    ],
)
def test_a_list_that_could_not_work_is_refused(
    keys: Path, words: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trust("init", "-o", str(keys / "other.json"), *words) == 2
    assert text in capsys.readouterr().err


def test_a_list_of_one_person_for_a_bench(keys: Path) -> None:
    words = ("--key", "anna.pub=all", "--needed", "trust=1", "--needed", "runtime=1")
    assert trust("init", "-o", "bench.json", *words) == 0
    found = Trust.model_validate_json((keys / "bench.json").read_bytes())
    assert (found.signatures_for("trust"), found.signatures_for("zones")) == (1, 1)
