"""What an ELM327 writes back, and the dialogue with one: text in, facts out, no port."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import BadDataError
from drivers.platforms.cars.car import Car
from drivers.platforms.cars.elm327_dialogue import LOST_AFTER, SEARCH_S, Dialogue
from drivers.platforms.cars.elm327_replies import Answer, Payloads, Prompts, Trouble, read_lines
from drivers.samples import Odometry


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("NO DATA\r\r", Trouble.NO_DATA),
        ("SEARCHING...\rUNABLE TO CONNECT\r\r", Trouble.UNABLE_TO_CONNECT),
        ("BUS INIT: ERROR\r\r", Trouble.BUS_INIT),
        ("BUS INIT: ...ERROR\r\r", Trouble.BUS_INIT),
        ("CAN ERROR\r\r", Trouble.CAN_ERROR),
        ("BUS ERROR\r\r", Trouble.BUS_ERROR),
        ("BUS BUSY\r\r", Trouble.BUS_BUSY),
        ("STOPPED\r\r", Trouble.STOPPED),
        ("BUFFER FULL\r\r", Trouble.BUFFER_FULL),
        ("7E8 03 41 0D <DATA ERROR\r\r", Trouble.DAMAGED),
        ("<RX ERROR\r", Trouble.DAMAGED),
        ("FB ERROR\r", Trouble.DAMAGED),
        ("LV RESET\r\rELM327 v1.4b\r\r", Trouble.RESTARTED),
        ("ERR94\r\r", Trouble.INTERNAL),
        ("?\r\r", Trouble.NOT_UNDERSTOOD),
    ],
)
def test_each_error_message_is_known(text: str, trouble: Trouble) -> None:
    answer = read_lines(text, "010D")
    assert answer.trouble is trouble
    assert answer.lines == ()


def test_echo_search_and_bus_init_are_passed_over() -> None:
    assert read_lines("010D\r7E803410D0A\r\r", "010D") == Answer(("7E803410D0A",))
    assert read_lines("SEARCHING...\r7E8064100BE3EA813", "0100").lines == ("7E8064100BE3EA813",)
    assert read_lines("BUS INIT: ...OK\r486B104100BE3EB8114F\r", "0100").lines == (
        "486B104100BE3EB8114F",
    )
    assert read_lines("BUS INIT: OK\r486B10410D0A0C\r", "010D").lines == ("486B10410D0A0C",)


def test_answers_are_cut_at_the_prompt_and_zero_bytes_ignored() -> None:
    prompts = Prompts()
    assert prompts.feed(b"ELM3") == []
    assert prompts.feed(b"27\0 v1.4b\r\r>NO DATA\r\r>4") == ["ELM327 v1.4b\r\r", "NO DATA\r\r"]
    assert prompts.feed(b"x" * 9000) == []
    assert prompts.overflows == 1
    assert prompts.feed(b"\r>") == ["\r"]


@pytest.mark.parametrize(
    ("lines", "protocol", "payload"),
    [
        (["7E803410D0A"], "6", "410d0a"),
        (["7E803410D0A55555555"], "", "410d0a"),
        (["18DAF11003410D0A"], "7", "410d0a"),
        (["18DAF11003410D0A"], "", "410d0a"),
        (["48 6B 10 41 0D 0A 0C"], "3", "410d0a"),
        (["7E8101449020157503 0", "7E8215A5A5A39395A54", "7E82253333932313234"], "6", None),
    ],
)
def test_lines_of_each_kind_of_bus(lines: list[str], protocol: str, payload: str | None) -> None:
    found = Payloads().read(Answer(tuple(lines)), protocol, 0.0)
    assert found == [bytes.fromhex(payload) if payload else b"\x49\x02\x01WP0ZZZ99ZTS392124"]


def test_a_number_over_five_lines_of_an_older_bus_in_any_order() -> None:
    vin = b"\0\0\0WP0ZZZ99ZTS392124"
    lines = [
        (b"\x48\x6b\x10\x49\x02" + bytes([n + 1]) + vin[4 * n : 4 * n + 4] + b"\x00").hex().upper()
        for n in (1, 0, 3, 4, 2)
    ]
    assert Payloads().read(Answer(tuple(lines)), "3", 0.0) == [b"\x49\x02" + vin]


@settings(deadline=None)  # other tests run beside it
@given(st.lists(st.text("0123456789ABCDEF XZ", max_size=40), max_size=6), st.sampled_from("?1367"))
def test_any_lines_are_payloads_or_refused(lines: list[str], protocol: str) -> None:
    with suppress(BadDataError):
        for payload in Payloads().read(Answer(tuple(lines)), protocol, 0.0):
            assert isinstance(payload, bytes)


# --- the dialogue ------------------------------------------------------------------------------


def converse(
    answer: Callable[[str], str | None],
    for_s: float,
    dialogue: Dialogue | None = None,
    from_s: float = 0.0,
) -> Dialogue:
    """A dialogue over so many seconds. `answer`: what the adapter says to a command; None: nothing.

    Each exchange takes a tenth of a second.
    """
    dialogue = dialogue or Dialogue(Car("car"), 0.0)
    steps = int(for_s * 10)
    for step in range(steps):
        now_s = from_s + step / 10
        command = dialogue.command(now_s)
        said = answer(command) if command is not None else None
        if said is not None:
            dialogue.heard(said, now_s + 0.05)
    return dialogue


def adapter(version: str = "ELM327 v1.4b", **changes: str | None) -> Callable[[str], str | None]:
    """One in a car that drives at 50 km/h."""
    known: dict[str, str | None] = {
        "ATZ": f"\r\r{version}\r\r",
        "ATRV": "14.1V\r\r",
        "ATDPN": "A6\r\r",
        "0100": "SEARCHING...\r7E8064100001A0001\r\r",
        "010D": "7E803410D32\r\r",
    } | changes

    def answer(command: str) -> str | None:
        return (
            known[command]
            if command in known
            else ("OK\r\r" if command.startswith("AT") else "NO DATA\r\r")
        )

    return answer


def test_it_is_set_up_finds_the_protocol_and_tells_the_speed() -> None:
    dialogue = converse(adapter(), 20.0)
    assert dialogue.connected
    assert (dialogue.version, dialogue.protocol, dialogue.copy) == ("1.4b", "6", False)
    speeds = [each for each in dialogue.car.due(20.0) if isinstance(each, Odometry)]
    assert len(speeds) > 30
    assert {each.speed_mps for each in speeds} == {50 / 3.6}
    assert dialogue.car.number("voltage_v", 20.0, 10.0) == 14.1


def test_a_copy_is_seen_by_its_version_or_by_what_it_does_not_know() -> None:
    assert converse(adapter("ELM327 v1.5"), 3.0).copy
    lies = converse(adapter("ELM327 v2.1", ATAT1="?\r\r"), 20.0)
    assert lies.copy
    assert lies.connected, "it is used for what it does"


def test_a_car_that_is_off_is_asked_seldom_until_its_voltage_rises() -> None:
    told = {"0100": "UNABLE TO CONNECT\r\r", "ATRV": "12.4V\r\r"}
    asked: list[str] = []

    def answer(command: str) -> str | None:
        asked.append(command)
        return adapter(**told)(command)

    dialogue = converse(answer, 600.0)
    assert not dialogue.connected
    assert dialogue.searched
    assert 12 <= asked.count("0100") <= 24
    told |= {"0100": "7E8064100001A0001\r\r", "ATRV": "13.9V\r\r"}
    now_s = 600.0
    while not dialogue.connected:
        command = dialogue.command(now_s)
        if command:
            dialogue.heard(adapter(**told)(command) or "", now_s)
        now_s += 0.1
    assert now_s < 610.0


def test_an_adapter_that_says_nothing_is_lost_and_one_that_restarts_is_set_up_again() -> None:
    silent = Dialogue(Car("car"), 0.0)
    now_s = 0.0
    while not silent.lost:
        silent.command(now_s)
        now_s += 0.5
    assert now_s < (LOST_AFTER + 1) * SEARCH_S
    dialogue = converse(adapter(), 5.0)
    dialogue.command(6.0)
    dialogue.heard("LV RESET\r\rELM327 v1.4b\r\r", 6.1)
    assert not dialogue.connected
    assert dialogue.command(6.2) == "ATZ"
    assert dialogue.counts["restarted"] == 1


def test_something_else_that_answers_is_no_adapter() -> None:
    modem = converse(lambda _command: "ERROR\r\n", 5.0)
    assert modem.lost
    assert modem.counts["no_adapter"] >= LOST_AFTER
    assert not modem.version


def test_what_comes_in_the_middle_and_what_is_damaged_is_counted() -> None:
    said = iter(["STOPPED\r", "BUFFER FULL\r", "7E803410D\r", "41 0D 0A ZZ\r", "CAN ERROR\r"] * 9)
    normal = adapter()
    dialogue = converse(normal, 3.0)
    counted = converse(
        lambda c: next(said, "NO DATA") if c == "010D" else normal(c), 6.0, dialogue, 3.0
    )
    assert counted.counts["stopped"]
    assert counted.counts["buffer_full"]
    assert counted.counts["bad_answer"] >= 2
    assert counted.counts["can_error"]


@settings(deadline=None)  # other tests run beside it
@given(st.lists(st.text(st.characters(codec="latin-1"), max_size=30), max_size=40))
def test_whatever_an_adapter_says_the_dialogue_goes_on(texts: list[str]) -> None:
    dialogue = Dialogue(Car("car"), 0.0)
    for number, text in enumerate(texts):
        dialogue.command(float(number))
        dialogue.heard(text, number + 0.5)
    assert dialogue.command(1000.0) is None or dialogue.command(2000.0) is not None
