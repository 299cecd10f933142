"""`patrol-edge eval events`: precision and recall of alerts against what really happened."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, CommandError, note, say
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from perception.rules.event_scores import Score

DESCRIPTION = """\
Compares the alerts among a unit's messages (one a line, as `patrol-edge replay` writes them) with
what really happened, and counts per rule: hits, false alarms, misses, precision, recall, and how
long after its beginning a hit was told (median).

The truth has one JSON object a line:
  {"rule": "intrusion", "begun": "2026-11-27T08:00:00Z", "ended": "2026-11-27T08:00:30Z"}
and, where known, "name" (of the rule), "zone", "lat_deg" and "lon_deg"; "optional": true marks
what is neither right nor wrong to tell. An alert is a hit where rule (and name, zone) are the same,
the times overlap within the slack, and the places lie within the radius or within the alert's own
95 % error. Each alert goes with one truth, each truth with one alert: an episode that is told twice
is a false alarm."""


def register(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(kinds, "events", "precision and recall of alerts", DESCRIPTION)
    add = parser.add_argument
    add("events", type=Path, metavar="EVENTS.jsonl", help="the unit's messages")
    add("--truth", type=Path, required=True, metavar="TRUTH.jsonl", help="what happened")
    add("--slack", type=number_in(0, 3600), default=10.0, metavar="S", help="default: %(default)g")
    add("--radius", type=number_in(0, 1e5), default=10.0, metavar="M", help="default: %(default)g")
    add("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(handler=eval_events)


def eval_events(args: argparse.Namespace) -> int:
    """Raises CommandError for files that cannot be read."""
    from perception.rules.event_file import EventFileError, read_alerts, read_truths
    from perception.rules.event_scores import compare, total

    try:
        alerts, truths = read_alerts(args.events), read_truths(args.truth)
    except EventFileError as error:
        raise CommandError(str(error), error.cure, FAILED) from error
    if not truths:
        raise CommandError(f"{args.truth} holds no truth", "write what happened, one a line")
    scores = compare(alerts, truths, args.slack, args.radius)
    if args.json:
        told = {"all": _told(total(scores))}
        say(json.dumps(told | {"rules": {rule: _told(one) for rule, one in scores.items()}}))
        return DONE
    _table(scores, total(scores))
    note(f"{len(alerts)} alerts, {len(truths)} truths")
    return DONE


def _told(score: "Score") -> dict[str, float | int | None]:
    return {
        "hits": score.hits,
        "false_alarms": score.false_alarms,
        "misses": score.misses,
        "precision": _rounded(score.precision),
        "recall": _rounded(score.recall),
        "delay_s": _rounded(score.delay_s),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _table(scores: "dict[str, Score]", whole: "Score") -> None:
    lines = dict(sorted(scores.items()))
    if len(scores) > 1:
        lines["all"] = whole
    width = max(len("rule"), *(len(name) for name in lines))
    say(f"{'rule':{width}}   hits  false  missed  precision  recall  delay")
    for name, one in lines.items():
        say(
            f"{name:{width}} {one.hits:6d} {one.false_alarms:6d} {one.misses:7d} "
            f"{_share(one.precision):>10} {_share(one.recall):>7} {_delay(one.delay_s):>6}"
        )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _delay(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
