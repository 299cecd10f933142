"""What receivers say of their own antenna and of jamming.

TXT (NMEA 0183): u-blox and many others write ANTSTATUS=OK, OPEN or SHORT in it, AT6558 and
relatives ANTENNA OPEN. PQTMJAMMINGSTATUS and PAIRSPF: Quectel, 0 unknown, 1 none, 2 some, 3
critical.
"""

import re

from drivers.gnss.report import Report

_ANTENNA = re.compile(r"ANT(?:STATUS=|ENNA )(OK|OPEN|SHORT)", re.ASCII)
_LEVELS = {"1": 1, "2": 2, "3": 3}


def txt(talker: str, fields: list[str]) -> Report | None:
    found = _ANTENNA.search(",".join(fields[3:]))
    return None if found is None else Report(talker=talker, kind="TXT", antenna=found[1].lower())


def pqtm_jamming(fields: list[str]) -> Report:
    return Report(talker="P", kind="PQTM", jamming=_LEVELS.get(([*fields, "", ""])[1]))


def pair_jamming(fields: list[str]) -> Report:
    return Report(talker="P", kind="PAIR", jamming=_LEVELS.get(fields[0]))


PROPRIETARY = {"PQTMJAMMINGSTATUS": pqtm_jamming, "PAIRSPF": pair_jamming}
