"""What can be done to a simulated board while it runs: one line of text each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from firmware_bridge.simulated.bench import Bench

FOR_EVER_S = 1e9


class WrongOrderError(ValueError):
    """Not understood; the text says what is."""


@dataclass(frozen=True, slots=True)
class Verb:
    usage: str
    does: str
    act: Callable[[Sequence[str], float], str | None]
    """Gets the words behind it and the time; returns what to answer besides ok."""


class Controls:
    """Understands orders to one board. Other planes may `learn` verbs of their own."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.verbs: dict[str, Verb] = {}
        self.learn(
            {
                "help": Verb("help", "this list", self._help),
                "hang": Verb("hang [S]", "neither listen nor speak", self._hang),
                "reset": Verb("reset", "start again, as after a watchdog", self._reset),
                "power": Verb("power off|on", "in the middle of whatever it is at", self._power),
                "flip": Verb("flip SHARE", "of bytes, both ways, get a wrong bit", self._flip),
                "drop": Verb("drop SHARE", "of bytes, both ways, never arrive", self._drop),
            }
        )

    def learn(self, verbs: dict[str, Verb]) -> None:
        self.verbs |= verbs

    def obey(self, text: str, now_s: float) -> str:
        """Do it. Returns `ok`, `ok` and what was asked for, or `error` and what is wrong."""
        name, *words = text.split() or [""]
        verb = self.verbs.get(name)
        if verb is None:
            return f"error there is no {name!r}; there is: {', '.join(self.verbs)}"
        try:
            told = verb.act(words, now_s)
        except (ValueError, IndexError, KeyError) as error:
            why = f"{error}; " if isinstance(error, WrongOrderError) else ""
            return f"error {why}write: {verb.usage}"
        return "ok" if told is None else f"ok {told}"

    def _help(self, _words: Sequence[str], _now_s: float) -> str:
        return "; ".join(f"{verb.usage}: {verb.does}" for verb in self.verbs.values())

    def _hang(self, words: Sequence[str], now_s: float) -> None:
        self._bench.board.hang(now_s + (float(words[0]) if words else FOR_EVER_S))

    def _reset(self, _words: Sequence[str], now_s: float) -> None:
        self._bench.board.reset(now_s)

    def _power(self, words: Sequence[str], now_s: float) -> None:
        self._bench.power(now_s, on={"on": True, "off": False}[words[0]])

    def _flip(self, words: Sequence[str], _now_s: float) -> None:
        self._bench.set_noise(replace(self._bench.to_host.noise, flipped=_share(words[0])))

    def _drop(self, words: Sequence[str], _now_s: float) -> None:
        self._bench.set_noise(replace(self._bench.to_host.noise, dropped=_share(words[0])))


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise WrongOrderError(f"{text} is not within 0..1")
    return share
