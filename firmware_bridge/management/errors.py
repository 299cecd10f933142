"""What can go wrong while a board is managed; each says what to do next."""

from drivers.base import DriverError


class ManagementError(DriverError):
    """Base of what is raised here. `cure` says what to do next."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure


class BoardSilentError(ManagementError):
    """It gave no answer in time."""


class BoardRestartedError(BoardSilentError):
    """It started anew instead of answering: what it knew of this conversation is gone."""


class BoardRefusedError(ManagementError):
    """It answered with an error. `code` is what it said, of its own or of the group's errors."""

    def __init__(self, text: str, cure: str = "", *, group: int | None = None, code: int) -> None:
        super().__init__(text, cure)
        self.group = group
        self.code = code


class BadReplyError(ManagementError):
    """It answered something that makes no sense."""


class MissingProgramError(ManagementError):
    """A program or library that is needed is not installed, or too old."""
