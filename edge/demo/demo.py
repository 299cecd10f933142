"""`make demo`: units at work on this machine, on real input, in well under a minute.

Each scene is one kind of unit: it runs whole, its messages go through a broker on loopback to the
reference hub, and what came of it is said. Exit code 0 only if all of it worked.
"""

import argparse
import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from config.models import LoggingConfig
from edge.cli.console import DONE, FAILED, CommandError, complain
from edge.demo.car import Car
from edge.demo.dog import Dog
from edge.demo.drone import Drone
from edge.demo.loopback_broker import BrokerError, LoopbackBroker, find_mosquitto
from edge.demo.scene import Scene, Stage
from edge.hub import ReferenceHub
from edge.running import log
from edge.running.supervisor import allow_stop_signals, block_stop_signals

SECONDS = 20.0
INTERRUPTED = 130  # what shells give for a program that ended on Ctrl-C
SCENES = ("car", "dog", "drone")


def main(argv: list[str] | None = None) -> int:
    """Returns 0 if all that the scenes show worked, else 1."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--seconds", type=duration_s, default=SECONDS, help="for the patrol car")
    parser.add_argument("--scene", action="append", choices=SCENES, help="only this; default: all")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="for the pictures")
    parser.add_argument("--broker", choices=("auto", "mosquitto", "amqtt"), default="auto")
    parser.add_argument("--svg", type=Path, help="keep the last picture of the terminal here")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it in the same way
    try:
        allow_stop_signals()  # other programs start now, and would inherit that they are blocked
        return run(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except CommandError as error:
        complain(error)
    except BrokerError as error:
        complain(CommandError(str(error), "install mosquitto: apt-get install mosquitto"))
    return FAILED


def run(args: argparse.Namespace) -> int:
    mosquitto = None if args.broker == "amqtt" else find_mosquitto()
    if args.broker == "mosquitto" and mosquitto is None:
        raise CommandError("mosquitto is not installed", "apt-get install mosquitto")
    console = Console(record=args.svg is not None, width=80 if args.svg else None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patrol-demo-")))
        broker = stack.enter_context(LoopbackBroker(folder, mosquitto))
        log.set_up(LoggingConfig(), stack.enter_context((folder / "unit.log").open("w")))
        block_stop_signals()  # from here on they are looked for
        hub = ReferenceHub(broker.url)
        hub.start()
        stack.callback(hub.stop)
        return play(chosen(args), Stage(folder, console, broker, hub))


def chosen(args: argparse.Namespace) -> list[Scene]:
    scenes: dict[str, Scene] = {
        "car": Car(args.seconds, args.out, args.svg),
        "dog": Dog(),
        "drone": Drone(),
    }
    return [scenes[name] for name in SCENES if args.scene is None or name in args.scene]


def play(scenes: Sequence[Scene], stage: Stage) -> int:
    """One after the other. What did not work is said at the end, too."""
    missing = []
    for scene in scenes:
        stage.console.print(scene.title, highlight=False)
        missing += scene.play(stage)
        if stage.interrupted:
            stage.console.print("stopped before its time")
            return INTERRUPTED
    for what in missing:
        stage.console.print(f"It did not work: {what}", style="bold red", highlight=False)
    return FAILED if missing else DONE


def duration_s(words: str) -> float:
    seconds = float(words)
    if not 2 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{words} is not between 2 and 3600")
    return seconds
