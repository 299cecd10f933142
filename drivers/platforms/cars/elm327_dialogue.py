"""The conversation with an ELM327: what to say next, and what its answer means. No bytes move here.

Set it up, find the car's protocol, ask by turns; begin again when it restarts or is replaced.
"""

import re
from collections import Counter

from drivers.base import BadDataError
from drivers.platforms.cars.car import Car
from drivers.platforms.cars.elm327_replies import Answer, Payloads, Trouble, read_lines
from drivers.platforms.cars.obd import (
    MODULE_VOLTAGE,
    Query,
    RefusedError,
    not_supported,
    read_answer,
)
from drivers.platforms.cars.polling import Polling

# No echo, no line feeds, no spaces, with headers, adaptive timing, protocol by itself.
SET_UP = ("ATE0", "ATL0", "ATS0", "ATH1", "ATAT1", "ATSP0")
SEARCH_S = 15.0  # all protocols tried one after the other (data sheet, "SP 0")
RESET_S = 3.0
ANSWER_S = 3.0
VOLTAGE_EVERY_S = 5.0
SEARCH_EVERY_S = 10.0
OFTEN_SEARCHED = 12  # times; then:
PARKED_SEARCH_EVERY_S = 60.0
STARTED_BY_V = 0.3  # the voltage rises by more than this when an engine starts
BUS_ERRORS_OF_A_FAULT = 3  # in a row
UNTOLD = "?"
LOST_AFTER = 3  # commands in a row without an answer
_VERSION = re.compile(r"ELM327 ?V(\d+\.\d+[A-Z]?)")
_VOLTAGE = re.compile(r"(\d{1,2}\.\d{1,2})V?")
# The maker has never sold these; whatever says so is a copy, and lacks some of what it should do.
NEVER_MADE = frozenset({"1.5", "1.6", "1.7", "1.8", "1.9"})


class Dialogue:
    """Asks and understands. `command` gives what to send; `heard` takes what came back."""

    def __init__(self, car: Car, now_s: float) -> None:
        self.car = car
        self.polling = Polling(never=frozenset({MODULE_VOLTAGE}))  # AT RV does, with engine off too
        self.payloads = Payloads()
        self.counts: Counter[str] = Counter()
        self.version = ""
        self.copy = False  # it is not what it says it is
        self.connected = False  # the car answers
        self.searched = False  # the car was asked at least once
        self.protocol = ""  # as AT DPN tells it; "" until it was asked
        self.unanswered = 0  # commands in a row
        self._strangers = 0  # answers to AT Z in a row that no ELM327 gives
        self.bus_errors = 0  # in a row
        self._steps: list[str] = []
        self._voltage_due_s = self._search_due_s = now_s
        self._voltage_v = float("inf")
        self._searches = 0
        self._query: Query | None = None
        self._command = ""
        self._until_s = 0.0
        self.restart(now_s)

    def restart(self, now_s: float) -> None:
        """From the beginning: it has been reset, or is another one."""
        self._steps = ["ATZ", *SET_UP]
        self.connected, self.protocol = False, ""
        self._search_due_s = now_s
        self._query, self._command = None, ""

    @property
    def lost(self) -> bool:
        return max(self.unanswered, self._strangers) >= LOST_AFTER

    # --- what to say ---

    def command(self, now_s: float) -> str | None:
        """What to send now; None: nothing is due, or an answer is waited for."""
        if self._command:
            if now_s < self._until_s:
                return None
            self._unanswered(now_s)
        self._command, wait_s = self._next(now_s)
        self._until_s = now_s + wait_s
        return self._command or None

    def _next(self, now_s: float) -> tuple[str, float]:
        if self._steps:
            return self._steps[0], RESET_S if self._steps[0] == "ATZ" else ANSWER_S
        if now_s >= self._voltage_due_s:
            self._voltage_due_s = now_s + VOLTAGE_EVERY_S
            return "ATRV", ANSWER_S
        if not self.connected:
            return ("0100", SEARCH_S) if self._search_is_due(now_s) else ("", 0.0)
        if not self.protocol:
            return "ATDPN", ANSWER_S
        self._query = self.polling.next(now_s)
        return (self._query.request.hex().upper() if self._query else ""), ANSWER_S

    def _search_is_due(self, now_s: float) -> bool:
        """Often to begin with; a parked car is left asleep, unless its voltage rises."""
        if now_s < self._search_due_s:
            return False
        self._searches += 1
        seldom = self._searches > OFTEN_SEARCHED
        self._search_due_s = now_s + (PARKED_SEARCH_EVERY_S if seldom else SEARCH_EVERY_S)
        return True

    def _unanswered(self, now_s: float) -> None:
        self.counts["no_answer"] += 1
        self.unanswered += 1
        if self._query is not None:
            self.polling.missed(self._query, now_s)
        self.searched |= not self._steps
        self._query, self._command = None, ""

    # --- what it says ---

    def heard(self, text: str, now_s: float) -> None:
        """One answer, up to the prompt."""
        command, query = self._command, self._query
        self._command, self._query = "", None
        if not command:  # too late, or nobody asked
            self.counts["unasked"] += 1
            if "ELM327" in text.upper():
                self.restart(now_s)
            return
        self.unanswered = 0
        answer = read_lines(text, command)
        if self._steps:
            self._set_up(command, text, answer, now_s)
        elif answer.trouble is Trouble.RESTARTED:
            self.counts["restarted"] += 1
            self.restart(now_s)
        elif command == "ATRV":
            self._note_voltage(answer, now_s)
        elif command == "ATDPN":
            # `A6`: number 6, found automatically. A copy may not know: then lines tell it.
            self.protocol = "".join(answer.lines)[-1:] or UNTOLD
        else:
            self._judge(answer, query, now_s)

    def _set_up(self, command: str, text: str, answer: Answer, now_s: float) -> None:
        if command == "ATZ":
            version = _VERSION.search(text.upper())
            if version is None:
                self.counts["no_adapter"] += 1
                self._strangers += 1
                return
            self._strangers = 0
            self.version = version[1].lower()
            self.copy = self.version in NEVER_MADE
        elif answer.trouble is Trouble.NOT_UNDERSTOOD:
            # All of SET_UP has been there since version 1.2.
            self.copy = True
            self.counts["not_understood"] += 1
        elif answer.trouble is Trouble.RESTARTED:
            self.restart(now_s)
            return
        self._steps.pop(0)

    def _note_voltage(self, answer: Answer, now_s: float) -> None:
        match = _VOLTAGE.fullmatch("".join(answer.lines))
        if match is None:
            self.counts["bad_answer"] += 1
            return
        voltage_v = float(match[1])
        if voltage_v > self._voltage_v + STARTED_BY_V:
            self._search_due_s, self._searches = now_s, 0
        self._voltage_v = voltage_v
        self.car.note({"voltage_v": voltage_v}, now_s)

    # --- what the car says ---

    def _judge(self, answer: Answer, query: Query | None, now_s: float) -> None:
        if answer.trouble is not None:
            self.counts[answer.trouble] += 1
        understood = self._note_payloads(answer, query, now_s)
        in_error = answer.trouble in (Trouble.CAN_ERROR, Trouble.BUS_ERROR, Trouble.BUS_INIT)
        self.bus_errors = self.bus_errors + 1 if in_error else 0
        if understood:
            self.connected, self._searches = True, 0
        self.searched = True
        if query is None:  # it was the search for the protocol
            return
        if understood:
            self.polling.answered(query, now_s)
        elif answer.trouble is not Trouble.STOPPED:  # we were too quick: it is asked again
            self.polling.missed(query, now_s)
        if self.polling.away:
            self.connected, self.protocol = False, ""
            self._search_due_s = now_s + SEARCH_EVERY_S

    def _note_payloads(self, answer: Answer, query: Query | None, now_s: float) -> bool:
        """Whether anything that the car said was understood."""
        try:
            payloads = self.payloads.read(answer, self.protocol, now_s)
        except BadDataError:
            self.counts["bad_answer"] += 1
            return False
        lists: dict[str, float] = {}
        understood = False
        for payload in payloads:
            try:
                facts = read_answer(payload)
            except RefusedError as error:
                understood = True
                if query is not None and not error.later:
                    self.polling.refused(query, now_s)
                continue
            except BadDataError:
                self.counts["bad_answer"] += 1
                continue
            understood = True
            self.car.note(facts, now_s)
            for name, fact in facts.items():  # what any of the control units does, the car does
                if name.startswith("supported.") and not isinstance(fact, str):
                    lists[name] = float(int(lists.get(name, 0)) | int(fact))
        self.polling.drop(not_supported(lists))
        return understood
