"""The conformance kit passes a sound unit, and fails each unsound one on the rule it breaks.

A check that cannot fail proves nothing: here every one of them is seen to fail.
"""

from functools import lru_cache

import pytest

from telemetry.commands.jws import PrivateKey
from telemetry.conformance.commander import Commander
from telemetry.conformance.judge import CHECKED, Ruling, judge
from telemetry.conformance.observer import Observer
from telemetry.conformance.script import Plan, SilentUnitError, run
from telemetry.conformance.transcript import Transcript
from telemetry.hub.orders import Signer
from telemetry.hub.record import Entry
from telemetry.link.transport import LinkOptions
from tests.bench_unit import KID, ROOT, UNIT, BenchBroker, BenchTransport, BenchUnit, StepClock

KEY = PrivateKey.new()


def judged(*flaws: str, **how: bool) -> list[Ruling]:
    return judge(Transcript(played(*flaws, **how), ROOT, UNIT))


def played(*flaws: str, key: bool = True, disturb: bool = True, tasks: bool = True) -> list[Entry]:
    """The whole script, with a unit that has these flaws."""
    entries: list[Entry] = []
    clock = StepClock()
    broker = BenchBroker(BenchUnit(clock, KEY, frozenset(flaws)))
    link = LinkOptions(host="bench", port=1, client_id="kit")
    observer = Observer(BenchTransport(broker), link, ROOT, UNIT, clock, entries.append)
    commander = Commander(observer, clock, Signer(KEY, KID) if key else None)
    as_unit = LinkOptions(host="bench", port=1, client_id=UNIT)
    plan = Plan(disturb=disturb, tasks=tasks, watch_s=70)
    broker.unit.call_for_help()
    broker.unit.raise_alert()
    broker.unit.show_body()
    broker.unit.show_flash()
    run(observer, commander, plan, as_unit, lambda: BenchTransport(broker))
    broker.unit.take_picture()
    broker.unit.stop()
    observer.listen(1)
    observer.close()
    return entries


@lru_cache
def sound() -> dict[str, Ruling]:
    return {ruling.rule.id: ruling for ruling in judged()}


def test_a_sound_unit_passes_everything_that_can_be_seen() -> None:
    wrong = [str(r) for r in sound().values() if r.finding.verdict == "FAIL"]
    assert wrong == []
    idle = {name for name, r in sound().items() if r.finding.verdict == "NOT RUN"}
    assert idle == {"HC-074"}, "it has no deadlines"


FLAWS = {
    "bad_envelope": "HC-001",
    "bad_data": "HC-002",
    "wrong_source": "HC-003",
    "wrong_leaf": "HC-004",
    "no_content_type": "HC-005",
    "wrong_schema": "HC-006",
    "same_ids": "HC-007",
    "local_time": "HC-008",
    "huge": "HC-009",
    "nulls": "HC-010",
    "face": "HC-011",
    "wrong_priority": "HC-012",
    "own_topic": "HC-013",
    "retains_nothing": "HC-014",
    "retains_events": "HC-015",
    "old_retained": "HC-016",
    "qos_0": "HC-017",
    "no_jpeg": "HC-018",
    "wrong_sha256": "HC-018",
    "raw_pictures": "HC-025",
    "decides_itself": "HC-065",
    "contract_2": "HC-019",
    "no_sequence": "HC-020",
    "numbered_status": "HC-020",
    "gaps": "HC-021",
    "new_id": "HC-022",
    "reuses_numbers": "HC-023",
    "changes_retries": "HC-024",
    "stops_resending": "HC-030",
    "no_id_acks": "HC-031",
    "no_up_to": "HC-032",
    "no_late_acks": "HC-033",
    "bad_ack_acks_all": "HC-034",
    "dies_of_bad_acks": "HC-034",
    "takes_retained_acks": "HC-035",
    "ignores_sessions": "HC-036",
    "strict_acks": "HC-037",
    "state_before_online": "HC-040",
    "health_before_state": "HC-041",
    "same_session": "HC-042",
    "no_will": "HC-043",
    "wrong_will": "HC-043",
    "slow_return": "HC-044",
    "deaf_after_cut": "HC-045",
    "other_boot": "HC-046",
    "will_after_stop": "HC-047",
    "never_historical": "HC-048",
    "no_state": "HC-050",
    "thin_state": "HC-051",
    "faults_anew": "HC-052",
    "fault_twice": "HC-052",
    "rare_health": "HC-053",
    "no_new": "HC-060",
    "after_end": "HC-061",
    "changes_label": "HC-062",
    "track_backwards": "HC-063",
    "illegal_step": "HC-070",
    "wrong_previous": "HC-071",
    "undated_steps": "HC-072",
    "moves_times": "HC-073",
    "bare_overdue": "HC-074",
    "no_task_events": "HC-075",
    "never_answers": "HC-080",
    "wrong_order": "HC-081",
    "wrong_reply_name": "HC-082",
    "slow_unsupported": "HC-083",
    "obeys_expired": "HC-084",
    "obeys_retained": "HC-085",
    "obeys_wrong_unit": "HC-086",
    "wrong_codes": "HC-087",
    "obeys_bad_signature": "HC-088",
    "silent_refusals": "HC-089",
    "obeys_too_old": "HC-090",
    "obeys_not_yet_valid": "HC-091",
    "obeys_unsigned": "HC-092",
    "dies_of_garbage": "HC-093",
    "hides_repeats": "HC-095",
    "no_rebirth": "HC-096",
    "acts_twice": "HC-097",
    "falling_progress": "HC-098",
    "hides_capabilities": "HC-099",
    "obeys_forgeries": "HC-100",
    "shines_in_stealth": "HC-157",
    "endless_wish": "HC-161",
    "lost_twice": "HC-162",
    "nameless_mission": "HC-163",
    "ends_twice": "HC-169",
    "flash_otherwise": "HC-170",
    "forgets_the_flash": "HC-171",
}


def test_each_check_can_fail() -> None:
    assert set(FLAWS.values()) == CHECKED


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_unit_with_one_flaw_fails_on_it(flaw: str) -> None:
    rulings = {ruling.rule.id: ruling for ruling in judged(flaw)}

    ruling = rulings[FLAWS[flaw]]
    assert ruling.finding.verdict == "FAIL", str(ruling)


def test_a_unit_whose_state_changes_all_the_time_is_not_said_to_act_twice() -> None:
    rulings = {ruling.rule.id: ruling for ruling in judged("restless")}
    assert rulings["HC-097"].finding.verdict == "PASS"


def test_a_unit_that_babbles_is_judged_to_the_end() -> None:
    rulings = {ruling.rule.id: ruling for ruling in judged("babbles")}

    failed = {name for name, ruling in rulings.items() if ruling.finding.verdict == "FAIL"}
    assert {"HC-001", "HC-002", "HC-003", "HC-005", "HC-013", "HC-020"} <= failed
    assert rulings["HC-080"].finding.verdict == "PASS", "what is right is seen to be right"


def test_a_broker_that_gives_the_unit_s_name_to_nobody_is_no_fault_of_the_unit() -> None:
    rulings = {ruling.rule.id: ruling for ruling in judged("cannot_be_cut")}

    assert rulings["HC-043"].finding.verdict == "NOT RUN"
    assert "did not cut the unit off" in rulings["HC-043"].finding.text
    failed = {name for name, ruling in rulings.items() if ruling.finding.verdict == "FAIL"}
    assert failed == set()


def test_without_a_key_it_forges_only_and_says_what_is_lacking() -> None:
    rulings = {r.rule.id: r for r in judged(key=False, disturb=False, tasks=False)}

    assert [str(r) for r in rulings.values() if r.finding.verdict == "FAIL"] == []
    assert "--key" in rulings["HC-080"].finding.text
    assert "--disturb" in rulings["HC-043"].finding.text
    assert rulings["HC-089"].finding.verdict == "PASS"


def test_a_unit_that_is_not_there_is_no_verdict() -> None:
    clock = StepClock()
    unit = BenchUnit(clock, KEY)
    broker = BenchBroker(unit)
    unit.silent = True
    link = LinkOptions(host="bench", port=1, client_id="kit")
    observer = Observer(BenchTransport(broker), link, ROOT, UNIT, clock)
    with pytest.raises(SilentUnitError):
        run(
            observer, Commander(observer, clock, None), Plan(), link, lambda: BenchTransport(broker)
        )
