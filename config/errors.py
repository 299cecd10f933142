"""What can be wrong with a configuration, and how it is told."""

from dataclasses import dataclass
from typing import Literal

from config.language import localized, tell


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
        warns = self.severity == "warning"
        return self._line(f"warning: {self.text}" if warns else self.text)

    def localized(self) -> str:
        """The same line in the language of this computer."""
        warns = self.severity == "warning"
        text = tell("warning: {text}", text=self.text) if warns else self.text
        return self._line(localized(text))

    def _line(self, text: str) -> str:
        where = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        path = f" {self.path}:" if self.path else ""
        return f"{where}:{path} {text}"


class ConfigError(Exception):
    """The configuration is wrong. The text lists every problem at once, a line each."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    def localized(self) -> str:
        """The same in the language of this computer."""
        return "\n".join(problem.localized() for problem in self.problems)
