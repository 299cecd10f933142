"""A picture of what a command prints on a terminal, for the guides.

python -m tests.terminal_picture --title "…" docs/pictures/doctor.svg -- patrol-edge doctor ...
"""

import argparse
import fcntl
import html
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

WIDTH = 100


def printed(command: list[str], width: int = WIDTH) -> str:
    """What it prints on a terminal of this width, with its colours; progress that was overwritten
    is left out."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, os.environ | {"TERM": "xterm-256color"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    data = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # its end, on Linux
            break
        if not piece:
            break
        data += piece
    os.waitpid(pid, 0)
    os.close(terminal)
    return _at_rest(data.decode("utf-8", "replace"))


def _at_rest(text: str) -> str:
    """Without what was drawn over: a line that was erased or returned to its start."""
    text = text.replace("\r\n", "\n")
    text = re.sub(r"\x1b\[\?25[hl]", "", text)
    lines: list[str] = []
    for line in text.split("\n"):
        ups = sum(int(count or 1) for count in re.findall(r"\x1b\[(\d*)A", line))
        if ups:
            del lines[max(0, len(lines) - ups) :]
        last = re.split(r"\r|\x1b\[\d*[AJK]", line)[-1]
        lines.append(last)
    return "\n".join(lines).strip("\n")


def picture(text: str, title: str, width: int = WIDTH) -> str:
    """The text as SVG, without anything off the network."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text))
    drawn = console.export_svg(title=title)
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S)
    return re.sub(r'textLength="([\d.]+)"([^>]*)>([^<]*)<', _as_wide, drawn)


def _as_wide(found: re.Match[str]) -> str:
    """Rich counts signs, and a Chinese one takes two cells."""
    text = html.unescape(found[3])
    length = float(found[1]) * cell_len(text) / max(1, len(text))
    return f'textLength="{length:.1f}"{found[2]}>{found[3]}<'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--title", default="")
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = [word for word in args.command if word != "--"]
    text = printed(command, args.width)
    args.file.parent.mkdir(parents=True, exist_ok=True)
    args.file.write_text(picture(text, args.title or " ".join(command), args.width), "utf-8")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
