"""What can go wrong between a picture and its detections."""


class PerceptionError(Exception):
    """Base of everything perception raises on purpose. `cure` says what to do next."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure


class ModelError(PerceptionError):
    """A model is missing, damaged, refused, or of a kind that is not understood."""


class WrongNameError(ModelError):
    """The name of a model, a family or a file that is not there, or that may not be given."""


class CatalogueError(PerceptionError):
    """A catalogue of models cannot be read."""


class ImageError(PerceptionError):
    """A picture has a shape or a type that the detector cannot take. `kind` names it, to count."""

    def __init__(self, text: str, kind: str = "bad_frame") -> None:
        super().__init__(text)
        self.kind = kind
