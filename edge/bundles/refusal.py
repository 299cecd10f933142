"""Why a bundle is refused."""


class BundleError(Exception):
    """The bundle is refused, and nothing was changed.

    `code` is a code of the wire (docs/contract/README.md), `cure` says what to do. `text` is what
    was given, so that it can be said in another language (`str(error)` is English only).
    """

    def __init__(self, code: str, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.cure = cure
