"""Small drawings for the doctor's page, as SVG: a sky with its satellites, figures in a row."""

import math
from collections.abc import Sequence

from config.language import localized, tell
from edge.doctor.escaping import escaped
from edge.doctor.exhibit import Satellite

RADIUS = 100.0
STRONG_DBHZ, FAIR_DBHZ = 40.0, 30.0  # under open sky most are strong
ROW_WIDTH, ROW_HEIGHT = 220.0, 36.0
MOST_IN_A_ROW = 200


def sky(satellites: Sequence[Satellite]) -> str:
    """As seen from below: north up, the zenith in the middle, the horizon as the outer ring."""
    rings = "".join(f'<circle r="{RADIUS * part:.0f}" class="ring"/>' for part in (1, 2 / 3, 1 / 3))
    cross = f'<path d="M-{RADIUS:.0f} 0H{RADIUS:.0f}M0 -{RADIUS:.0f}V{RADIUS:.0f}" class="ring"/>'
    sides = "".join(
        f'<text x="{x:.0f}" y="{y:.0f}" class="side">{letter}</text>'
        for letter, x, y in (("N", 0, -106), ("E", 109, 4), ("S", 0, 115), ("W", -109, 4))
    )
    title = escaped(localized(tell("sky: {count} satellites", count=len(satellites))))
    dots = "".join(_satellite(one) for one in satellites)
    return (
        f'<svg class="sky" viewBox="-122 -122 244 244" role="img"><title>{title}</title>'
        f"{rings}{cross}{sides}{dots}</svg>"
    )


def _satellite(one: Satellite) -> str:
    away = RADIUS * (90.0 - max(0.0, min(90.0, one.elevation_deg))) / 90.0
    angle = math.radians(one.azimuth_deg)
    x, y = away * math.sin(angle), -away * math.cos(angle)
    used = " used" if one.used else ""
    level = "-" if one.cn0_dbhz is None else f"{one.cn0_dbhz:.0f} dBHz"
    return (
        f'<g transform="translate({x:.1f} {y:.1f})" class="{_strength(one.cn0_dbhz)}{used}">'
        f'<title>{escaped(one.name)} {level}</title><circle r="8"/>'
        f'<text y="3">{escaped(one.name)}</text></g>'
    )


def _strength(cn0_dbhz: float | None) -> str:
    if cn0_dbhz is None:
        return "unheard"
    if cn0_dbhz >= STRONG_DBHZ:
        return "strong"
    return "fair" if cn0_dbhz >= FAIR_DBHZ else "weak"


def row(series: Sequence[float], unit: str) -> str:
    """Figures in the order in which they came, with the smallest and the largest in words."""
    shown = [value for value in series[-MOST_IN_A_ROW:] if math.isfinite(value)]
    if len(shown) < 2:
        return ""
    low, high = min(shown), max(shown)
    span = high - low or 1.0
    step = ROW_WIDTH / (len(shown) - 1)
    points = " ".join(
        f"{n * step:.1f},{ROW_HEIGHT - 2 - (value - low) / span * (ROW_HEIGHT - 4):.1f}"
        for n, value in enumerate(shown)
    )
    told = f"{low:.3g} … {high:.3g} {escaped(unit)}"
    return (
        f'<span class="row"><svg viewBox="0 0 {ROW_WIDTH:.0f} {ROW_HEIGHT:.0f}" role="img">'
        f'<title>{told}</title><polyline points="{points}"/></svg><small>{told}</small></span>'
    )
