"""One measured figure beside its limit."""

import math
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value; `limit` None where there is nothing to hold it to."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    sense: Literal["<=", ">="] = "<="
    peer: str = ""  # what was measured beside it, in the same run

    @property
    def kept(self) -> bool:
        if self.limit is None:
            return True
        if math.isnan(self.value):
            return False
        return self.value <= self.limit if self.sense == "<=" else self.value >= self.limit

    def as_dict(self) -> dict[str, object]:
        return asdict(self) | {"kept": self.kept}
