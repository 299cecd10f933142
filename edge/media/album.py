"""The few looks of each camera from which a picture is chosen when something is told."""

import threading
from collections import deque
from collections.abc import Collection

from edge.seeing.look import Look
from perception.detections import Track

KEPT = 3  # older looks of each camera; a 720p picture is 2.7 MB
APART_S = 0.4  # between two of them
RECENT_S = 2.0  # an older one does not show what was told


class Album:
    """Looks by camera: the newest, and a few before it. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, Look] = {}
        self._older: dict[str, deque[Look]] = {}

    def add(self, look: Look) -> None:
        camera = look.frame.camera
        with self._lock:
            before = self._newest.get(camera)
            older = self._older.setdefault(camera, deque(maxlen=KEPT))
            far = not older or look.frame.mono_s - older[-1].frame.mono_s >= APART_S
            if before is not None and far:
                older.append(before)
            self._newest[camera] = look

    def forget(self, camera: str) -> None:
        """No picture comes from there any more."""
        with self._lock:
            self._newest.pop(camera, None)
            self._older.pop(camera, None)

    def newest(self, camera: str) -> Look | None:
        with self._lock:
            return self._newest.get(camera)

    def best(self, camera: str, tracks: Collection[int]) -> Look | None:
        """The recent look that shows these tracks best; the newest where none shows any."""
        with self._lock:
            newest = self._newest.get(camera)
            older = tuple(self._older.get(camera, ()))
        if newest is None:
            return None
        since_s = newest.frame.mono_s - RECENT_S
        recent = [look for look in older if look.frame.mono_s >= since_s]
        return max((newest, *recent), key=lambda look: _shown(look, tracks))


def _shown(look: Look, tracks: Collection[int]) -> float:
    """How well: large, sure, and not cut by the edge. 0 where none of them is seen."""
    seen = [track for track in look.tracks if track.track_id in tracks and track.seen]
    return sum(_clear(track, look) for track in seen)


def _clear(track: Track, look: Look) -> float:
    x1, y1, x2, y2 = track.box
    frame = look.frame
    cut = x1 <= 1 or y1 <= 1 or x2 >= frame.width_px - 1 or y2 >= frame.height_px - 1
    area = max(0.0, x2 - x1) * max(0.0, y2 - y1) / (frame.width_px * frame.height_px)
    return float(area**0.5 * track.score * (0.5 if cut else 1.0))
