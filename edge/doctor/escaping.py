"""Words of others on a page or a terminal: a device may call itself anything."""

import html

LONGEST = 2000


def cleaned(told: str) -> str:
    """Without what moves a cursor, turns the reading direction or cannot be seen."""
    return "".join(char if char.isprintable() else "?" for char in str(told)[:LONGEST])


def escaped(told: str) -> str:
    """For HTML, between tags and in attributes."""
    return html.escape(cleaned(told), quote=True)
