"""The words of the doctor can be said in another language, also those of a running unit."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from config import language
from config.language import Told, halves, localized, packed, said, tell
from edge.cli.body.doctor_view import folded
from edge.doctor.line import Line, of_finding
from edge.doctor.running_unit import RunningUnit, UnitSilentError
from edge.doctor.wording import listed, of_running_unit
from edge.reporting.finding import about


@dataclass
class Backwards:
    """A language in which everything is said backwards, but what stands in braces."""

    def gettext(self, pattern: str) -> str:
        words = pattern.split(" ")
        return " ".join(word if "{" in word else word[::-1] for word in words)


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_catalogue", lambda _languages: Backwards())


def test_why_a_unit_is_silent_can_be_said_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnitSilentError) as caught:
        RunningUnit({}, tmp_path).do("anything")
    problem, cure = halves(said(caught.value))
    assert (problem, cure) == (
        f"no unit runs in {tmp_path}",
        "start it: systemctl start patrol-edge",
    )
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    assert localized(problem) != problem
    assert localized(cure) != cure


def over_the_socket(facts: object) -> RunningUnit:
    return RunningUnit(json.loads(json.dumps(facts)))


def unit_with(severity: str) -> RunningUnit:
    text = tell("it is {degrees} degrees warm", degrees=90)
    action = tell("cool it")
    return over_the_socket(
        {
            "faults": [
                {
                    "code": "too_hot",
                    "severity": severity,
                    "component": "cpu",
                    "text": text,
                    "action": action,
                    "packed": {"text": packed(text), "action": packed(action)},
                }
            ]
        }
    )


@pytest.mark.usefixtures("backwards")
def test_a_fault_of_a_running_unit_keeps_its_words() -> None:
    line = next(unit_with("warning").left())
    assert (line.state, line.code) == ("warning", "too_hot")
    assert line.text == "it is 90 degrees warm"
    assert localized(line.text) == "ti si 90 seerged mraw"
    assert localized(line.cure or "") == "looc ti"


@pytest.mark.parametrize(
    ("severity", "state"),
    [("info", "none"), ("warning", "warning"), ("error", "fault"), ("critical", "fault"),
     ("unheard of", "fault")],
)  # fmt: skip
def test_how_bad_it_is(severity: str, state: str) -> None:
    assert next(unit_with(severity).left()).state == state
    if severity != "unheard of":
        made = about("cpu")("too_hot", severity, "hot", "cool")  # type: ignore[arg-type]
        assert of_finding(made).state == state


def test_a_unit_of_before_says_no_severity_and_packs_nothing() -> None:
    told = {"code": "x", "component": "y", "text": "plain {braces}", "action": "a"}
    line = next(over_the_socket({"faults": [told]}).left())
    assert line == Line(name="y", state="fault", text="plain {braces}", code="x", cure="a")


@pytest.mark.usefixtures("backwards")
def test_words_that_are_put_together_can_be_said_too() -> None:
    told = of_running_unit(listed([tell("fix {kind}", kind="3d"), tell("{n} satellites", n=9)]))
    assert told == "fix 3d, 9 satellites; asked the running unit"
    assert isinstance(told, Told)
    assert localized(told).startswith("xif 3d")
    words = listed([tell("fix {kind}", kind="3d"), tell("{n} satellites", n=9)])
    facts = {"words": {"gnss.main": words}, "packed": {"gnss.main": packed(words)}, "faults": []}
    line = next(over_the_socket(facts).device("gnss", "main"))
    assert "setilletas" in localized(line.text)
    assert listed([]) == ""


def test_long_lines_of_signs_without_spaces_are_folded_by_their_width() -> None:
    told = "  OK     main   找到五颗卫星中的三颗, 天线 plug 请检查"
    lines = folded(told, 30, 4).split("\n")
    assert len(lines) > 1
    assert "".join(line.strip() for line in lines).replace(" ", "") == told.replace(" ", "")
    assert all(line.startswith("    ") for line in lines[1:])
