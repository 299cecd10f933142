"""The unit's eyes on its ground: a picture's tracks and the pose at its stamp make a scene."""

from dataclasses import dataclass
from typing import Self

from config.models import Settings
from drivers.samples import Frame
from edge.seeing.poses import Poses
from perception.detections import Track
from perception.place.placed import Scene
from perception.place.placer import CameraSetup, Floats, Placer


@dataclass(slots=True)
class Placing:
    """What a `Chain` takes as its `place`. One thread."""

    poses: Poses
    placer: Placer

    @classmethod
    def build(cls, settings: Settings, poses: Poses) -> Self:
        setups = {
            name: CameraSetup(lens=camera.lens, mount=camera.mount, fixed=camera.fixed)
            for name, camera in settings.cameras.items()
        }
        placer = Placer(setups, settings.ground, settings.position.parked_below_mps)
        return cls(poses, placer)

    def projection(self, frame: Frame) -> Floats | None:
        """What a `Chain` takes as its `projection`: how the pose says that the camera is turned."""
        size_px = frame.width_px, frame.height_px
        return self.placer.projection(frame.camera, size_px, self.poses.at(frame.mono_s))

    def __call__(self, frame: Frame, tracks: tuple[Track, ...]) -> Scene:
        size_px = frame.width_px, frame.height_px
        pose = self.poses.at(frame.mono_s)
        return self.placer.place(frame.camera, frame.mono_s, size_px, tracks, pose)
