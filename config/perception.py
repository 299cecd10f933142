"""What looks at the pictures, as types: detector, tracker, episodes."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.language import tell
from config.section import Section

Provider = Literal["cuda", "tensorrt", "openvino", "cpu"]
Side = Annotated[int, Field(ge=32, le=4096, multiple_of=32)]
Threads = Annotated[int, Field(ge=1, le=64)]


class TrackerConfig(Section):
    """How detections become tracks."""

    high_score: float | None = Field(
        None, gt=0, lt=1, description="a detection that may start a track; default: the model's"
    )
    low_score: float = Field(0.1, gt=0, lt=1, description="one that may still continue a track")
    confirm_hits: int = Field(3, ge=1, le=50, description="detections before a track counts")
    lost_after_s: float = Field(3.0, gt=0, le=30, description="unseen for this long ends a track")
    ego_motion: bool = Field(
        True,
        description="take the camera's own motion out, by comparing pictures while the unit is not "
        "known to stand (3 ms for 720p); false: only by what all tracks do at once",
    )

    @model_validator(mode="after")
    def _low_is_below_high(self) -> Self:
        if self.high_score is not None and self.low_score > self.high_score:
            raise ValueError(tell("low_score is above high_score; write a smaller low_score"))
        return self


class ParkedConfig(Section):
    """How a unit that stands looks on: closely where something moves."""

    gate: bool = Field(True, description="false: every picture is looked at, as when it drives")
    look_every_s: float = Field(
        2.0, ge=0.2, le=60, description="a look all the same, where nothing moves"
    )
    hold_s: float = Field(
        2.0, ge=0.2, le=60, description="after something moved, every picture for so long"
    )


class EasingConfig(Section):
    """When perception works less hard, a step at a time: half the pictures, a quarter, smaller
    ones, persons only, no plates, no searches."""

    enabled: bool = Field(True, description="false: it works on until the computer throttles")
    hot_c: float = Field(85.0, ge=40, le=120, description="a step down above this, °C; up 8 below")
    load_per_core: float = Field(
        4.0, ge=1, le=100, description="a step down where so many threads wait for each core"
    )
    battery_low_percent: float = Field(
        20.0, ge=0, le=95, description="a step down below this; up at 5 more"
    )
    least_fps: float = Field(
        1.0,
        gt=0,
        le=30,
        description="a step down where there is time for fewer pictures per second",
    )
    step_down_after_s: float = Field(15.0, ge=1, le=600, description="of strain, for each step")
    step_up_after_s: float = Field(60.0, ge=1, le=3600, description="of ease, for each step")


class ProviderOptions(Section):
    """What single providers are told; the others ignore it."""

    cuda_memory_mib: int | None = Field(
        None, ge=64, le=131_072, description="most GPU memory that cuda takes; default: no limit"
    )
    tensorrt_cache: Path | None = Field(
        None, description="folder for built engines; without it each start builds them for minutes"
    )
    tensorrt_fp16: bool = Field(True, description="let tensorrt compute in half precision")
    openvino_device: str = Field(
        "CPU", pattern=r"^[A-Z][A-Z0-9.:,_]*$", description="CPU, GPU, NPU or AUTO:GPU,CPU"
    )


class PerceptionConfig(Section):
    """The detector and what it looks for."""

    enabled: bool = Field(True, description="false: no detector runs")
    model: str = Field(
        "nanodet-g-416-int8",
        min_length=1,
        description="a name in the catalogue, or an ONNX file",
    )
    models_dir: Path | None = Field(None, description="where pulled models lie")
    providers: tuple[Provider, ...] = Field(
        ("cpu",), min_length=1, description="in order of preference: cuda, tensorrt, openvino, cpu"
    )
    provider_options: ProviderOptions = ProviderOptions()
    input_px: tuple[Side, Side] | None = Field(
        None, description="width and height of the model's input; default: the model's own"
    )
    threads: Threads | Literal["auto"] = Field(
        "auto", description="for inference; auto leaves one core for the rest"
    )
    at_once: int = Field(
        1, ge=1, le=8, description="pictures that the model works on at once, each on its `threads`"
    )
    max_fps: float = Field(
        10.0, gt=0, le=120, description="pictures looked at per second of each camera, at most"
    )
    tiles: str = Field(
        "full",
        pattern=r"^(full|auto|[1-8]x[1-8])$",
        description="small, far objects: look at parts of the picture too. full: no; auto: as many "
        "as the picture needs, up to 6; 3x2: three columns, two rows. Each part takes a run",
        json_schema_extra={
            "patternErrorMessage": tell("full, auto, or columns x rows such as 3x2")
        },
    )
    tile_overlap: float = Field(
        0.2, ge=0, le=0.5, description="share of its side that a part has in common with the next"
    )
    stale_after_s: float = Field(
        1.0,
        ge=0.05,
        le=30,
        description="a picture older than this is dropped: it says nothing of now",
    )
    score_min: float | None = Field(
        None, gt=0, lt=1, description="a weaker detection is dropped; default: the model's own"
    )
    tracker: TrackerConfig = TrackerConfig()
    parked: ParkedConfig = ParkedConfig()
    easing: EasingConfig = EasingConfig()


class EpisodesConfig(Section):
    """How tracks become events."""

    min_duration_s: float = Field(0.5, ge=0, le=60, description="shorter tracks are not reported")
    update_every_s: float = Field(10.0, ge=1, le=600, description="an update while it goes on")
