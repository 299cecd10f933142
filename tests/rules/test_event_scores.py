"""Alerts compared with what happened, from files and from the command line."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.cli.main import main
from perception.rules.event_file import EventFileError, read_alerts, read_truths
from perception.rules.event_scores import Happening, compare, total

PLACE = {"lat_deg": 35.4, "lon_deg": 116.6}
NEAR = {"lat_deg": 35.40005, "lon_deg": 116.6}  # 5.5 m north
FAR = {"lat_deg": 35.401, "lon_deg": 116.6}


def happening(begun_s: float, ended_s: float, rule: str = "intrusion", **more: Any) -> Happening:
    return Happening(rule=rule, begun_s=begun_s, ended_s=ended_s, **more)


def counted(alerts: list[Happening], truths: list[Happening]) -> tuple[int, int, int]:
    score = total(compare(alerts, truths))
    return score.hits, score.false_alarms, score.misses


def test_rule_time_and_place_decide() -> None:
    truth = happening(100, 130, **PLACE)

    assert counted([happening(101, 128, **NEAR)], [truth]) == (1, 0, 0)
    assert counted([happening(101, 128)], [truth]) == (1, 0, 0)  # without a place
    assert counted([happening(101, 128, **FAR)], [truth]) == (0, 1, 1)
    assert counted([happening(101, 128, error_m=150.0, **FAR)], [truth]) == (1, 0, 0)
    assert counted([happening(145, 160, **NEAR)], [truth]) == (0, 1, 1)
    assert counted([happening(101, 128, "fast", **NEAR)], [truth]) == (0, 1, 1)
    assert counted([], [truth]) == (0, 0, 1)


def test_what_is_told_twice_is_a_false_alarm() -> None:
    truth = happening(100, 130)

    assert counted([happening(101, 110), happening(115, 130)], [truth]) == (1, 1, 0)


def test_two_at_once_need_two_alerts() -> None:
    truths = [happening(100, 130, **PLACE), happening(100, 130, **NEAR)]

    assert counted([happening(101, 128, **PLACE)], truths) == (1, 0, 1)
    assert counted([happening(101, 128, **PLACE)] * 2, truths) == (2, 0, 0)


def test_what_is_optional_is_neither_right_nor_wrong() -> None:
    truth = happening(100, 130, optional=True)

    assert counted([happening(101, 110)], [truth]) == (0, 0, 0)
    assert counted([], [truth]) == (0, 0, 0)


TOLD = st.lists(st.tuples(st.floats(0, 500), st.floats(0, 50)), max_size=8)
REAL = st.lists(st.tuples(st.floats(0, 500), st.floats(0, 50), st.booleans()), max_size=8)


@given(TOLD, REAL)
def test_the_counts_add_up(told: list[Any], real: list[Any]) -> None:
    alerts = [happening(begun, begun + length) for begun, length in told]
    truths = [happening(b, b + length, optional=maybe) for b, length, maybe in real]

    hits, false_alarms, misses = counted(alerts, truths)

    assert hits + misses == sum(not truth.optional for truth in truths)
    assert hits + false_alarms <= len(alerts)
    assert compare(truths, truths) == {} or total(compare(truths, truths)).misses == 0


# --- files ---


def message(phase: str, second: int, episode: str = "a") -> str:
    data = {
        "phase": phase, "episode": episode, "rule": "intrusion", "name": "fence", "zone": "yard",
        "begun": "2026-11-27T08:00:00.000Z", "last_seen": f"2026-11-27T08:00:{second:02}.000Z",
        "place": {**PLACE, "error": {"major_m": 3.0, "minor_m": 1.0, "bearing_deg": 0.0}},
    }  # fmt: skip
    envelope = {"type": "patrol.event.alert.v1", "time": f"2026-11-27T08:00:{second:02}.000Z"}
    return json.dumps(envelope | {"data": data})


def files(folder: Path, events: str, truth: str) -> list[str]:
    (folder / "events.jsonl").write_text(events)
    (folder / "truth.jsonl").write_text(truth)
    return ["eval", "events", str(folder / "events.jsonl"), "--truth", str(folder / "truth.jsonl")]


TRUTH = json.dumps(
    {"rule": "intrusion", "begun": "2026-11-27T08:00:00Z", "ended": "2026-11-27T08:00:20Z", **NEAR}
)


def test_the_command_tells_precision_recall_and_delay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = "\n".join(
        ['{"type": "patrol.position.v1"}', message("new", 3), message("end", 18), "",
         message("new", 40, "b").replace("08:00:00.000Z", "08:00:39.000Z")]
    )  # fmt: skip

    assert main([*files(tmp_path, events, TRUTH), "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["all"] == {
        "hits": 1, "false_alarms": 1, "misses": 0, "precision": 0.5, "recall": 1.0, "delay_s": 3.0,
    }  # fmt: skip
    assert main(files(tmp_path, events, TRUTH)) == 0
    assert "intrusion      1      1       0      0.500   1.000  3.0 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("events", "truth", "said"),
    [
        ("{", TRUTH, "events.jsonl:1: is no JSON"),
        ("[]", TRUTH, "events.jsonl:1: is no JSON object"),
        ('{"type": "patrol.event.alert.v1"}', TRUTH, "it has no episode"),
        ("", "", "holds no truth"),
        ("", '{"rule": "fast"}', "truth.jsonl:1: has no time begun"),
        ("", TRUTH.replace("Z", ""), "has no time zone"),
        ("", TRUTH.replace("intrusion", ""), "has no rule"),
        ("", TRUTH.replace("08:00:20", "07:00:20"), "ends before it begins"),
        ("", TRUTH.replace("116.6", '"x"'), "lon_deg is no number"),
    ],
)
def test_wrong_files_are_told_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], events: str, truth: str, said: str
) -> None:
    assert main(files(tmp_path, events, truth)) == 1
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "events", str(tmp_path), "--truth", str(tmp_path / "no")]) == 1
    assert "Is a directory" in capsys.readouterr().err


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_the_readers_crash(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "file.jsonl"
    path.write_bytes(data)
    for read in (read_alerts, read_truths):
        with contextlib.suppress(EventFileError):
            assert isinstance(read(path), list)
