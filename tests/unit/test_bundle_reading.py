"""Bundles: what is proved, in which order, and that nothing else gets in."""

import io
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundles.reading import open_bundle
from edge.bundles.refusal import BundleError
from edge.bundles.slot_check import verify_slot
from edge.bundles.trust import Trust
from tests.bundle_maker import (
    HERE,
    NOW,
    ZONES,
    bundle_of,
    envelope_of,
    key,
    manifest_of,
    opened_from,
    packed,
    trust_key,
    trust_of,
)

TRUST = trust_of("anna", "ben")
GOOD = bundle_of(manifest_of(ZONES), ZONES, "anna")


def refused(data: bytes, trust: Trust = TRUST, highest: int = 0) -> BundleError:
    with pytest.raises(BundleError) as caught:
        opened_from(data, trust, highest).contents()
    return caught.value


class Dribble(io.BytesIO):
    """A line that gives one byte at a time, or three."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1 + 2 * (self.tell() % 2)))


def test_a_good_bundle_is_unpacked_and_its_slot_verified(tmp_path: Path) -> None:
    opened = open_bundle(Dribble(GOOD), TRUST, NOW, HERE, lambda _manifest: 4)
    seen: list[tuple[int, int]] = []
    opened.unpack(tmp_path, lambda done, of: seen.append((done, of)))
    assert opened.size_bytes == len(GOOD) == seen[-1][0] == seen[-1][1]
    assert (tmp_path / "files/zones/park.geojson").read_bytes() == ZONES["zones/park.geojson"]
    assert (tmp_path / "manifest.jws").read_bytes() == opened.raw
    assert [each.owner for each in opened.signers if each.counts] == ["anna"]
    assert verify_slot(tmp_path, TRUST) == opened.manifest


def test_other_programs_can_unpack_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(GOOD), mode="r:") as archive:
        assert archive.getnames() == ["manifest.jws", "zones/park.geojson"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"made_for": {"units": ("dog-08",)}}, "wrong_unit"),
        ({"made_for": {"kinds": ("drone",), "classes": ("day",)}}, "wrong_unit"),
        ({"serial": 4}, "replayed"),
        ({"serial": 3}, "replayed"),
        ({"not_before": NOW + timedelta(seconds=1)}, "not_yet_valid"),
        ({"not_after": NOW}, "expired"),
        ({"runtime_min": "99.1"}, "unsupported"),
    ],
)
def test_what_is_not_for_here_or_now_is_refused(changes: dict[str, Any], code: str) -> None:
    manifest = manifest_of(ZONES, **changes)
    error = refused(bundle_of(manifest, ZONES, "anna"), highest=4)
    assert error.code == code
    assert error.cure


@pytest.mark.parametrize("made_for", [{"kinds": ("robot_dog",)}, {"classes": ("night",)}])
def test_kinds_and_classes_are_named_too(made_for: dict[str, Any]) -> None:
    manifest = manifest_of(ZONES, made_for=made_for)
    assert opened_from(bundle_of(manifest, ZONES, "anna"), TRUST).contents() == ZONES


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"revoked_at": NOW + timedelta(days=9)}, "key_revoked"),  # a date can be wrong
        ({"not_after": NOW}, "key_expired"),
        ({"not_before": NOW + timedelta(seconds=1)}, "not_yet_valid"),
        ({"roles": ("config", "trust")}, "role_not_allowed"),
    ],
)
def test_a_key_that_may_not_sign_does_not_count(state: dict[str, Any], code: str) -> None:
    others = (trust_key("ben"), trust_key("cleo"))
    trust = Trust(serial=1, keys=(trust_key("anna", **state), *others))
    assert refused(GOOD, trust).code == code
    both = bundle_of(manifest_of(ZONES), ZONES, "anna", "ben")
    opened = opened_from(both, trust)
    assert opened.contents() == ZONES
    assert [each.owner for each in opened.signers if each.counts] == ["ben"]


def test_strangers_add_nothing_and_take_nothing() -> None:
    assert refused(bundle_of(manifest_of(ZONES), ZONES, "eve")).code == "unknown_key"
    assert refused(bundle_of(manifest_of(ZONES), ZONES)).code == "unsigned"
    two = trust_of("anna", "ben", needed={"zones": 2})
    half = bundle_of(manifest_of(ZONES), ZONES, "anna", "eve")
    assert refused(half, two).code == "too_few_signatures"
    assert opened_from(half, TRUST).contents() == ZONES
    whole = bundle_of(manifest_of(ZONES), ZONES, "anna", "eve", "ben")
    assert opened_from(whole, two).contents() == ZONES


def test_one_bad_signature_of_somebody_known_refuses_all() -> None:
    envelope = envelope_of(manifest_of(ZONES), "anna")
    forged = envelope.signed_by(key("eve"), key("ben").public.kid)
    error = refused(packed(forged.raw, ZONES))
    assert error.code == "bad_signature"
    assert "ben" in str(error)


def test_one_key_cannot_count_twice() -> None:
    two = trust_of("anna", "ben", needed={"zones": 2})
    raw = envelope_of(manifest_of(ZONES), "anna").raw
    first = raw[raw.index(b"[") + 1 : raw.rindex(b"]")]
    twice = raw.replace(first, first + b"," + first)
    assert refused(packed(twice, ZONES), two).code == "malformed"
    assert refused(packed(twice, ZONES)).code == "malformed"


def test_what_is_signed_is_what_is_unpacked(tmp_path: Path) -> None:
    other = {"zones/park.geojson": bytes(len(ZONES["zones/park.geojson"]))}
    data = packed(envelope_of(manifest_of(ZONES), "anna").raw, other)
    with pytest.raises(BundleError, match="not the file that was signed"):
        opened_from(data, TRUST).unpack(tmp_path)
    assert not (tmp_path / "manifest.jws").exists()


@given(st.binary(max_size=3000))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    assert refused(data).code == "malformed"


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_every_changed_byte_is_refused(at: int, by: int) -> None:
    changed = bytearray(GOOD)
    changed[at] ^= by
    refused(bytes(changed))


@given(st.integers(0, len(GOOD) - 1))
def test_every_cut_is_refused(at: int) -> None:
    assert refused(GOOD[:at]).code == "malformed"
