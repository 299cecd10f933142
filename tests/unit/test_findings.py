"""What is found wrong, and that the technician's page has a paragraph for each of it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from config.certificates import DoubtCode
from edge.reporting import carrier_findings, delivery_findings, device_findings
from edge.reporting.finding import Finding
from edge.running.driver_loop import DriverHealth
from telemetry.contract.unit import Disk, Temperature
from telemetry.link.facts import PublisherStats
from telemetry.outbox.facts import OutboxStats

ROOT = Path(__file__).parents[2]

UP = PublisherStats(
    connected=True, protocol="5", since=None, session=1, reconnects=0, unacked=0, awaiting_hub=0,
    sent=10, resent=0, acked=10, hub_online=True, last_error=None, refused={}, down={},
)  # fmt: skip
EMPTY = OutboxStats(
    depth=0, by_priority=(0,) * 5, in_memory=0, oldest_age_s=None, size_bytes=0, limit_bytes=1,
    last_sequence=0, drops={}, set_aside=0, fault=None,
)  # fmt: skip


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


def device(component: str, **changes: object) -> DriverHealth:
    health = DriverHealth("main", component, started_mono_s=100.0)
    for name, value in changes.items():
        setattr(health, name, value)
    return health


@pytest.mark.parametrize("component", ["gnss", "camera"])
def test_a_device_is_missing_silent_ended_or_well(component: str) -> None:
    def at_200(**changes: object) -> list[str]:
        return codes(device_findings.device_findings(device(component, **changes), 5.0, 200.0))

    assert at_200(last_sample_mono_s=199.0) == []
    assert at_200(last_sample_mono_s=190.0) == [f"{component}_silent"]
    assert at_200(last_error="no such port") == [f"{component}_missing"]
    assert at_200() == [f"{component}_silent"], "never heard of since it was started"
    assert at_200(ended=True, samples=3) == ["recording_ended"]
    assert at_200(ended=True) == ["recording_empty"]


def test_a_healthy_link_and_queue_have_no_findings() -> None:
    assert delivery_findings.link_findings(UP) == []
    assert delivery_findings.outbox_findings(EMPTY) == []


def test_each_trouble_of_link_and_queue_has_its_code() -> None:
    down = replace(UP, connected=False, last_error="connection refused: is the broker running?")
    assert codes(delivery_findings.link_findings(down)) == ["link_down"]
    assert "connection refused" in delivery_findings.link_findings(down)[0].text
    assert codes(delivery_findings.link_findings(replace(UP, awaiting_hub=3, unheard_s=500.0))) == [
        "delivery_stalled"
    ]
    assert delivery_findings.link_findings(replace(UP, awaiting_hub=3, unheard_s=5.0)) == []
    refused = replace(UP, refused={"not authorized": 2}, refused_s=5.0)
    assert codes(delivery_findings.link_findings(refused)) == ["message_refused"]
    assert delivery_findings.link_findings(replace(refused, refused_s=5000.0)) == []
    deaf = replace(UP, unheard_topics=("patrol/v1/dog-1/command",))
    assert codes(delivery_findings.link_findings(deaf)) == ["topic_unheard"]
    troubled = replace(
        EMPTY,
        fault="disk full",
        set_aside=1,
        drops={"quota": 4},
        dropped_s=5.0,
        parked=3,
        other_unit=1,
    )
    assert codes(delivery_findings.outbox_findings(troubled)) == [
        "outbox_fault",
        "outbox_set_aside",
        "outbox_other_unit",
        "outbox_parked",
        "outbox_dropping",
    ]
    assert (
        delivery_findings.outbox_findings(replace(EMPTY, drops={"quota": 4}, dropped_s=5000.0))
        == []
    )
    assert codes(delivery_findings.outbox_findings(replace(EMPTY, drops={"log_lost": 4}))) == [
        "outbox_lost"
    ]
    thinned = replace(EMPTY, drops={"full_positions_thinned": 4}, dropped_s=5.0, tolerance_m=20.0)
    assert "within 20 m" in delivery_findings.outbox_findings(thinned)[0].text


def test_a_computer_that_is_hot_full_and_short_of_memory() -> None:
    found = device_findings.computer_findings(
        Disk(free_mib=10, total_mib=10_000), [Temperature(name="cpu", celsius=90.0)], 97.0
    )
    assert codes(found) == ["disk_low", "too_hot", "memory_low"]
    assert device_findings.computer_findings(Disk(free_mib=20, total_mib=100), [], 50.0) == []


LANGUAGES = ("troubleshooting.md", "troubleshooting.zh.md")


def codes_told() -> set[str]:
    """Every code that a unit or the doctor can tell."""
    modules = sorted((ROOT / "edge").rglob("*findings.py"))
    source = "".join(module.read_text() for module in modules)
    named = set(re.findall(r'code="([a-z_]+)"', source))
    named |= set(re.findall(r'finding\(\s*"([a-z_]+)"', source))
    named |= set(re.findall(r'code, text = "([a-z_]+)"', source))
    named |= {f"{component}_{what}" for component, what in device_findings.DEVICE_ACTIONS}
    named |= set(get_args(DoubtCode)) | set(carrier_findings.TROUBLES)
    doctor = "".join(module.read_text() for module in sorted((ROOT / "edge/doctor").glob("*.py")))
    return named | set(re.findall(r'(?:fault|warning)\(\s*"([a-z_]+)"', doctor))


def paragraphs(page: str) -> dict[str, str]:
    """By heading: what stands below it."""
    parts = re.split(r"^#{2,3} (.*)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_code_has_a_paragraph_and_every_paragraph_a_code(name: str) -> None:
    named = codes_told()
    page = paragraphs((ROOT / "docs" / name).read_text())
    told = {code for heading in page for code in re.findall(r"`([a-z_]+)`", heading)}

    assert len(named) > 15, "the search above no longer finds the codes"
    assert named == told
    bare = [heading for heading, text in page.items() if heading[0] == "`" and not text.strip()]
    assert bare == []


def test_the_chinese_page_is_the_english_one() -> None:
    """The same chapters and codes in the same order, and every command of one in the other."""
    pages = [paragraphs((ROOT / "docs" / name).read_text()) for name in LANGUAGES]
    english, chinese = ([re.findall(r"`([^`]*)`", heading) for heading in page] for page in pages)
    assert english == chinese
    for (heading, text), other in zip(pages[0].items(), pages[1].values(), strict=True):
        told = not text.strip() or re.search("[\u4e00-\u9fff]{4}", other)
        assert told, f"{heading}: not in Chinese"
        wanted, there = set(commands(text)), set(commands(other))
        assert wanted == there, f"{heading}: {sorted(wanted ^ there)}"


def commands(text: str) -> list[str]:
    """What is typed or written into a file: everything between backticks, on one line."""
    return [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", text)]
