"""The list of keys: from the anchor on, each list signed by the one before and by itself."""

from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.bundles.chain import install_successor, load_trust, read_anchor, successor
from edge.bundles.examining import verify
from edge.bundles.refusal import BundleError
from edge.bundles.trust import FILE, Trust
from tests.bundle_maker import NOW, bundle_of, manifest_of, opened_from, trust_key, trust_of

FIRST = trust_of("anna", "ben", "cleo")


def anchor_in(folder: Path, trust: Trust = FIRST) -> Path:
    path = folder / "trust.json"
    path.write_text(trust.model_dump_json(exclude_none=True))
    path.chmod(0o644)
    return path


def bundle_with(trust: Trust, *signers: str) -> bytes:
    files = {FILE: trust.model_dump_json(exclude_none=True).encode()}
    manifest = manifest_of(files, kind="trust", name="keys", serial=trust.serial)
    return bundle_of(manifest, files, *signers)


def install(new: Trust, old: Trust, chain: Path, *signers: str) -> Trust:
    opened = opened_from(bundle_with(new, *signers), old, old.serial)
    return install_successor(opened, old, chain, NOW)


def test_keys_are_changed_one_by_one(tmp_path: Path) -> None:
    anchor, chain = anchor_in(tmp_path), tmp_path / "trust"
    second = trust_of("anna", "ben", "dora", serial=2)
    third = trust_of("ben", "dora", "emil", serial=4)
    assert load_trust(anchor, chain).trust == FIRST
    install(second, FIRST, chain, "anna", "ben")
    install(third, second, chain, "ben", "dora", "emil")
    found = load_trust(anchor, chain, at_least=4)
    assert (found.trust, found.faults) == (third, ())


def test_both_lists_must_agree(tmp_path: Path) -> None:
    second = trust_of("dora", "emil", serial=2)
    for signers, code in (
        (("dora", "emil"), "unknown_key"),  # whoever would like to be on the list
        (("anna", "ben"), "unknown_key"),  # those of the new list have not agreed
        (("anna", "ben", "dora"), "too_few_signatures"),
        (("anna", "dora", "emil"), "too_few_signatures"),
    ):
        with pytest.raises(BundleError) as caught:
            install(second, FIRST, tmp_path / "trust", *signers)
        assert caught.value.code == code
    assert not (tmp_path / "trust").exists()
    install(second, FIRST, tmp_path / "trust", "anna", "ben", "dora", "emil")


def test_a_key_that_the_new_list_revokes_does_not_sign_it(tmp_path: Path) -> None:
    keys = (trust_key("anna", revoked_at=NOW), trust_key("ben"), trust_key("cleo"))
    second = Trust(serial=2, keys=keys)
    with pytest.raises(BundleError) as caught:
        install(second, FIRST, tmp_path / "trust", "anna", "ben")
    assert caught.value.code == "key_revoked"
    install(second, FIRST, tmp_path / "trust", "ben", "cleo")


def test_no_way_back(tmp_path: Path) -> None:
    second = trust_of("anna", "ben", serial=2)
    for serial in (1, 2):
        with pytest.raises(BundleError) as caught:
            install(trust_of("anna", "ben", serial=serial), second, tmp_path / "t", "anna", "ben")
        assert caught.value.code == "replayed"


def test_a_damaged_link_ends_the_chain_before_it_and_is_told(tmp_path: Path) -> None:
    anchor, chain = anchor_in(tmp_path), tmp_path / "trust"
    lists = [FIRST, *(trust_of("anna", "ben", serial=serial) for serial in (2, 3, 4))]
    for old, new in pairwise(lists):
        install(new, old, chain, "anna", "ben")
    link = sorted(chain.iterdir())[1]
    whole = link.read_bytes()
    for content in (whole[:-1], b"", whole.replace(b'"serial":3', b'"serial":9'), whole + b"\0"):
        link.write_bytes(content)
        found = load_trust(anchor, chain, at_least=4)
        assert found.trust.serial == 2
        assert link.name in found.faults[0]
        assert "4 was in use" in found.faults[1]
    link.unlink()
    link.symlink_to(anchor)
    assert load_trust(anchor, chain).trust.serial == 2
    link.unlink()  # the next one was signed by the same people: it goes on from there
    assert load_trust(anchor, chain).trust.serial == 4


def test_whoever_verifies_a_list_is_told_what_a_unit_would_say() -> None:
    second = trust_of("anna", "ben", serial=2)
    one = {FILE: second.model_dump_json(exclude_none=True).encode()}
    two = {"more.json": b"{}"} | one
    for files, serial, trust, code in (
        (one, 2, FIRST, None),
        (one, 2, second, "replayed"),  # it is in use already
        (one, 3, FIRST, "replayed"),  # the bundle has another serial than its list
        (two, 2, FIRST, "malformed"),
    ):
        manifest = manifest_of(files, kind="trust", name="keys", serial=serial)
        data = bundle_of(manifest, files, "anna", "ben")
        last = verify(BytesIO(data), trust, NOW).findings[-1]
        assert (last.name, last.refusal and last.refusal.code) == ("list", code)


def test_links_stay_good_when_their_keys_have_ended(tmp_path: Path) -> None:
    ends = NOW + timedelta(hours=1)
    keys = tuple(trust_key(name, not_after=ends) for name in ("anna", "ben"))
    first = Trust(serial=1, keys=keys)
    second = trust_of("anna", "ben", serial=2)
    install(second, first, tmp_path / "trust", "anna", "ben")
    assert load_trust(anchor_in(tmp_path, first), tmp_path / "trust").trust == second


def test_an_anchor_that_others_may_change_is_none(tmp_path: Path) -> None:
    anchor = anchor_in(tmp_path)
    anchor.chmod(0o666)
    with pytest.raises(BundleError) as caught:
        read_anchor(anchor)
    assert caught.value.code == "no_trust"
    assert "chmod" in caught.value.cure
    with pytest.raises(BundleError, match="knows no keys"):
        read_anchor(tmp_path / "none.json")


PEOPLE = ("anna", "ben", "cleo", "dora", "emil")
somebody = st.sets(st.sampled_from(PEOPLE))


@given(old=st.sets(st.sampled_from(PEOPLE), min_size=2),
       new=st.sets(st.sampled_from(PEOPLE), min_size=2),
       revoked=somebody, signers=somebody)  # fmt: skip
def test_a_list_follows_only_by_enough_of_both(
    old: set[str], new: set[str], revoked: set[str], signers: set[str]
) -> None:
    assume(len(new - revoked) >= 2)
    first = trust_of(*sorted(old))
    gone = {name: {"revoked_at": NOW} if name in revoked else {} for name in new}
    second = Trust(serial=2, keys=tuple(trust_key(name, **gone[name]) for name in sorted(new)))
    enough = len(signers & old) >= 2 and len(signers & (new - revoked)) >= 2
    try:
        opened = opened_from(bundle_with(second, *sorted(signers)), first, 1)
        found, _ = successor(opened, first, NOW)
    except BundleError:
        assert not enough
    else:
        assert enough
        assert found == second
