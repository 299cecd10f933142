"""Addresses, logins, picture headers and stamps: pure functions on bytes from outside."""

import socket
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.base import DeviceUnavailableError
from drivers.cameras.capture import MAX_SIDE_PX, as_picture, decode_picture
from drivers.cameras.capture_size import picture_size
from drivers.cameras.capture_stamps import StreamStamps
from drivers.cameras.probe import _pictures
from drivers.cameras.url import CameraUrl, read_login

# --- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown", "whole"),
    [
        ("rtsp://cam/live", "rtsp://cam:554/live", "rtsp://cam:554/live"),
        ("http://10.0.0.5:8080", "http://10.0.0.5:8080/", "http://10.0.0.5:8080/"),
        ("rtsp://a:b%40c@cam/x?k=s", "rtsp://cam:554/x", "rtsp://a:b%40c@cam:554/x?k=s"),
        ("https://[fe80::1]/x", "https://[fe80::1]:443/x", "https://[fe80::1]:443/x"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(url: str, shown: str, whole: str) -> None:
    parsed = CameraUrl.parse(url)
    assert (str(parsed), parsed.with_login()) == (shown, whole)


def test_a_login_from_elsewhere_wins_and_stays_out_of_repr() -> None:
    url = CameraUrl.parse("http://a:b@cam/x", ("user", "hush:@/%"))
    assert url.with_login() == "http://user:hush%3A%40%2F%25@cam:80/x"
    assert "hush" not in f"{url} {url!r}"


@pytest.mark.parametrize("url", ["http://", "http://cam:x/", "http://cam:99999/", "http://[::1/"])
def test_an_address_that_makes_no_sense_is_told(url: str) -> None:
    with pytest.raises(DeviceUnavailableError, match="url"):
        CameraUrl.parse(url)


@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_any_address_parses_or_is_refused_without_its_secret(rest: str, secret: str) -> None:
    secret = f"hush{secret}"
    try:
        shown = str(CameraUrl.parse(f"rtsp://user:{secret}@{rest}"))
    except DeviceUnavailableError as error:
        shown = str(error)
    # A "/" or "@" in a raw password ends it; what is before belongs to the user part or host.
    if not set(secret) & set("/@?#[]\\"):
        assert "user:hush" not in shown


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("admin:secret", 0o644, "chmod 600"),
        ("admin:secret", 0o640, "chmod 600"),
        ("", 0o600, "user:password"),
        ("just-a-password", 0o600, "user:password"),
        ("a:b\nc:d", 0o600, "one line"),
    ],
)
def test_a_wrong_login_file_is_told_with_its_cure(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    path = tmp_path / "login"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(DeviceUnavailableError, match=words) as told:
        read_login(path)
    assert "secret" not in str(told.value)


def test_a_login_file_that_is_missing_binary_or_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe:\xff")
    (tmp_path / "binary").chmod(0o600)
    for path in (tmp_path / "missing", tmp_path / "binary", tmp_path):
        with pytest.raises(DeviceUnavailableError, match="credentials_file"):
            read_login(path)


def test_a_login_file_gives_user_and_password(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_text("admin:pass:word with spaces \n")
    path.chmod(0o600)
    assert read_login(path) == ("admin", "pass:word with spaces ")


# --- picture headers -------------------------------------------------------------------------

SUFFIXES = (".jpg", ".png", ".bmp", ".webp")


def encoded(suffix: str, width_px: int = 70, height_px: int = 30, *options: int) -> bytes:
    image = np.random.default_rng(1).integers(0, 255, (height_px, width_px, 3), np.uint8)
    return cv2.imencode(suffix, image, options)[1].tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size_px", [(70, 30), (1, 1), (30, 1000)])
def test_the_header_tells_the_size_that_the_decoder_finds(
    suffix: str, size_px: tuple[int, int]
) -> None:
    data = encoded(suffix, *size_px)
    picture = decode_picture(data)
    assert picture is not None
    assert picture_size(data) == size_px == picture.shape[1::-1]


def test_lossless_and_progressive_pictures_have_a_size_too() -> None:
    assert picture_size(encoded(".webp", 70, 30, cv2.IMWRITE_WEBP_QUALITY, 101)) == (70, 30)
    assert picture_size(encoded(".jpg", 70, 30, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)) == (70, 30)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_cut_picture_is_none_wherever_it_is_cut(suffix: str) -> None:
    data = encoded(suffix)
    for length in range(0, len(data) - 16, 7):
        assert picture_size(data[:length]) is None


def test_a_bomb_is_seen_in_its_header() -> None:
    data = bytearray(encoded(".png"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    assert picture_size(bytes(data)) == (60_000, 60_000)


@given(
    st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF\x10\0\0\0WEBPVP8X"]),
    st.binary(max_size=300),
)
def test_no_bytes_upset_the_header_reader(start: bytes, rest: bytes) -> None:
    size = picture_size(start + rest)
    assert size is None or min(size) >= 0


@given(st.sampled_from(SUFFIXES), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255))))
def test_a_damaged_picture_decodes_to_a_sane_one_or_to_none(
    suffix: str, damage: list[tuple[int, int]]
) -> None:
    data = bytearray(encoded(suffix))
    for at, value in damage:
        data[at % len(data)] = value
    size = picture_size(bytes(data))
    if size is None or not 0 < max(size) <= 1000:  # as the driver does, with its own limit
        return
    picture = decode_picture(bytes(data))
    assert picture is None or (picture.ndim, picture.shape[2], picture.dtype) == (3, 3, np.uint8)


@pytest.mark.parametrize(
    "image",
    [
        None,
        "text",
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((MAX_SIDE_PX + 1, 1, 3), np.uint8),
    ],
    ids=["none", "text", "empty", "16 bit", "four channels", "huge"],
)
def test_what_is_no_picture_is_none(image: object) -> None:
    assert as_picture(image) is None


def test_a_grey_picture_gets_three_channels() -> None:
    picture = as_picture(np.full((2, 3), 7, np.uint8))
    assert picture is not None
    assert picture.shape == (2, 3, 3)
    assert (picture == 7).all()


# --- stamps ----------------------------------------------------------------------------------


def stamps(arrivals_s: np.ndarray, media_s: np.ndarray) -> np.ndarray:
    clock = StreamStamps()
    pairs = zip(arrivals_s.tolist(), media_s.tolist(), strict=True)
    return np.array([clock.capture_s(arrival, media) for arrival, media in pairs])


@given(st.integers(0, 2**32), st.floats(0.01, 0.3), st.floats(-100e-6, 100e-6))
def test_the_networks_jitter_is_taken_out(seed: int, jitter_s: float, drift: float) -> None:
    random = np.random.default_rng(seed)
    taken_s = 500 + np.arange(0, 60, 0.04)
    arrivals_s = np.maximum.accumulate(taken_s + random.gamma(1, jitter_s / 3, len(taken_s)))
    got_s = stamps(arrivals_s, (taken_s - 500) * (1 + drift))

    assert np.all(got_s <= arrivals_s + 1e-9)
    assert np.all(np.diff(got_s) > -1e-9)
    settled = taken_s > 510
    assert np.median(abs(got_s - taken_s)[settled]) < 0.05


@pytest.mark.parametrize("pace", [0.4, 2.5, 0.0])
def test_stamps_that_are_made_up_are_not_believed(pace: float) -> None:
    arrivals_s = 500 + np.arange(0, 30, 0.1)
    got_s = stamps(arrivals_s, pace * (arrivals_s - 500))
    assert got_s == pytest.approx(arrivals_s)


def test_a_queue_that_was_not_read_shows_its_age() -> None:
    taken_s = 500 + np.arange(0, 20, 0.04)
    arrivals_s = np.where((taken_s > 510) & (taken_s < 513), 513.0, taken_s)
    got_s = stamps(arrivals_s, taken_s - 500)
    assert got_s == pytest.approx(taken_s, abs=0.02)


@pytest.mark.parametrize("jump_s", [-300.0, 300.0, 1e9])
def test_after_a_jump_of_the_streams_clock_the_stamps_are_right_again(jump_s: float) -> None:
    taken_s = 500 + np.arange(0, 60, 0.04)
    media_s = taken_s - 500 + np.where(taken_s > 520, jump_s, 0.0)
    got_s = stamps(taken_s, media_s)
    assert abs(got_s - taken_s)[taken_s > 535].max() < 0.05


@given(st.lists(st.tuples(st.floats(0, 100), st.one_of(st.none(), st.floats(-1e9, 1e9)))))
def test_no_stamps_upset_the_clock(pairs: list[tuple[float, float | None]]) -> None:
    clock, arrival_s = StreamStamps(), 1000.0
    for wait_s, media_s in pairs:
        arrival_s += wait_s
        got_s = clock.capture_s(arrival_s, media_s)
        assert got_s <= arrival_s + 1e-6
        assert got_s > arrival_s - 1000


@settings(deadline=None, max_examples=80)
@given(
    body=st.lists(st.sampled_from([b"\xff\xd8\xff\xe0", b"\xff\xd8", b"\xff", b"ab"]), max_size=12),
    cut=st.integers(0, 40),
)
@example([b"\xff\xd8", b"\xff\xd8\xff\xe0"], 0)
@example([b"\xff\xd8", b"\xff\xd8\xff\xe0"], 3)
def test_pictures_in_a_body_are_counted_however_it_is_cut(body: list[bytes], cut: int) -> None:
    content = b"".join(body)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(content[cut:])
        theirs.close()
        found = _pictures(ours, content[:cut], time.monotonic() + 5)
    begun = [at for at in range(len(content)) if content.startswith(b"\xff\xd8\xff", at)]
    assert found == min(2, len(begun))
