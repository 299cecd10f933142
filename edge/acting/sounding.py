"""Carries out what makes the loudspeakers sound: a text, a clip, what somebody has just spoken."""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from drivers.actuators.actuator import Sound
from edge.acting.announcer import Announcer, Make, Script, Voice
from edge.acting.claims import Sounding
from edge.acting.clips import ClipError, Clips, duration_s, read_clip
from edge.acting.desk import Desk
from edge.acting.pieces import pieces, shortest_s
from edge.acting.switching import Answer, Switching
from edge.acting.wishes import Asker, Order, of_kind
from edge.commands.fetching import FetchError, fetch
from telemetry.commands import handling
from telemetry.commands.handling import Handler, OrderFailedError, OrderRefusedError, Progress
from telemetry.contract.acting import Play, Speak, Talk
from telemetry.contract.wire_types import short

SOUNDS_WITHIN_S = 0.25  # then the answer says that it is still being prepared
MOST_TALK_BYTES = 2 * 1024 * 1024
TALK_WITHIN_S = 60.0


class Sounds:
    """Any thread."""

    def __init__(
        self, desk: Desk, announcer: Announcer, voice: Voice, clips: Clips, folder: Path
    ) -> None:
        """`folder`: where what is fetched lies until it was played."""
        self.clips = clips
        self.voice = voice
        self._desk = desk
        self._announcer = announcer
        self._switching = Switching(desk)
        self._folder = folder
        self._longest_s = min(
            (each.config.max_on_s for each in of_kind(desk.outlets, "speaker")), default=0.0
        )

    # --- whether it can be ---

    def unable(self) -> frozenset[str]:
        """Without a voice it speaks nothing, without clips it plays nothing."""
        lacking = {"speak"} if self.voice.missing() is not None else set[str]()
        return frozenset(lacking if self.clips.paths else lacking | {"play"})

    def check_speak(self, args: Speak, asker: Asker) -> None:
        """Raises OrderRefusedError, as all of these do."""
        missing = self.voice.missing()
        if missing is not None:
            raise OrderRefusedError("unsupported", missing)
        lacking = self.voice.lacks(args.language)
        if lacking is not None:
            raise OrderRefusedError("invalid_arguments", lacking)
        self._check_length(shortest_s(args.text) * args.repeat, "at least ")
        self._switching.check(self._wishes(_named(args.text), args.volume, asker))

    def check_play(self, args: Play, asker: Asker) -> None:
        if not self.clips.paths:
            raise OrderRefusedError("unsupported", "this unit has no clips (acting.clips_dir)")
        self._check_length(duration_s(self._clip(args.clip)) * args.repeat, "")
        self._switching.check(self._wishes(args.clip, args.volume, asker, speech=False))

    def check_talk(self, args: Talk, asker: Asker) -> None:
        if args.size_bytes > MOST_TALK_BYTES:
            raise OrderRefusedError("too_large", "what is played at once has at most 2 MiB")
        self._switching.check(self._wishes("talk", args.volume, asker))

    def _check_length(self, lasts_s: float, more: str) -> None:
        if lasts_s > self._longest_s:
            raise OrderRefusedError(
                "limit",
                f"it takes {more}{lasts_s:.0f} s, and the loudspeaker sounds for "
                f"{self._longest_s:.0f} s at most: make it shorter, or repeat it less",
            )

    def _clip(self, name: str) -> Sound:
        try:
            return self.clips.sound(name)
        except ClipError as error:
            raise OrderRefusedError("invalid_arguments", str(error)) from error

    # --- doing it ---

    def speak(self, args: Speak, asker: Asker) -> Answer:
        """Raises OrderRefusedError or OrderFailedError, as all of these do."""
        self.check_speak(args, asker)
        parts: list[Make] = [
            partial(self._say, piece, args.language) for piece in pieces(args.text)
        ]
        wishes = self._wishes(_named(args.text), args.volume, asker)
        return self._begin(wishes, parts, args.repeat)

    def play(self, args: Play, asker: Asker) -> Answer:
        self.check_play(args, asker)
        sound = self._clip(args.clip)
        wishes = self._wishes(args.clip, args.volume, asker, speech=False)
        return self._begin(wishes, [lambda _cancelled: sound], args.repeat)

    def talk(self, args: Talk, asker: Asker, progress: Progress) -> Answer:
        """Fetch it, play it, forget it."""
        self.check_talk(args, asker)
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="talk-", dir=self._folder) as folder:
            sound = _fetched(args, Path(folder), progress)
        self._check_length(duration_s(sound), "")
        wishes = self._wishes("talk", args.volume, asker)
        return self._begin(wishes, [lambda _cancelled: sound], 1)

    def _say(self, piece: str, language: str, cancelled: Callable[[], bool]) -> Sound:
        return self.voice.say(piece, language, cancelled)

    def _wishes(self, name: str, volume: float, asker: Asker, *, speech: bool = True) -> Order:
        wanted = Sounding(name=short(name), volume=volume, speech=speech)
        speakers = of_kind(self._desk.outlets, "speaker")
        return Order(tuple(asker.wish(each, wanted) for each in speakers))

    def _begin(self, order: Order, parts: Sequence[Make], repeat: int) -> Answer:
        outcomes = self._desk.act(order.wishes)
        claims = [each.claim for each in outcomes if each.claim is not None]
        refused = {each.wish.fitting: each.refusal for each in outcomes if each.refusal is not None}
        if not claims:
            first = next(iter(refused.values()))
            raise OrderRefusedError(first.code, first.text)
        script = Script(claims, parts, repeat)
        self._announcer.begin(script)
        script.settled.wait(SOUNDS_WITHIN_S)
        if script.error:
            raise OrderFailedError("speech", script.error)
        told: list[dict[str, Any]] = [
            {"name": claim.fitting, "on": True, "confirmed": script.sounding} for claim in claims
        ]
        told += [{"name": name, "on": False, "text": why.text} for name, why in refused.items()]
        return {"actuators": told, "pieces": len(parts) * repeat}


def _fetched(args: Talk, folder: Path, progress: Progress) -> Sound:
    def note(came: int) -> None:
        progress(100 * came // args.size_bytes, "fetching")

    try:
        path = fetch(
            args.url,
            folder / "talk.wav",
            sha256=args.sha256,
            size_bytes=args.size_bytes,
            within_s=TALK_WITHIN_S,
            progress=note,
        )
        return read_clip(path, "talk")
    except FetchError as error:
        raise OrderFailedError("fetch_failed", str(error)) from error
    except ClipError as error:
        raise OrderFailedError("malformed", str(error)) from error


def _named(text: str) -> str:
    """What the state says of it: its beginning."""
    return text if len(text) <= 40 else f"{text[:39]}…"


class SoundOrder:
    """`speak`, `play` or `talk`."""

    def __init__(
        self,
        check: Callable[[Any, Asker], None],
        do: Callable[[Any, Asker, Progress], Answer],
        *,
        long_running: bool = False,
    ) -> None:
        self.long_running = long_running
        self._check = check
        self._do = do

    def check(self, order: handling.Order) -> None:
        self._check(order.args, Asker(order.issuer, order.origin))

    def carry_out(self, order: handling.Order, progress: Progress) -> handling.Result:
        return self._do(order.args, Asker(order.issuer, order.origin), progress)


def sound_handlers(sounds: Sounds) -> dict[str, Handler]:
    """By the names of the contract."""
    return {
        "speak": SoundOrder(sounds.check_speak, lambda args, who, _: sounds.speak(args, who)),
        "play": SoundOrder(sounds.check_play, lambda args, who, _: sounds.play(args, who)),
        "talk": SoundOrder(sounds.check_talk, sounds.talk, long_running=True),
    }
