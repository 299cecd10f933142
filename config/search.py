"""Looking for a description in an area: an optional feature, off by default."""

from pydantic import Field

from config.section import Section


class SearchConfig(Section):
    """What a hub may have looked for, by clothing colours, size, kind and colour of a vehicle."""

    enabled: bool = Field(False, description="true: the commands search.start and stop are taken")
    score_min: float = Field(0.55, gt=0, lt=1, description="a candidate is at least so like")
    looks_min: int = Field(3, ge=1, le=100, description="pictures that it is judged by, at least")
    candidates_max: int = Field(10, ge=1, le=100, description="at the same time; the best stay")
    update_every_s: float = Field(10.0, ge=1, le=600, description="an update while it is seen")
    progress_every_s: float = Field(
        30.0, ge=1, le=3600, description="what of the area was seen, when that has grown"
    )
