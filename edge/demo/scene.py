"""What the scenes of the demo have in common: a broker, a hub, a folder, and a unit among them."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import as_file
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from config.loading import Loaded, load
from drivers.clock import SystemClock
from edge.cli.console import CommandError
from edge.demo.loopback_broker import LoopbackBroker
from edge.hub import ReferenceHub, hub_options
from edge.running.anew import interpreter
from edge.running.supervisor import allow_stop_signals, block_stop_signals, wait_for_stop_signal
from telemetry.commands.jws import PrivateKey
from telemetry.commands.keyring import KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry
from telemetry.contract.replies import Reply
from telemetry.hub.asking import Question
from telemetry.hub.ledger import UnitView
from telemetry.hub.orders import Signer, claims_of, payload_of
from telemetry.link.paho_transport import PahoTransport

START_S = 10.0
ANSWER_S = 5.0
LOOK_EVERY_S = 0.01
ROOT = "patrol/v1"


class Scene(Protocol):
    """One unit at work for a while."""

    @property
    def title(self) -> str:
        """What is shown, in a line."""

    def play(self, stage: "Stage") -> list[str]:
        """Show it, say what came of it; returns what did not work, in words."""


@dataclass(frozen=True, slots=True)
class Answer:
    reply: Reply | None  # None: none came in time
    sent_s: float  # monotonic


@dataclass(slots=True)
class Stage:
    """Where scenes are played."""

    folder: Path
    console: Console
    broker: LoopbackBroker
    hub: ReferenceHub
    interrupted: bool = False
    key: PrivateKey = field(default_factory=PrivateKey.new)

    def load(self, profile: str, **environment: str) -> Loaded:
        """A unit file of the demo, with what differs from machine to machine laid over it."""
        own = self.folder / profile
        own.mkdir(exist_ok=True)
        everywhere = {
            "PATROL_EDGE__HUB__URL": self.broker.url,
            "PATROL_EDGE__STATE_DIR": str(own / "state"),
        }
        with as_file(package_files("config.profiles") / f"{profile}.yaml") as path:
            return load(path, os.environ | everywhere | environment)

    def obeyed_by(self, loaded: Loaded) -> None:
        """Let this unit obey the hub of the demo."""
        state = loaded.settings.state_dir
        state.mkdir(parents=True, exist_ok=True)
        public = self.key.public
        entry = KeyEntry(
            kid=public.kid, public=public.text, issuer="demo hub", roles=("commander", "operator")
        )
        write_keyring(state / "keyring.json", KeyringFile(keys=(entry,)))

    def unit(self, unit: str) -> UnitView | None:
        """As the hub knows it."""
        return next((one for one in self.hub.snapshot().units if one.unit == unit), None)

    def until(self, there: Callable[[], bool], within_s: float) -> bool:
        """Whether it was so within the time; False, too, if somebody ended the demo."""
        ends_s = time.monotonic() + within_s
        while not there():
            if self.interrupted or time.monotonic() >= ends_s:
                return False
            self.interrupted = wait_for_stop_signal(LOOK_EVERY_S)
        return True

    def order(self, unit: str, name: str, args: dict[str, Any]) -> Answer:
        """Sign it, send it, wait for the final answer. Raises ErrandError."""
        clock = SystemClock()
        claims = claims_of(name, args, unit, "demo hub", clock.utc())
        link = hub_options(self.broker.url, clock)
        question = Question(PahoTransport(), link, ROOT, clock, claims, lambda _reply: None)
        signer = Signer(self.key, self.key.public.kid)
        question.connect()
        sent_s = time.monotonic()
        return Answer(question.ask(payload_of(claims, signer), 30, ANSWER_S), sent_s)


@contextmanager
def simulated(words: Sequence[str], link: Path) -> Iterator[Path]:
    """`patrol-edge simulate WORDS --link LINK`, until the context ends; yields the link."""
    program = [*interpreter(), "-m", "edge.cli.main", "simulate", *words, "--link", str(link)]
    allow_stop_signals()  # it would inherit that they are blocked
    with subprocess.Popen(  # noqa: S603 - our own program
        program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C ends the demo, and the demo ends its devices
    ) as process:
        block_stop_signals()  # from here on they are looked for
        try:
            _wait_for(link, process)
            yield link
        finally:
            process.terminate()


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            said = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise CommandError(f"a simulated device did not start: {said.strip()}")
        time.sleep(0.05)
