"""What can be done to a simulated board while it runs: one line of text each."""

from collections.abc import Sequence
from dataclasses import replace

from drivers.simulated.verbs import Verb, WrongOrderError, obey
from firmware_bridge.simulated.bench import Bench

FOR_EVER_S = 1e9


class Controls:
    """Understands orders to one board. Other planes may `learn` verbs of their own."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.verbs: dict[str, Verb] = {}
        self.learn(
            {
                "hang": Verb("hang [S]", "neither listen nor speak", self._hang),
                "reset": Verb("reset", "start again, as after a watchdog", self._reset),
                "power": Verb("power off|on", "in the middle of whatever it is at", self._power),
                "unplug": Verb("unplug [BYTES]", "now, or after so many more bytes", self._unplug),
                "plug": Verb("plug", "put the plug back in", self._plug),
                "flip": Verb("flip SHARE", "of bytes, both ways, get a wrong bit", self._flip),
                "drop": Verb("drop SHARE", "of bytes, both ways, never arrive", self._drop),
            }
        )

    def learn(self, verbs: dict[str, Verb]) -> None:
        self.verbs |= verbs

    def obey(self, text: str, now_s: float) -> str:
        """Do it. Returns `ok`, `ok` and what was asked for, or `error` and what is wrong."""
        return obey(self.verbs, text, now_s)

    def _hang(self, words: Sequence[str], now_s: float) -> None:
        self._bench.board.hang(now_s + (float(words[0]) if words else FOR_EVER_S))

    def _reset(self, _words: Sequence[str], now_s: float) -> None:
        self._bench.board.reset(now_s)

    def _power(self, words: Sequence[str], now_s: float) -> None:
        self._bench.power(now_s, on={"on": True, "off": False}[words[0]])

    def _unplug(self, words: Sequence[str], _now_s: float) -> None:
        after = int(words[0]) if words else 0
        if after < 0:
            raise WrongOrderError(f"{after} bytes have gone already")
        self._bench.plug.pull(after)

    def _plug(self, _words: Sequence[str], _now_s: float) -> None:
        self._bench.plug.put_back()

    def _flip(self, words: Sequence[str], _now_s: float) -> None:
        self._bench.set_noise(replace(self._bench.to_host.noise, flipped=_share(words[0])))

    def _drop(self, words: Sequence[str], _now_s: float) -> None:
        self._bench.set_noise(replace(self._bench.to_host.noise, dropped=_share(words[0])))


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise WrongOrderError(f"{text} is not within 0..1")
    return share
