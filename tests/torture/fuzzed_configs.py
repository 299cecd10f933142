"""Configurations for a unit that runs: some good, many bad, in all the ways that come to mind."""

import random
from collections.abc import Callable
from pathlib import Path

# Each gives the text of a base. `port` is the receiver's; `home` a folder with nothing in it.
Maker = Callable[[random.Random, Path, Path], str]


def rates(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"position: {{patrol_every_s: 1, turn_deg: {dice.randint(5, 90)}}}\n"


def health(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"health: {{every_s: {dice.randint(1, 5)}}}\nlogging: {{level: debug}}\n"


def same_receiver(_dice: random.Random, port: Path, _home: Path) -> str:
    return f"gnss: {{main: {{port: {port}, baud: 9600}}}}\n"


def needs_a_start(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"sleep: {{after_s: {dice.randint(60, 9000)}}}\noutbox: {{max_mib: 64}}\n"


def nothing(_dice: random.Random, _port: Path, _home: Path) -> str:
    return "{}\n"


GOOD: tuple[Maker, ...] = (rates, health, same_receiver, needs_a_start, nothing)


def mute_receiver(dice: random.Random, _port: Path, home: Path) -> str:
    return f"gnss: {{main: {{port: {home}/tty{dice.randint(0, 99)}}}}}\n"


def deaf_camera(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"cameras: {{front: {{kind: v4l2, device: /dev/video{dice.randint(70, 90)}}}}}\n"


def no_stream(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"cameras: {{rear: {{kind: stream, url: 'rtsp://127.0.0.1:{dice.randint(1, 9)}/x'}}}}\n"


def another_hub(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"hub: {{url: 'mqtt://127.0.0.1:{dice.randint(1, 9)}'}}\n"


def another_root(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"hub: {{root: nobody/v{dice.randint(2, 9)}}}\n"


UNHEALTHY: tuple[Maker, ...] = (mute_receiver, deaf_camera, no_stream, another_hub, another_root)


def unknown_key(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"positon: {{patrol_every_s: {dice.randint(1, 9)}}}\n"


def wrong_value(dice: random.Random, _port: Path, _home: Path) -> str:
    section, key = dice.choice(
        [("position", "patrol_every_s"), ("health", "every_s"), ("outbox", "max_mib")]
    )
    value = dice.choice(["-1", "often", "[]", ".nan", "1e99", "~x", "{a: 1}"])
    return f"{section}: {{{key}: {value}}}\n"


def another_unit(_dice: random.Random, _port: Path, _home: Path) -> str:
    return "unit: {id: dog-08, kind: drone}\n"


def another_state(_dice: random.Random, _port: Path, home: Path) -> str:
    return f"state_dir: {home}\n"


def bytes_of_chance(dice: random.Random, _port: Path, _home: Path) -> str:
    return "".join(chr(dice.randint(1, 0x2FF)) for _ in range(dice.randint(1, 400)))


def damaged(dice: random.Random, port: Path, _home: Path) -> str:
    text = (
        f"position:\n  patrol_every_s: 1\ngnss:\n  main:\n    port: {port}\nhealth:\n  every_s: 2\n"
    )
    letters = list(text)
    for _ in range(dice.randint(1, 6)):
        letters[dice.randrange(len(letters))] = dice.choice(":{}[]\t\n &*!#%x-")
    return "".join(letters)


def alias(_dice: random.Random, _port: Path, _home: Path) -> str:
    return "a: &a [x, x]\nb: [*a, *a, *a]\n"


def deep(dice: random.Random, _port: Path, _home: Path) -> str:
    depth = dice.randint(30, 1000)
    return "position: " + "[" * depth + "]" * depth + "\n"


def wrong_kind(dice: random.Random, _port: Path, _home: Path) -> str:
    return f"cameras: {{front: {{kind: {dice.choice(['fish', '3', '~', '[]'])}}}}}\n"


def a_secret_elsewhere(_dice: random.Random, _port: Path, _home: Path) -> str:
    return "hub: {tls: {ca: /etc/shadow}}\n"


REFUSED: tuple[Maker, ...] = (
    unknown_key, wrong_value, another_unit, another_state, bytes_of_chance, damaged, alias, deep,
    wrong_kind, a_secret_elsewhere,
)  # fmt: skip
