"""What the commands for the crew share: they ask the unit that runs on this computer."""

import argparse
from pathlib import Path
from typing import Any

from config.language import said
from edge.cli.console import FAILED, USAGE, CommandError
from edge.cli.run import DEFAULT_CONFIG


def add_unit_options(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """`again`: for the command below one that has them, whose values stand unless given here."""
    nothing = argparse.SUPPRESS
    config, folder, as_json = (nothing,) * 3 if again else (DEFAULT_CONFIG, None, False)
    _add_files(parser, config, folder)
    parser.add_argument(
        "--json", action="store_true", default=as_json, help="the answer as one JSON object"
    )


def add_unit_files(parser: argparse.ArgumentParser) -> None:
    """Where the unit's file and its state are, for commands that read them themselves."""
    _add_files(parser, DEFAULT_CONFIG, None)


def _add_files(parser: argparse.ArgumentParser, config: object, folder: object) -> None:
    parser.add_argument(
        "--config", type=Path, default=config, help=f"the unit file ({DEFAULT_CONFIG})"
    )
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        default=folder,
        help="instead of the unit file's state_dir",
    )


def ask_unit(
    args: argparse.Namespace, name: str, wanted: dict[str, Any] | None = None, cure: str = ""
) -> dict[str, Any]:
    """What the running unit answers. Raises CommandError; `cure` is for a refusal."""
    from edge.local.asking import NoUnitError, ask
    from telemetry.commands.handling import OrderFailedError, OrderRefusedError

    try:
        return ask(state_folder(args), name, wanted)
    except NoUnitError as error:
        raise CommandError(said(error), error.cure) from error
    except OrderRefusedError as error:
        wrong = error.code == "invalid_arguments"
        raise CommandError(said(error), cure, USAGE if wrong else FAILED) from error
    except OrderFailedError as error:
        raise CommandError(said(error), cure) from error


def state_folder(args: argparse.Namespace) -> Path:
    """Where the unit keeps its state. Raises ConfigError."""
    if args.state_dir is not None:
        return Path(args.state_dir)
    from config.loading import load

    return load(args.config).settings.state_dir


def seconds(value: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def metres(value: float) -> str:
    return f"{value:.0f} m" if value < 1000 else f"{value / 1000:.1f} km"
