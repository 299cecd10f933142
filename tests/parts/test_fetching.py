"""Fetching what a command names, from a web server with bad manners."""

import hashlib
from pathlib import Path

import pytest

from edge.commands.fetching import FetchError, fetch
from tests.file_server import Manners, serving

CONTENT = bytes(range(256)) * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def fetched(
    url: str, into: Path, *, size_bytes: int = len(CONTENT), within_s: float = 5.0
) -> bytes:
    return fetch(url, into, sha256=DIGEST, size_bytes=size_bytes, within_s=within_s).read_bytes()


def test_what_the_command_says_comes_from_the_web_and_from_a_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    with serving(Manners(CONTENT)) as url:
        assert fetched(url, tmp_path / "web") == CONTENT
    assert fetched(source.as_uri(), tmp_path / "copy") == CONTENT


@pytest.mark.parametrize(
    ("manners", "why"),
    [
        (Manners(CONTENT[:-1] + b"?"), "another SHA-256"),
        (Manners(CONTENT + b"more", announce=False), "more comes"),
        (Manners(CONTENT, cut_after=5000, announce=False), "only 5000 of the 256000 bytes"),
        (Manners(CONTENT, statuses=[404]), "answers 404"),
        (Manners(CONTENT, statuses=[302], location="file:///etc/passwd"), "answers 302"),
        (Manners(CONTENT, chunk_pause_s=0.2), "in time"),
    ],
    ids=["digest", "longer", "shorter", "status", "redirect", "slow"],
)
def test_what_is_not_so_is_told_and_nothing_is_left(
    manners: Manners, why: str, tmp_path: Path
) -> None:
    into = tmp_path / "in" / "clip.wav"
    with serving(manners) as url, pytest.raises(FetchError, match=why):
        fetched(url, into, within_s=0.5)

    assert not into.exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://127.0.0.1/x", "https, http or file"),
        ("no address", "no scheme"),
        ("http://[x/y", "no address"),
        ("http://127.0.0.1:1/x", "refused"),
        ("file:///nowhere/to/be/found", "No such file"),
    ],
)
def test_an_address_that_gives_nothing_is_told(url: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=why):
        fetched(url, tmp_path / "x")


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_a_connection_that_breaks_off_is_gone_on_from(
    ranges: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.commands.fetching.AGAIN_S", 0.0)
    manners = Manners(CONTENT, ranges=ranges, cut_after=100_000)
    told = {"sha256": DIGEST, "size_bytes": len(CONTENT)}
    with serving(manners) as url:
        if ranges:
            assert fetch(url, tmp_path / "x", tries=3, **told).read_bytes() == CONTENT
        else:
            with pytest.raises(FetchError):
                fetch(url, tmp_path / "x", tries=3, **told)
    wanted = [None, "bytes=100000-", "bytes=200000-" if ranges else "bytes=100000-"]
    assert manners.requests == wanted
    assert (tmp_path / "x").exists() == ranges


def test_whoever_waits_may_end_it(tmp_path: Path) -> None:
    class Cancelled(Exception):  # noqa: N818 - not an error
        pass

    def cancel(_bytes: int) -> None:
        raise Cancelled

    with serving(Manners(CONTENT)) as url, pytest.raises(Cancelled):
        fetch(url, tmp_path / "x", sha256=DIGEST, size_bytes=len(CONTENT), progress=cancel)

    assert not (tmp_path / "x").exists()
