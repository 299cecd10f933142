"""A unit's card: what was set, for the folder in the office and the sticker on the unit.

Nothing on it is secret. Its QR code holds the same as lines of `name: value`, so that a telephone
shows it and a machine reads it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape

import segno
from rich.cells import cell_len

from config.language import localized, tell
from edge.provisioning.standing import Result

KINDS: dict[str, str] = {
    "robot_dog": tell("robot dog"),
    "drone": tell("drone"),
    "patrol_car": tell("patrol car"),
}
# A card of ISO/IEC 7810 ID-1, in tenths of a millimetre.
WIDTH, HEIGHT = 856, 540
QR_SIDE = 330
INK, PAPER, QUIET, LINE = "#101820", "#ffffff", "#5b6770", "#d0d7dc"


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on it."""

    unit: str
    kind: str
    hub: str
    certificate: str  # the start of its SHA-256; of the key's while there is none
    until: str
    device_key: str
    contact: str
    day: str

    @classmethod
    def of(cls, result: Result, now: datetime) -> "Card":
        return cls(
            unit=result.unit,
            kind=KINDS.get(result.kind, result.kind),
            hub=_shown(result.hub),
            certificate=grouped(result.certificate_sha256 or result.key_sha256),
            until=result.until or "",
            device_key=grouped(result.device_key),
            contact=_shown(result.contact),
            day=f"{now:%Y-%m-%d}",
        )

    def rows(self) -> Iterator[tuple[str, str]]:
        """What is on it below the name."""
        yield tell("hub"), self.hub
        yield (tell("certificate") if self.until else tell("key")), self.certificate
        if self.until:
            yield tell("valid until"), self.until
        yield tell("device key"), self.device_key
        if self.contact:
            yield tell("contact"), self.contact
        yield tell("set up"), self.day

    def code(self) -> str:
        """What the QR code holds."""
        rows = [("patrol unit", self.unit), ("kind", self.kind), *self.rows()]
        return "\n".join(f"{name}: {value}" for name, value in rows)


def _shown(text: str) -> str:
    """What can stand on paper: no control characters, which no XML holds."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def grouped(digits: str) -> str:
    """The first 16 hexadecimal digits in fours, as they are compared over the radio."""
    return " ".join(digits[at : at + 4] for at in range(0, min(len(digits), 16), 4))


def as_text(card: Card) -> str:
    """For a terminal: the rows, and the QR code in half blocks."""
    code = segno.make(card.code(), error="m", micro=False)
    unit = tell("{unit}, {kind}", unit=card.unit, kind=card.kind)
    rows = [(tell("unit"), localized(unit)), *card.rows()]
    lines = [f"  {_filled(localized(name))} {value}" for name, value in rows]
    return "\n".join([*lines, "", *_blocks([list(row) for row in code.matrix_iter(border=2)])])


def _filled(name: str, cells: int = 12) -> str:
    """As wide as the others: a Chinese sign takes two cells."""
    return name + " " * (cells - cell_len(name))


def _blocks(rows: list[list[int]]) -> Iterator[str]:
    """Two rows of modules in a line of text. The light ones are drawn: terminals are dark."""
    if len(rows) % 2:
        rows = [*rows, [0] * len(rows[0])]
    signs = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        yield "  " + "".join(
            signs[int(bool(up)), int(bool(down))] for up, down in zip(upper, lower, strict=True)
        )


def as_svg(card: Card) -> str:
    """The card, 85.6 by 54 mm."""
    left = 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="85.6mm" height="54mm" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif" '
        f'fill="{INK}">',
        f"<title>{escape(card.unit)}</title>",
        f'<rect x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="32" fill="{PAPER}" '
        f'stroke="{LINE}" stroke-width="2"/>',
        f'<path d="M1 33a32 32 0 0 1 32-32h{WIDTH - 66}a32 32 0 0 1 32 32v85H1z" fill="{INK}"/>',
        _text(left, 78, card.unit, 56, f'fill="{PAPER}" font-weight="bold"', room=520),
        _text(WIDTH - 40, 76, card.kind, 34, f'fill="{PAPER}" text-anchor="end"', room=240),
        *_svg_rows(card, left),
        _svg_code(card, WIDTH - QR_SIDE - 30, 160),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _svg_rows(card: Card, left: int) -> Iterator[str]:
    rows = list(card.rows())
    step = min(66, 390 // len(rows))
    for number, (name, value) in enumerate(rows):
        y = 158 + number * step
        yield _text(left, y, name.upper(), 17, f'fill="{QUIET}" letter-spacing="1.5"')
        shown = value if len(value) <= 80 else value[:79] + "…"
        yield _text(left, y + 28, shown, 26, room=WIDTH - QR_SIDE - 30 - left - 30)


def _text(x: int, y: int, text: str, size: int, look: str = "", room: int | None = None) -> str:
    """One line; a long one is set narrower, to what there is room for."""
    wide = room is not None and len(text) * size * 0.58 > room
    fit = f' textLength="{room}" lengthAdjust="spacingAndGlyphs"' if wide else ""
    return f'<text x="{x}" y="{y}" font-size="{size}" {look}{fit}>{escape(text)}</text>'


def _svg_code(card: Card, x: int, y: int) -> str:
    """One square path of the dark modules, with the quiet zone of the standard."""
    code = segno.make(card.code(), error="m", micro=False)
    rows = [list(row) for row in code.matrix_iter(border=4)]
    dark = "".join(
        f"M{column} {line}h1v1h-1z"
        for line, row in enumerate(rows)
        for column, module in enumerate(row)
        if module
    )
    scale = QR_SIDE / len(rows)
    return (
        f'<g transform="translate({x} {y}) scale({scale:.4f})" shape-rendering="crispEdges">'
        f'<path d="{dark}"/></g>'
    )


def as_html(card: Card) -> str:
    """A page to print: the card in its size, and what to do with it."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(card.unit)}</title>
<style>
@page {{ size: A4; margin: 20mm; }}
body {{ font: 11pt Helvetica, Arial, sans-serif; color: {INK}; margin: 20mm; }}
svg {{ display: block; margin-bottom: 8mm; }}
p {{ max-width: 150mm; line-height: 1.5; }}
</style></head><body>
{as_svg(card)}
<p>Cut it out, and keep it with the unit's papers. Nothing on it is secret: the numbers say which
keys are the unit's, they open nothing. Compare them when the unit is handed over.</p>
</body></html>
"""
