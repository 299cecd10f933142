"""What can be wrong with a configuration, and how it is told."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, where it stands, and what to write instead."""

    source: str  # file name, or "environment"
    line: int  # from 1; 0 where there is no line
    column: int  # from 1; 0 where there is no column
    path: str  # "cameras.front.fps"; empty for the file as a whole
    text: str  # what is wrong, and what to write instead
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        path = f" {self.path}:" if self.path else ""
        mark = "warning: " if self.severity == "warning" else ""
        return f"{where}:{path} {mark}{self.text}"


class ConfigError(Exception):
    """The configuration is wrong. The text lists every problem at once, a line each."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
