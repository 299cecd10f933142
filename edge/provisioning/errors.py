"""What can go wrong with an identity: told in words, with the cure."""


class ProvisioningError(Exception):
    """It cannot go on, and nothing was changed that was not told. `cure` says what to do."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.cure = cure


class WrongInputError(ProvisioningError):
    """What was given is wrong, not the computer: wrong usage, exit code 2."""
