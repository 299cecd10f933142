"""The doctor's page: whole, safe to open whatever a device calls itself, and with what was seen."""

import base64
import os
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.cli.main import main
from edge.doctor import drawn_scene, facts, model
from edge.doctor.drawings import row, sky
from edge.doctor.escaping import cleaned, escaped
from edge.doctor.exhibit import Exhibit, Satellite
from edge.doctor.line import fault, none, ok, warning
from edge.doctor.page import page
from edge.doctor.pictures import Pictures
from edge.doctor.report import as_json
from edge.doctor.skies import told_satellites
from edge.doctor.verdict import worst
from perception.detections import Detections
from perception.errors import ImageError
from telemetry.commands.handling import OrderRefusedError
from tests.examined import Examined, of, states
from tests.shared_data import shared

HOSTILE = (
    "<script>alert(1)</script>\"'&<img src=http://evil/x onerror=alert(2)>\u202egpj.exe\x1b[2J"
)
SATELLITES = (
    Satellite(name="G12", elevation_deg=45, azimuth_deg=90, cn0_dbhz=44.0, used=True),
    Satellite(name="R3", elevation_deg=5, azimuth_deg=270, cn0_dbhz=None, used=False),
)


class Seen(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.handlers: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action"):
                self.sources.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(html: str) -> Seen:
    parser = Seen()
    parser.feed(html)
    return parser


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)


def test_a_page_has_each_line_its_cure_and_what_can_be_seen(examined: Examined) -> None:
    done, jpeg = cv2.imencode(".jpg", np.zeros((40, 60, 3), np.uint8))
    assert done
    lines = [
        ok("speed", "12 MiB/s", Exhibit(series=(1.0, 2.5, 2.0), series_unit="ms")),
        warning("disk_worn", "wear", "90 % over", "change it"),
        fault("gnss_missing", "main", "not there", "plug it in"),
        ok("front", "25 pictures", Exhibit(picture_jpeg=jpeg.tobytes())),
        ok("rear", "25 pictures", Exhibit(why_no_picture="no model")),
        ok("sky", "fix 3d", Exhibit(sky=SATELLITES)),
        none("hub", "nobody"),
    ]
    html = page(examined.case(), lines, whole=True)
    told = seen(html)
    for word in (
        "car-07",
        "FAULT",
        "WARN",
        "gnss_missing",
        "plug it in",
        "G12",
        "not fit for work",
    ):
        assert word in told.text
    assert "1 warning, 1 fault" in told.text
    assert "no picture: no model" in told.text
    assert told.tags.count("svg") == 2
    data = [source for source in told.sources if not source.startswith("#")]
    assert data == [f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"]
    assert examined.case().loaded.digest[:12] in told.text


def test_words_of_others_cannot_become_a_page_of_theirs(examined: Examined) -> None:
    lines = [
        fault(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        ok(HOSTILE, HOSTILE, Exhibit(why_no_picture=HOSTILE, series=(1, 2), series_unit=HOSTILE)),
        ok("sky", "", Exhibit(sky=(Satellite(name=HOSTILE, elevation_deg=1, azimuth_deg=1,
                                             cn0_dbhz=1, used=True),))),
    ]  # fmt: skip
    html = page(
        examined.case(unit={"id": "car-07", "kind": "patrol_car", "label": "<b>x</b>"}),
        lines,
        whole=True,
    )
    told = seen(html)
    assert not {"script", "img", "b", "link", "iframe"} & set(told.tags)
    assert all(source.startswith("#") for source in told.sources)
    assert told.handlers == []
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "default-src 'none'" in html


@given(st.text())
def test_whatever_a_device_calls_itself(name: str) -> None:
    told = escaped(name)
    assert not set("<>\"'") & set(told)
    assert all(char.isprintable() for char in told)
    assert len(cleaned(name)) <= len(name)


@given(st.lists(st.floats(), max_size=300), st.text(max_size=10))
def test_figures_of_any_kind_can_be_drawn(series: list[float], unit: str) -> None:
    told = row(series, unit)
    assert "nan" not in told.split("<small>")[0].replace(escaped(unit), "")


@given(st.floats(allow_nan=False), st.floats(allow_nan=False, allow_infinity=False))
def test_satellites_stay_within_the_sky(elevation: float, azimuth: float) -> None:
    one = Satellite(name="G1", elevation_deg=elevation, azimuth_deg=azimuth, cn0_dbhz=30, used=True)
    place = sky([one]).split("translate(")[1].split(")")[0]
    assert max(abs(float(word)) for word in place.split()) <= 100


def test_a_running_unit_that_tells_nonsense_of_its_sky() -> None:
    good = {"name": "G1", "elevation_deg": 3, "azimuth_deg": 4, "cn0_dbhz": None, "used": True}
    found = told_satellites([good, {}, 7, {"name": "x", "elevation_deg": "y"}])
    assert [one.name for one in found] == ["G1"]
    assert told_satellites("rubbish") == ()


def test_json_has_figures_and_no_pictures(examined: Examined) -> None:
    exhibit = Exhibit(picture_jpeg=b"x", sky=SATELLITES, series=(1.0, 2.0), series_unit="ms")
    told = as_json(examined.case(), [ok("a", "b", exhibit), warning("c", "d", "e", "f")])
    assert told["ok"] is True
    assert told["lines"][0]["sky"][0]["name"] == "G12"
    assert told["lines"][0]["series_unit"] == "ms"
    assert "picture_jpeg" not in str(told)
    assert worst([warning("c", "d", "e", "f"), ok("a", "b")]) == "warning"


def test_the_command_writes_it(
    tmp_path: Path, examined: Examined, capsys: pytest.CaptureFixture[str]
) -> None:
    file = examined.case().file
    words = ["doctor", "--config", str(file), "--only", "power", "--sys", str(examined.tree.sys)]
    out = tmp_path / "page.html"
    assert main([*words, "--html", str(out)]) == 0
    assert "some groups were looked at" in seen(out.read_text()).text
    assert out.stat().st_mode & 0o077 == 0
    assert str(out) in capsys.readouterr().err
    assert main([*words, "--html", str(tmp_path / "no" / "page.html")]) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away: for root only")
def test_whoever_called_sudo_may_read_it(
    tmp_path: Path, examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", "4711")
    monkeypatch.setenv("SUDO_GID", "4712")
    page_, archive = tmp_path / "page.html", tmp_path / "x.tar.gz"
    words = ["doctor", "--config", str(examined.case().file), "--only", "modules"]
    main([*words, "--html", str(page_), "--collect", str(archive)])
    for path in (page_, archive):
        assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712)
        assert path.stat().st_mode & 0o077 == 0


# --- pictures ---


def test_persons_in_a_picture_are_covered(examined: Examined) -> None:
    video = shared("data/video/vtest.avi")
    image = cv2.VideoCapture(str(video)).read()[1]
    exhibit = Pictures(examined.case().settings).of(image)
    assert exhibit.picture_jpeg is not None
    assert len(exhibit.picture_jpeg) <= 60 * 1024
    shown = cv2.imdecode(np.frombuffer(exhibit.picture_jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert max(shown.shape[:2]) == 640
    small = cv2.resize(image, (shown.shape[1], shown.shape[0]), interpolation=cv2.INTER_AREA)
    changed = np.abs(small.astype(int) - shown.astype(int)).max(axis=2) > 60
    assert changed.mean() > 0.001, "nothing was covered"


def test_without_a_model_there_is_no_picture(examined: Examined) -> None:
    case = examined.case(perception={"model": "/nowhere/yolo.onnx"})
    exhibit = Pictures(case.settings).of(np.zeros((48, 64, 3), np.uint8))
    assert exhibit.picture_jpeg is None
    assert exhibit.why_no_picture


class Studio:
    """Of a running unit."""

    def __init__(self, error: str = "") -> None:
        self._error = error

    def covered(self, _look: object) -> NDArray[np.uint8]:
        if self._error:
            raise ImageError(self._error)
        return np.full((48, 64, 3), 90, np.uint8)


def unit_with(studio: Studio, *, looked_at: bool = True) -> Any:
    album = SimpleNamespace(newest=lambda _name: object() if looked_at else None)
    media = SimpleNamespace(desk=SimpleNamespace(album=album), studio=studio)
    return SimpleNamespace(media=media, cameras={"front": None})


def test_a_running_unit_covers_its_pictures_itself() -> None:
    answer = facts._picture(unit_with(Studio()), SimpleNamespace(args={"camera": "front"}))
    assert base64.b64decode(answer["jpeg"]).startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("unit", "camera"),
    [(unit_with(Studio("it cannot be redacted")), "front"), (unit_with(Studio()), "rear"),
     (unit_with(Studio(), looked_at=False), "front"),
     (SimpleNamespace(media=None, cameras={"front": None}), "front")],
    ids=["not covered", "no such camera", "nothing yet", "no pictures"],
)  # fmt: skip
def test_a_running_unit_gives_no_picture_uncovered(unit: Any, camera: str) -> None:
    with pytest.raises(OrderRefusedError):
        facts._picture(unit, SimpleNamespace(args={"camera": camera}))


# --- the drawn scene ---


def test_the_scene_is_the_same_each_time_and_the_model_finds_what_is_in_it(
    examined: Examined,
) -> None:
    assert np.array_equal(drawn_scene.drawn(), drawn_scene.drawn())
    lines = examined.lines(model.examine, perception={"model": "nanodet-g-416-int8"})
    assert of(lines, "right answer").state == "ok"


def test_a_model_that_answers_wrongly(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "drawn", lambda: np.zeros((416, 640, 3), np.uint8))
    lines = examined.lines(model.examine, perception={"model": "nanodet-g-416-int8"})
    assert of(lines, "right answer").code == "model_wrong"
    assert "car, person" in of(lines, "right answer").text


def test_what_counts_as_found() -> None:
    boxes = np.array([drawn_scene.CAR, drawn_scene.PERSON], np.float32)
    scores, classes = np.array([0.9, 0.9], np.float32), np.array([2, 0])
    assert drawn_scene.missed(Detections(boxes, scores, classes)) == ()
    assert drawn_scene.missed(Detections(boxes, scores, classes[::-1].copy())) == ("car", "person")
    assert drawn_scene.missed(Detections(boxes, scores / 5, classes)) == ("car", "person")
    assert drawn_scene.missed(Detections(boxes + 300, scores, classes)) == ("car", "person")
    assert drawn_scene.missed(Detections.none()) == ("car", "person")


def test_beside_a_running_unit_the_model_is_asked_too(examined: Examined) -> None:
    examined.facts = {"model": {"name": "m", "ready": True, "p50_ms": 20.0}}
    told = states(examined.lines(model.examine, perception={"model": "nanodet-g-416-int8"}))
    assert told == {"m": "ok", "right answer": "ok"}
