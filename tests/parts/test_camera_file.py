"""FileCamera on real files: played in real time, and every kind of wrong file told in one line."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from config.devices import FileCameraConfig
from drivers.base import (
    DeviceLostError,
    DeviceUnavailableError,
    DriverError,
    EndOfRecordingError,
)
from drivers.cameras.file import FileCamera
from drivers.cameras.recordings import open_recording
from drivers.clock import SystemClock
from drivers.samples import Frame
from tests.shared_data import shared


class PlayClock:
    """A clock that only moves when somebody sleeps, or when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept_s: list[float] = []

    def mono_s(self) -> float:
        return self.now_s

    def utc(self) -> object:
        raise AssertionError("a camera has no business with the time of day")

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


def picture(value: int, width_px: int = 64, height_px: int = 48) -> np.ndarray:
    return np.full((height_px, width_px, 3), value % 256, np.uint8)


def write_folder(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    for index in range(count):
        cv2.imwrite(str(folder / f"{index:03}.png"), picture(index * 10))
    return folder


def write_video(path: Path, count: int = 20, fps: float = 10.0, codec: str = "MJPG") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (64, 48))
    for index in range(count):
        writer.write(picture(index * 10))
    writer.release()
    return path


def camera(path: Path, clock: PlayClock, **options: object) -> FileCamera:
    config = FileCameraConfig(kind="file", path=path, **options)
    return FileCamera("front", open_recording(path), config, clock, clock.sleep)


def read_frame(driver: FileCamera) -> Frame:
    frame = driver.read()
    assert frame is not None
    return frame


def play(driver: FileCamera, times: int) -> list[Frame]:
    """What comes out of that many reads, without the Nones."""
    return [frame for frame in (driver.read() for _ in range(times)) if frame is not None]


def shade(frame: Frame) -> int:
    return int(frame.image[20, 30, 0])


@pytest.fixture(params=["folder", "video"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "folder":
        return write_folder(tmp_path / "pictures", 20)
    return write_video(tmp_path / "clip.avi")


def test_pictures_come_in_order_at_their_moments_and_read_only(recording: Path) -> None:
    clock = PlayClock()
    driver = camera(recording, clock)

    frames = [read_frame(driver) for _ in range(20)]

    assert [frame.number for frame in frames] == list(range(20))
    assert [shade(frame) for frame in frames] == pytest.approx([n * 10 for n in range(20)], abs=3)
    assert [frame.mono_s for frame in frames] == pytest.approx([1000 + n / 10 for n in range(20)])
    assert [frame.media_s for frame in frames] == pytest.approx([n / 10 for n in range(20)])
    assert {(frame.width_px, frame.height_px) for frame in frames} == {(64, 48)}
    with pytest.raises(ValueError, match="read-only"):
        frames[0].image[0, 0] = 1


def test_a_slow_reader_gets_the_newest_and_the_rest_is_counted(recording: Path) -> None:
    clock = PlayClock()
    driver = camera(recording, clock)
    read_frame(driver)

    clock.now_s += 0.55
    frame = read_frame(driver)

    assert (frame.number, shade(frame)) == (5, pytest.approx(50, abs=3))
    assert clock.now_s - frame.mono_s == pytest.approx(0.05)
    assert driver.counters() == {
        "frames": 2,
        "not_wanted": 0,
        "skipped_late": 4,
        "undecodable": 0,
        "loops": 0,
        "fell_behind": 0,
    }


def test_what_nobody_wants_is_passed_over_and_the_others_keep_number_stamp_and_content(
    recording: Path,
) -> None:
    clock, answers = PlayClock(), iter([n % 3 == 0 for n in range(20)])
    config = FileCameraConfig(kind="file", path=recording)
    source = open_recording(recording)
    driver = FileCamera("front", source, config, clock, clock.sleep, lambda: next(answers))

    frames = play(driver, 20)

    assert [frame.number for frame in frames] == list(range(0, 20, 3))
    assert [shade(frame) for frame in frames] == pytest.approx(range(0, 200, 30), abs=3)
    assert [frame.mono_s for frame in frames] == pytest.approx(
        [1000 + n / 10 for n in range(0, 20, 3)]
    )
    assert (driver.counters()["frames"], driver.counters()["not_wanted"]) == (7, 13)


def test_what_nobody_wants_is_not_even_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = write_folder(tmp_path / "pictures", 20)
    clock, config = PlayClock(), FileCameraConfig(kind="file", path=recording)
    source = open_recording(recording)
    driver = FileCamera("front", source, config, clock, clock.sleep, lambda: False)
    monkeypatch.setattr(source, "picture", lambda: pytest.fail("it was decoded"))

    assert play(driver, 20) == []
    assert driver.counters()["not_wanted"] == 20


def test_opencv_works_in_the_thread_that_calls_it(recording: Path) -> None:
    cv2.setNumThreads(2)
    read_frame(camera(recording, PlayClock()))
    assert cv2.getNumThreads() == 1


def test_the_end_is_told_again_and_again(recording: Path) -> None:
    driver = camera(recording, PlayClock())
    for _ in range(20):
        read_frame(driver)

    for _ in range(3):
        with pytest.raises(EndOfRecordingError, match="loop: true"):
            driver.read()


def test_a_loop_goes_on_in_number_and_time(recording: Path) -> None:
    driver = camera(recording, PlayClock(), loop=True)

    frames = [read_frame(driver) for _ in range(45)]

    assert [frame.number for frame in frames] == list(range(45))
    assert np.diff([frame.mono_s for frame in frames]) == pytest.approx(0.1)
    assert shade(frames[43]) == pytest.approx(30, abs=3)
    assert frames[43].media_s == pytest.approx(0.3)
    assert driver.counters()["loops"] == 2


def test_the_rate_can_be_set_and_a_slow_one_does_not_block(recording: Path) -> None:
    clock = PlayClock()
    driver = camera(recording, clock, fps=1.0)
    read_frame(driver)

    assert driver.read() is None  # 0.5 s of the second
    frame = read_frame(driver)

    assert frame.mono_s == pytest.approx(1001)
    assert max(clock.slept_s) <= 0.5


def test_a_computer_too_slow_for_the_file_plays_it_slower_with_honest_stamps(
    recording: Path,
) -> None:
    clock = PlayClock()
    driver = camera(recording, clock, loop=True)
    read_frame(driver)
    real_time, costly = driver._recording.advance, 0.3  # seconds to pass over one picture

    def advance() -> bool:
        clock.now_s += costly
        return real_time()

    driver._recording.advance = advance  # type: ignore[method-assign] # as if decoding were slow
    for _ in range(10):
        frame = read_frame(driver)
        assert clock.now_s - frame.mono_s < 1.0
    assert driver.counters()["fell_behind"] > 0


def test_a_damaged_picture_is_counted_and_passed_over(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "pictures", 4)
    (folder / "001.png").write_bytes(b"no picture")
    (folder / "002.png").write_bytes((folder / "003.png").read_bytes()[:40])
    (folder / "readme.txt").write_text("not a picture, and not counted")
    driver = camera(folder, PlayClock())

    got = [driver.read() for _ in range(4)]

    assert [frame and frame.number for frame in got] == [0, None, None, 3]
    assert driver.counters()["undecodable"] == 2


@pytest.mark.parametrize("loop", [False, True])
def test_a_folder_that_is_emptied_while_played_is_lost(tmp_path: Path, loop: bool) -> None:
    folder = write_folder(tmp_path / "pictures", 4)
    driver = camera(folder, PlayClock(), loop=loop)
    read_frame(driver)
    for path in folder.iterdir():
        path.unlink()

    with pytest.raises(DeviceLostError if loop else EndOfRecordingError):
        play(driver, 10)


def test_a_video_that_is_deleted_while_looped_is_lost(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", count=3)
    driver = camera(path, PlayClock(), loop=True)
    read_frame(driver)
    path.unlink()

    with pytest.raises(DeviceLostError, match=r"clip\.avi"):
        play(driver, 10)


def wrong_files(folder: Path) -> dict[str, Path]:
    video = write_video(folder / "good.avi").read_bytes()
    (folder / "empty.avi").touch()
    (folder / "text.mp4").write_text("this is not a video\n" * 100)
    (folder / "header_only.avi").write_bytes(video[:2000])
    (folder / "noise.mp4").write_bytes(np.random.default_rng(1).bytes(50_000))
    (folder / "nothing").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("a")
    (folder / "broken").mkdir()
    (folder / "broken" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "one.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    os.mkfifo(folder / "pipe.avi")
    names = ("empty.avi", "text.mp4", "header_only.avi", "noise.mp4", "nothing", "texts")
    more = ("broken", "one.png", "pipe.avi", "absent.mp4")
    return {name: folder / name for name in (*names, *more)}


def test_every_wrong_file_is_told_in_one_line_with_a_cure(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, path in wrong_files(tmp_path).items():
        with pytest.raises(DeviceUnavailableError) as told:
            FileCamera.open("front", FileCameraConfig(kind="file", path=path), SystemClock())
        text = str(told.value)
        assert name in text
        assert ";" in text, "a cause, and a cure"
        assert "\n" not in text
    assert capfd.readouterr() == ("", ""), "the libraries' own chatter must not reach a technician"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi")
    path.chmod(0)
    with pytest.raises(DeviceUnavailableError, match="cannot be read"):
        open_recording(path)


def test_a_video_cut_in_the_middle_plays_to_the_cut(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", count=40)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    driver = camera(path, PlayClock())

    with pytest.raises(EndOfRecordingError):
        play(driver, 100)

    assert 5 < driver.counters()["frames"] < 40


@pytest.mark.parametrize("name", ["car-detection.mp4", "vtest.avi"])
def test_a_real_street_video_plays_in_real_time(name: str) -> None:
    path, clock = shared(f"data/video/{name}"), SystemClock()
    driver = FileCamera.open("front", FileCameraConfig(kind="file", path=path), clock)
    ages_s, frames = [], []
    start_s = clock.mono_s()

    while clock.mono_s() < start_s + 0.8:
        frame = driver.read()
        if frame is not None:
            ages_s.append(clock.mono_s() - frame.mono_s)
            frames.append(frame)
    driver.close()

    assert frames[-1].media_s == pytest.approx(0.8, abs=0.3)
    assert np.median(ages_s) < 0.05
    assert frames[0].image.std() > 10, "a street, not a grey card"


@pytest.mark.parametrize("name", ["concat:a|b.avi", "%03d.avi", "-y.avi", "два.avi", "a b;c.avi"])
def test_a_file_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / "good.avi").rename(tmp_path / name)
    assert read_frame(camera(tmp_path / name, PlayClock())).number == 0


def fuzz(folder: str, seed: str) -> None:
    """Play damaged copies of every video and picture in the folder; print what became of them."""
    random = np.random.default_rng(int(seed))
    outcomes: Counter[str] = Counter()
    for good in sorted(Path(folder).iterdir()):
        data = good.read_bytes()
        path = Path(folder) / f"damaged{good.suffix}"
        for _ in range(40):
            damaged = bytearray(data[: random.integers(len(data) // 3, len(data) + 1)])
            for at in random.integers(0, len(damaged), random.integers(0, 40)):
                damaged[at] = random.integers(256)
            path.write_bytes(damaged)
            try:
                driver = camera(path, PlayClock())
                play(driver, 60)
                outcomes["played on"] += 1
            except DriverError as error:
                outcomes[type(error).__name__] += 1
        path.unlink()
    print(json.dumps(outcomes))  # noqa: T201 - the way back from the child process


@pytest.mark.parametrize("seed", ["1", "2"])
def test_damage_never_gets_past_the_drivers_errors(seed: str, tmp_path: Path) -> None:
    """In a process of its own, because a decoder that crashes takes its process with it."""
    write_video(tmp_path / "motion.avi")
    write_video(tmp_path / "mpeg4.mp4", codec="mp4v")
    for suffix in (".jpg", ".png", ".webp", ".bmp"):
        cv2.imwrite(str(tmp_path / f"picture{suffix}"), picture(90))
    code = "import sys; from tests.parts.test_camera_file import fuzz; fuzz(*sys.argv[1:])"

    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code, str(tmp_path), seed],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert result.returncode == 0, result.stderr[-2000:]
    outcomes = json.loads(result.stdout)
    assert sum(outcomes.values()) == 6 * 40
    assert outcomes["DeviceUnavailableError"] > 10
    assert outcomes["EndOfRecordingError"] > 10


def test_looping_for_long_leaks_neither_files_nor_memory(tmp_path: Path) -> None:
    driver = camera(write_video(tmp_path / "clip.avi", count=3), PlayClock(), loop=True)
    play(driver, 1500)  # the allocator takes a while to settle
    files, memory = len(list(Path("/proc/self/fd").iterdir())), resident_kib()
    play(driver, 900)
    # Not more; fewer, when what an earlier test left open is collected meanwhile.
    assert len(list(Path("/proc/self/fd").iterdir())) <= files
    assert resident_kib() - memory < 5_000  # 17 KiB for each of the 300 times it was reopened
    driver.close()


def resident_kib() -> int:
    (line,) = (
        line for line in Path("/proc/self/status").read_text().split("\n") if "VmRSS" in line
    )
    return int(line.split()[1])
