"""What all of `patrol-edge provision` shares: where the files are, how it speaks."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from config.language import localized, tell
from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.flash.ca import told_in_words
from edge.cli.run import DEFAULT_CONFIG

if TYPE_CHECKING:
    from edge.provisioning.identity import Places
    from edge.provisioning.setting_up import SettingUp
    from edge.provisioning.standing import Result

DEFAULT_STATE = Path("/var/lib/patrol-edge")


def places_of(args: argparse.Namespace) -> "Places":
    """Raises CommandError where the state folder is not known."""
    from edge.provisioning.identity import Places, read_identity

    config = Path(args.config).absolute()
    if args.state_dir is not None:
        return Places(config, Path(args.state_dir).absolute())
    if config.exists():
        from config.errors import ConfigError
        from config.loading import load

        try:
            return Places(config, load(config).settings.state_dir)
        except ConfigError:
            pass  # a file is missing, say; the record knows as well
    with in_words(args):
        found = read_identity(Places(config, DEFAULT_STATE))
    if found is not None:
        return Places(config, Path(found.state_dir))
    if config == DEFAULT_CONFIG:
        return Places(config, DEFAULT_STATE)
    told = tell("where shall its state lie?")
    raise CommandError(told, tell("give --state-dir DIR"), USAGE)


@contextmanager
def in_words(args: argparse.Namespace) -> Iterator[None]:
    with told_in_words(Path(args.config).parent):
        yield


def desk(places: "Places", told: Callable[[str], None]) -> "SettingUp":
    from drivers.clock import SystemClock
    from edge.provisioning.machine import Machine
    from edge.provisioning.setting_up import SettingUp

    return SettingUp(places, SystemClock(), Machine.here(), told)


def progress(text: str) -> None:
    note(f"  {localized(text)}")


def standing_of(places: "Places") -> "Result":
    from edge.provisioning.machine import Machine
    from edge.provisioning.standing import standing

    return standing(places, Machine.here())


def tell_result(args: argparse.Namespace, places: "Places", result: "Result") -> int:
    if args.json:
        say(json.dumps(asdict(result)))
    elif result.state == "provisioned":
        show(result)
        note(localized(tell("{unit} is a unit. Next: sudo patrol-edge doctor", unit=result.unit)))
    else:
        note(localized(tell("{unit} waits for its certificate. Take {path} to whoever signs it, "
                            "and come back with: patrol-edge provision certificate FILE --ca "
                            "ca.crt", unit=result.unit, path=str(places.request))))  # fmt: skip
    return DONE


def show(result: "Result") -> None:
    from drivers.clock import SystemClock
    from edge.provisioning.card import Card, as_text

    say(as_text(Card.of(result, SystemClock().utc())))
