"""Rendered places in which something is put down, or only seems to be: by seed, each with another
ground, bag, light and way. Two pictures a second of 384 x 216."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from tests.camera_tampers import Picture
from tests.rules.left_trials import UNATTENDED_S, Box, Stamped, Trial, coded

SIZE = WIDTH, HEIGHT = 384, 216
BEGIN_S, PUT_S, LEAVE_S, END_S = 11.0, 17.0, 20.0, 44.0
WALK_PX = 26.0  # a second
Way = Callable[[float], float | None]  # x of a person's middle; None: not there
People = dict[int, tuple[Way, float]]  # by number: the way, and where the feet are, y
Change = Callable[[Picture, float, np.random.Generator], Picture]


@dataclass(frozen=True, slots=True)
class Place:
    """What a seed draws."""

    ground: Picture
    bag: Picture
    x: int
    foot: int
    person: tuple[int, int]  # px, width and height
    sigma: float  # of the sensor's noise


def place(seed: int, contrast: float = 40.0, share: float = 0.3) -> Place:
    """`contrast`: of the bag against its ground, grey levels at least; `share`: its height over a
    person's."""
    random = np.random.default_rng(seed)
    coarse = random.integers(70, 170, (12, 20, 1)) + random.integers(-12, 12, (12, 20, 3))
    fine = random.normal(0, random.uniform(2, 12), (HEIGHT, WIDTH, 1))
    ground = cv2.resize(coarse.astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC) + fine
    for x in range(10, WIDTH, 60):  # windows and posts
        cv2.rectangle(ground, (x, 20), (x + 24, 60), (40.0, 45.0, 50.0), -1)
    high = int(random.integers(50, 75))
    person = round(high * 0.35), high
    x, foot = int(random.integers(120, 264)), int(random.integers(120, 200))
    size = max(round(high * share), 8), max(round(high * share * 0.9), 8)
    left, top = x - size[0] // 2, foot - size[1]
    under = ground[top:foot, left : left + size[0]].mean(axis=(0, 1))
    down = random.random() < 0.6 and under.min() > contrast + 20
    colour = under + (-1 if down else 1) * random.uniform(contrast + 5, contrast + 60, 3)
    bag = np.clip(colour + random.normal(0, 8, (size[1], size[0], 1)), 0, 255)
    bag[: size[1] // 4] *= 0.85
    return Place(_bytes(ground), _bytes(bag), x, foot, person, float(random.uniform(1, 4)))


def _bytes(picture: np.ndarray) -> Picture:  # type: ignore[type-arg]
    return np.clip(picture, 0, 255).astype(np.uint8)


def comes_and_goes(at: Place) -> Way:
    """Comes from the left, stands beside the place, goes on to the right."""

    def way(t: float) -> float | None:
        stand = at.x - 0.7 * at.person[0]
        x = stand + WALK_PX * (min(t - PUT_S + 1, 0.0) + max(t - LEAVE_S, 0.0))
        return x if t >= BEGIN_S and x < WIDTH + 40 else None

    return way


def stays(at: Place) -> Way:
    way = comes_and_goes(at)
    return lambda t: way(min(t, LEAVE_S))


def passes_by(t0_s: float, speed: float = 40.0) -> Way:
    return lambda t: speed * (t - t0_s) if 0 <= speed * (t - t0_s) <= WIDTH else None


def film(
    at: Place,
    people: People,
    seed: int,
    *,
    bag_s: tuple[float, float] | None = (PUT_S, 999.0),
    change: Change | None = None,
    missed: float = 0.05,
    draw: Callable[[Picture, float], None] | None = None,
    others: Callable[[float], dict[int, tuple[str, Box]]] | None = None,
) -> list[Stamped]:
    """`missed`: share of the looks at which a person is not detected. `draw`: into the ground."""
    random = np.random.default_rng(1000 + seed)
    clip = []
    for t in np.arange(0.0, END_S, 0.5).tolist():
        image, seen = at.ground.copy(), {}
        if draw:
            draw(image, t)
        if bag_s and bag_s[0] <= t < bag_s[1]:
            high, wide = at.bag.shape[:2]
            left = at.x - wide // 2
            image[at.foot - high : at.foot, left : left + wide] = at.bag
        for number, (way, foot) in people.items():
            x = way(t)
            if x is None:
                continue
            box = _person(image, x, foot, at.person, t, number)
            if random.random() >= missed:
                seen[number] = ("person", box)
        grain = random.normal(0, at.sigma, (HEIGHT, WIDTH, 1)).astype(np.float32)
        image = _bytes(image + grain)
        clip.append((t, change(image, t, random) if change else image,
                     seen | (others(t) if others else {})))  # fmt: skip
    return clip


def _person(
    image: Picture, x: float, foot: float, size: tuple[int, int], t: float, number: int
) -> Box:
    """Head, coat and legs that swing; the box as a detector gives it."""
    wide, high = size
    left, top, swing = round(x - wide / 2), round(foot - high), round(wide / 5 * np.sin(4 * t))
    coat = ((60, 50, 140), (140, 90, 50), (50, 110, 60), (40, 40, 45))[number % 4]
    cv2.circle(image, (round(x), top + high // 9), high // 9, (120, 150, 190), -1)
    cv2.rectangle(image, (left, top + high // 5), (left + wide, top + high * 3 // 5), coat, -1)
    for side in (-1, 1):
        foot_x = round(x + side * (wide / 4 + swing))
        cv2.line(image, (round(x), top + high * 3 // 5), (foot_x, round(foot)), (50, 45, 40), 4)
    return (left / WIDTH, top / HEIGHT, (left + wide) / WIDTH, foot / HEIGHT)


def positives(seed: int) -> Iterator[Trial]:
    at = place(seed)
    one: People = {1: (comes_and_goes(at), at.foot - 2.0)}
    crowd: People = one | {n: (passes_by(14.0 + 4 * n), at.foot + 4.0 * n) for n in range(2, 7)}
    short = {1: (_hurried(at), at.foot - 2.0)}
    yield _told("put down and left", at, film(at, one, seed))
    yield _told("people pass before it", at, film(at, crowd, seed))
    yield _told("put down in walking", at, film(at, short, seed), leaves_s=PUT_S)
    yield _told("coded hard", at, film(at, one, seed, change=lambda i, _, __: coded(i, 35)))
    yield _told("under clouds", at, film(at, one, seed, change=_clouds))
    yield _told("in grain", at, film(at, one, seed, change=_grainy))
    yield _told("half of the detections missed", at, film(at, crowd, seed, missed=0.3))
    small = place(seed, contrast=32.0, share=0.2)
    yield _told("small and pale", small,
                film(small, {1: (comes_and_goes(small), small.foot - 2.0)}, seed))  # fmt: skip


def _told(title: str, at: Place, clip: list[Stamped], leaves_s: float = LEAVE_S) -> Trial:
    high, wide = at.bag.shape[:2]
    left = at.x - wide // 2
    thing = (left / WIDTH, (at.foot - high) / HEIGHT, (left + wide) / WIDTH, at.foot / HEIGHT)
    gone_s = leaves_s + 2.0 * at.person[1] / 1.7 / WALK_PX
    return Trial(title=title, clip=clip, thing=thing, early_s=leaves_s + UNATTENDED_S,
                 due_s=gone_s + UNATTENDED_S)  # fmt: skip


def _hurried(at: Place) -> Way:
    return lambda t: x if 0 <= (x := at.x + WALK_PX * (t - PUT_S)) <= WIDTH else None


def _clouds(image: Picture, t: float, _: np.random.Generator) -> Picture:
    """The sun comes and goes within two seconds."""
    return _bytes(image * (0.85 + 0.15 * np.tanh(3 * np.sin(t * 2 * np.pi / 15))))


def _grainy(image: Picture, _: float, random: np.random.Generator) -> Picture:
    return _bytes(image + random.normal(0, 6, image.shape))


def negatives(seed: int) -> Iterator[Trial]:
    at = place(seed)
    random = np.random.default_rng(seed)
    leaver: People = {1: (comes_and_goes(at), at.foot - 2.0)}
    keeper: People = {1: (stays(at), at.foot - 2.0)}
    for title, clip in {
        "who brought it stays": film(at, keeper, seed),
        "somebody stands, often not detected": film(at, keeper, seed, bag_s=None, missed=0.4),
        "nobody left anything": film(at, leaver, seed, bag_s=None),
        "it is taken up again": film(at, leaver, seed, bag_s=(PUT_S, LEAVE_S + 4.0)),
        "it is taken away": film(at, leaver, seed, bag_s=(0.0, PUT_S)),
        "it was there": film(at, leaver, seed, bag_s=(0.0, 999.0)),
        "nobody brought it": film(at, {}, seed, bag_s=(PUT_S, 999.0)),
        "clouds": film(at, leaver, seed, bag_s=None, change=_clouds),
        "grain": film(at, leaver, seed, bag_s=None, change=_grainy),
        "coded hard": film(at, leaver, seed, bag_s=None, change=lambda i, _, __: coded(i, 25)),
        "a lamp goes on": film(at, leaver, seed, bag_s=None, change=_lamp(at)),
        "a shadow that stays": film(at, leaver, seed, bag_s=None, draw=_shadow(at)),
        "a door is opened": film(at, leaver, seed, bag_s=None, draw=_door(at)),
        "a car leaves": _car(at, leaver, seed, leaves=True),
        "a car comes": _car(at, leaver, seed, leaves=False),
        "a bush in the wind": film(at, leaver, seed, bag_s=None, draw=_bush(at, random)),
    }.items():
        yield Trial(title=title, clip=clip)


def _lamp(at: Place) -> Change:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    glow = np.exp(-((x - at.x) ** 2 + (y - at.foot) ** 2) / 60.0**2)[..., None]
    return lambda image, t, _: _bytes(image * (1 + 0.8 * glow)) if t >= PUT_S else image


def _shadow(at: Place) -> Callable[[Picture, float], None]:
    """As of a pole: hard on one side, soft on the other."""
    shade = np.ones((HEIGHT, WIDTH, 1), np.float32)
    cv2.rectangle(shade, (at.x - 14, at.foot - 10), (at.x + 14, at.foot), 0.6, -1)
    shade = cv2.GaussianBlur(shade, (0, 0), 1.5)[..., None]

    def draw(image: Picture, t: float) -> None:
        if t >= PUT_S:
            image[:] = _bytes(image * shade)

    return draw


def _door(at: Place) -> Callable[[Picture, float], None]:
    """A door with a frame in the wall, opened by who goes by: dark is what lies behind it."""

    def draw(image: Picture, t: float) -> None:
        left, top = at.x - 8, at.foot - at.person[1]
        inside = (60, 62, 66) if t >= PUT_S else (120, 110, 100)
        cv2.rectangle(image, (left, top), (left + 22, at.foot), inside, -1)
        cv2.rectangle(image, (left - 2, top - 2), (left + 24, at.foot), (215, 215, 210), 3)

    return draw


def _car(at: Place, people: People, seed: int, *, leaves: bool) -> list[Stamped]:
    """It stands at a kerb behind the place, and leaves; or comes, and stays."""

    def x(t: float) -> float:
        return at.x + (120 * max(t - LEAVE_S, 0) if leaves else -120 * max(LEAVE_S - t, 0))

    def draw(image: Picture, t: float) -> None:
        left = round(x(t)) - 40
        cv2.rectangle(image, (left, at.foot - 40), (left + 80, at.foot - 8), (150, 60, 40), -1)
        for wheel in (left + 15, left + 65):
            cv2.circle(image, (wheel, at.foot - 8), 7, (20, 20, 20), -1)

    def others(t: float) -> dict[int, tuple[str, Box]]:
        left, right = (x(t) - 40) / WIDTH, (x(t) + 40) / WIDTH
        if right < 0 or left > 1:
            return {}
        return {90: ("car", (left, (at.foot - 40) / HEIGHT, right, (at.foot - 1) / HEIGHT))}

    return film(at, people, seed, bag_s=None, draw=draw, others=others)


def _bush(at: Place, random: np.random.Generator) -> Callable[[Picture, float], None]:
    leaves = random.integers(30, 130, (34, 34, 3), np.uint8)

    def draw(image: Picture, t: float) -> None:
        left = round(at.x - 10 + 4 * np.sin(2.3 * t))
        image[at.foot - 34 : at.foot, left : left + 34] = leaves

    return draw
