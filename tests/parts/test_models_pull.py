"""Pulling a model from a real HTTP server that cuts, lies and dawdles."""

import errno
import fcntl
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge.cli.vision.answering import within
from edge.cli.vision.model_pull import (
    SILENT_S,
    TRIES,
    Pull,
    check_address,
    copy,
    disk_error,
    install,
)
from perception.errors import ModelError
from perception.inference import model_file
from perception.inference.model_spec import ModelSpec
from tests.file_server import Manners, serving

CONTENT = bytes(range(256)) * 1024  # 256 KiB


def spec_for(url: str, content: bytes = CONTENT) -> ModelSpec:
    return ModelSpec(
        name="mine",
        family=None,
        labels=None,
        file="mine.onnx",
        url=url,
        sha256=model_file.digest(content),
        size_bytes=len(content),
    )


def pull(url: str, folder: Path, **changes: object) -> Path:
    seen: list[int] = []
    job = Pull(spec_for(url), folder, seen.append, timeout_s=2.0, sleep=lambda _: None)
    return replace(job, **changes).run()  # type: ignore[arg-type] - a test's shorthand


def test_a_file_comes_whole_with_progress(tmp_path: Path) -> None:
    seen: list[int] = []
    with serving(Manners(CONTENT)) as url:
        part = pull(url, tmp_path / "new" / "folder", progress=seen.append)

    assert part.read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


def test_a_cut_connection_goes_on_where_it_stopped(tmp_path: Path) -> None:
    manners = Manners(CONTENT, cut_after=100_000)
    with serving(manners) as url:
        part = pull(url, tmp_path)

    assert part.read_bytes() == CONTENT
    assert manners.requests == [None, "bytes=100000-", "bytes=200000-"]


def test_a_later_run_goes_on_with_what_an_earlier_one_left(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx.part").write_bytes(CONTENT[:50_000])
    manners = Manners(CONTENT)
    with serving(manners) as url:
        assert pull(url, tmp_path).read_bytes() == CONTENT

    assert manners.requests == ["bytes=50000-"]


def test_a_server_without_ranges_starts_from_the_front(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx.part").write_bytes(CONTENT[:50_000])
    with serving(Manners(CONTENT, ranges=False)) as url:
        assert pull(url, tmp_path).read_bytes() == CONTENT


def test_the_beginning_of_another_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx.part").write_bytes(b"\xff" * 50_000)
    with serving(Manners(CONTENT)) as url:
        assert pull(url, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("extra", [0, 1], ids=["as long", "longer"])
def test_a_part_that_is_long_enough_but_wrong_starts_over(extra: int, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx.part").write_bytes(b"\xff" * (len(CONTENT) + extra))
    with serving(Manners(CONTENT)) as url:
        assert pull(url, tmp_path).read_bytes() == CONTENT


def test_a_server_in_trouble_is_asked_again(tmp_path: Path) -> None:
    manners = Manners(CONTENT, statuses=[503, 429, 500])
    with serving(manners) as url:
        assert pull(url, tmp_path).read_bytes() == CONTENT
    assert len(manners.requests) == 4


def test_a_server_that_stays_in_trouble_is_given_up_and_the_part_is_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx.part").write_bytes(CONTENT[:1000])
    manners = Manners(CONTENT, statuses=[503] * 50)
    with serving(manners) as url, pytest.raises(ModelError, match="answers 503") as caught:
        pull(url, tmp_path)

    assert len(manners.requests) == TRIES
    assert "--from DIR" in caught.value.cure
    assert (tmp_path / "mine.onnx.part").stat().st_size == 1000


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_file_that_is_gone_is_told_at_once(status: int, tmp_path: Path) -> None:
    manners = Manners(CONTENT, statuses=[status] * 9)
    with serving(manners) as url, pytest.raises(ModelError, match=f"answers {status} for http"):
        pull(url, tmp_path)
    assert len(manners.requests) == 1


def test_another_file_of_the_same_size_is_refused(tmp_path: Path) -> None:
    zeros = Manners(bytes(len(CONTENT)))
    with serving(zeros) as url, pytest.raises(ModelError, match="another sha-256"):
        pull(url, tmp_path)
    assert (tmp_path / "mine.onnx.part").stat().st_size == 0


@pytest.mark.parametrize("announce", [True, False], ids=["announced", "unannounced"])
def test_a_file_that_is_too_large_is_refused_before_it_fills_the_disk(
    announce: bool, tmp_path: Path
) -> None:
    manners = Manners(CONTENT * 40, announce=announce)
    with serving(manners) as url, pytest.raises(ModelError, match=r"offers|sends more"):
        pull(url, tmp_path)
    assert (tmp_path / "mine.onnx.part").stat().st_size == 0


def test_a_file_that_is_too_small_is_refused(tmp_path: Path) -> None:
    reason = "offers 262143 bytes, mine has 262144"
    with serving(Manners(CONTENT[:-1])) as url, pytest.raises(ModelError, match=reason):
        pull(url, tmp_path)


def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(tmp_path: Path) -> None:
    with serving(Manners(CONTENT, chunk_pause_s=0.01)) as url:
        assert pull(url, tmp_path, timeout_s=1.0).read_bytes() == CONTENT
    silent = Manners(CONTENT, chunk_pause_s=0.5)
    with serving(silent) as url, pytest.raises(ModelError, match="timed out"):
        pull(url, tmp_path / "silent", timeout_s=0.05)


def test_nobody_there_is_told_with_the_way_without_a_network(tmp_path: Path) -> None:
    with serving(Manners(CONTENT)) as url:
        pass
    with pytest.raises(ModelError, match=r"127\.0\.0\.1: .*refused") as caught:
        pull(url, tmp_path)
    assert "another computer" in caught.value.cure


def test_nobody_there_is_given_up_after_seconds(tmp_path: Path) -> None:
    with serving(Manners(CONTENT)) as url:
        pass
    waits_s: list[float] = []

    def wait(seconds: float) -> None:
        waits_s.append(seconds)
        time.sleep(seconds)

    with pytest.raises(ModelError, match="refused"):
        pull(url, tmp_path, sleep=wait)
    assert sum(waits_s) <= SILENT_S


def test_a_look_up_that_hangs_is_not_waited_for() -> None:
    hangs = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        within(hangs.wait, 0.05)
    hangs.set()


def test_what_was_asked_in_time_is_passed_on() -> None:
    def refuse() -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    def late() -> None:
        raise TimeoutError("timed out")

    assert within(lambda: 7, 5.0) == 7
    with pytest.raises(ConnectionRefusedError):
        within(refuse, 5.0)
    with pytest.raises(TimeoutError, match="timed out"):
        within(late, 5.0)


@pytest.mark.parametrize(
    ("number", "text", "cure"),
    [
        (errno.ENOSPC, "x cannot be written: No space left on device", "free some room"),
        (errno.EACCES, "x may not be written by this user", "run as its owner"),
        (errno.EROFS, "x cannot be written: Read-only file system", "give another --models-dir"),
        (errno.ENOENT, "x cannot be written: No such file", "give another --models-dir"),
    ],
)
def test_the_cure_for_a_folder_is_that_of_its_fault(number: int, text: str, cure: str) -> None:
    told = disk_error(OSError(number, os.strerror(number)), Path("x"))
    assert str(told).startswith(text)
    assert told.cure.startswith(cure)


@pytest.mark.parametrize("target", ["http://example.org/x", "file:///etc/passwd", "ftp://a/b"])
def test_a_redirect_to_anything_less_than_https_is_refused(target: str, tmp_path: Path) -> None:
    manners = Manners(CONTENT, statuses=[302] * 9, location=target)
    with serving(manners) as url, pytest.raises(ModelError, match=r"is not https|answers 302"):
        pull(url, tmp_path)


def test_a_redirect_within_the_rules_is_followed(tmp_path: Path) -> None:
    manners = Manners(CONTENT, statuses=[302])
    with serving(manners) as url:
        manners.location = url
        assert pull(url, tmp_path).read_bytes() == CONTENT


def test_only_https_or_this_computer() -> None:
    check_address("https://example.org/m.onnx")
    check_address("http://localhost:8000/m.onnx")
    for url in ("http://example.org/m", "file:///m", "http://127.0.0.1.evil.org/m", "m.onnx"):
        with pytest.raises(ModelError, match="not https"):
            check_address(url)


def test_two_pulls_of_one_model_do_not_mix(tmp_path: Path) -> None:
    with (tmp_path / "mine.onnx.part").open("ab") as other, serving(Manners(CONTENT)) as url:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="is being written"):
            pull(url, tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="Not a directory") as caught:
        pull("http://127.0.0.1:1/m.onnx", tmp_path / "file" / "models")
    assert "--models-dir" in caught.value.cure


def test_an_interrupted_pull_never_leaves_a_half_file_under_the_real_name(tmp_path: Path) -> None:
    manners = Manners(CONTENT, chunk_pause_s=0.02)
    stop = threading.Event()

    def interrupt(done: int) -> None:
        if done > 100_000:
            stop.set()
            raise KeyboardInterrupt

    with serving(manners) as url, pytest.raises(KeyboardInterrupt):
        pull(url, tmp_path, progress=interrupt)

    assert stop.is_set()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.onnx.part"]


def test_a_copy_is_read_back_and_installed_under_its_name(tmp_path: Path) -> None:
    source = tmp_path / "stick.bin"
    source.write_bytes(CONTENT)

    part = copy(source, spec_for("https://x/y"), tmp_path / "models")
    install(part, tmp_path / "models" / "mine.onnx")

    assert (tmp_path / "models" / "mine.onnx").read_bytes() == CONTENT
    source.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match="is damaged"):
        copy(source, spec_for("https://x/y"), tmp_path / "models")
    assert not part.exists()
