"""Signatures: what a stranger signs by the RFCs is understood, and nothing else is."""

import base64
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.commands.jws import (
    MAX_TOKEN_BYTES,
    BadTokenError,
    KeyTextError,
    PrivateKey,
    PublicKey,
    sign,
    verify,
)
from tests.stranger_signer import b64, command, public_text, token

STRANGER = Ed25519PrivateKey.generate()
KEYS = {"hub-1": PublicKey(public_text(STRANGER))}
HEADER = {"alg": "EdDSA", "kid": "hub-1", "typ": "patrol-command+jws"}
GOOD = command(STRANGER, "hub-1", {"name": "ping"})


def refused(data: bytes) -> str:
    with pytest.raises(BadTokenError) as caught:
        verify(data, KEYS.get)
    return caught.value.code


def test_a_strangers_signature_is_understood() -> None:
    assert verify(GOOD, KEYS.get) == {"name": "ping"}


def test_the_newer_name_of_the_algorithm_is_understood_too() -> None:
    assert verify(token(STRANGER, HEADER | {"alg": "Ed25519"}, b"{}"), KEYS.get) == {}


def test_ours_is_what_a_stranger_reads() -> None:
    key = PrivateKey.new()
    head, body, signature = sign({"b": 1, "a": "é"}, key, "k").split(".")
    raw = Ed25519PrivateKey.from_private_bytes(_seed(key)).public_key()
    raw.verify(base64.urlsafe_b64decode(signature + "=="), f"{head}.{body}".encode())
    assert json.loads(base64.urlsafe_b64decode(head + "===")) == HEADER | {"kid": "k"}
    assert json.loads(base64.urlsafe_b64decode(body + "===")) == {"a": "é", "b": 1}


def _seed(key: PrivateKey) -> bytes:
    return base64.b64decode("".join(key.pem.decode().splitlines()[1:-1]))[-32:]


def test_a_key_survives_its_file_and_names_itself() -> None:
    key = PrivateKey.new()
    assert PrivateKey.from_pem(key.pem).public.text == key.public.text
    assert len(key.public.kid) == 16
    # RFC 8037, appendix A.3: the thumbprint of the key of its examples.
    known = PublicKey("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    thumbprint = base64.urlsafe_b64decode("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k=")
    assert known.kid == thumbprint.hex()[:16]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"alg": "none"}, "bad_signature"),
        ({"alg": "HS256"}, "bad_signature"),
        ({"alg": ["EdDSA"]}, "bad_signature"),
        ({"alg": "eddsa"}, "bad_signature"),
        ({"kid": "nobody"}, "unknown_key"),
        ({"kid": None}, "malformed"),
        ({"kid": "../hub-1"}, "malformed"),
        ({"kid": "hub-1\n"}, "malformed"),
        ({"typ": "JWT"}, "malformed"),
        ({"typ": None}, "malformed"),
        ({"crit": ["exp"]}, "malformed"),
        ({"crit": []}, "malformed"),
        ({"b64": False, "crit": ["b64"]}, "malformed"),
        ({"jwk": {"kty": "OKP"}}, "malformed"),
        ({"jku": "https://example.org"}, "malformed"),
        ({"x5c": ["MII"]}, "malformed"),
        ({"kid": "hub-1", "pad": "x" * 600}, "malformed"),
    ],
    ids=str,
)
def test_a_header_that_asks_for_more_is_refused(header: dict[str, Any], code: str) -> None:
    assert refused(token(STRANGER, HEADER | header, b"{}")) == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformed"),
        (b"..", "malformed"),
        (b"{}", "malformed"),
        (b"\xff\x00.\x00.\x00", "malformed"),
        (GOOD + b".x", "malformed"),
        (GOOD + b"=", "malformed"),
        (GOOD + b"\n", "malformed"),
        (b" " + GOOD, "malformed"),
        (GOOD.rpartition(b".")[0] + b".", "malformed"),
        (GOOD[:-2], "bad_signature"),
        (b"x" * (MAX_TOKEN_BYTES + 1), "too_large"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_token_is_refused(data: bytes, code: str) -> None:
    assert refused(data) == code


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' + b"[" * 20000 + b"]" * 20000 + b"}",
        b'{"a":"\xff"}',
        b'{"a":1}{}',
    ],
    ids=lambda value: str(value)[:20],
)
def test_signed_nonsense_is_refused(payload: bytes) -> None:
    assert refused(token(STRANGER, HEADER, payload)) == "malformed"


def test_duplicate_keys_in_the_header_are_refused() -> None:
    head = b'{"alg":"EdDSA","kid":"hub-1","kid":"hub-1","typ":"patrol-command+jws"}'
    assert refused(token(STRANGER, head, b"{}")) == "malformed"


def test_the_loose_last_character_of_base64_is_refused() -> None:
    """64 bytes end in two unused bits per spelling; only one spelling is canonical."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [bytes([letter]) for letter in alphabet if letter != GOOD[-1]]
    assert {refused(GOOD[:-1] + letter) for letter in others} <= {"malformed", "bad_signature"}


def test_a_signature_with_an_added_order_is_refused() -> None:
    """S + L signs the same in a lax verifier (RFC 8032, section 5.1.7: S must be below L)."""
    order = 2**252 + 27742317777372353535851937790883648493
    signed, _, text = GOOD.rpartition(b".")
    raw = base64.urlsafe_b64decode(text + b"==")
    high = int.from_bytes(raw[32:], "little") + order
    assert refused(signed + b"." + b64(raw[:32] + high.to_bytes(32, "little")).encode()) == (
        "bad_signature"
    )


def test_every_changed_byte_is_noticed() -> None:
    for place in range(len(GOOD)):
        for change in (1, 0x20):
            forged = GOOD[:place] + bytes([GOOD[place] ^ change]) + GOOD[place + 1 :]
            assert refused(forged) in {"malformed", "bad_signature", "unknown_key"}


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "A" * 42 + "B", "é" * 43, "AQ" + "A" * 41])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(KeyTextError):
        PublicKey(text)


def test_what_is_no_private_key_is_refused() -> None:
    other = Ed448PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for pem in (b"", b"hello", other, b"-----BEGIN PRIVATE KEY-----\nAAAA\n"):
        with pytest.raises(KeyTextError):
            PrivateKey.from_pem(pem)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    refused(data)


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(min_size=60, max_size=70))
@settings(max_examples=300, deadline=None)
def test_any_three_parts_are_refused_in_words(head: bytes, body: bytes, tail: bytes) -> None:
    refused(f"{b64(head)}.{b64(body)}.{b64(tail)}".encode())


def test_verifying_is_quick() -> None:
    fastest_s = float("inf")
    for _ in range(20):
        begun_s = time.perf_counter()
        verify(GOOD, KEYS.get)
        fastest_s = min(fastest_s, time.perf_counter() - begun_s)
    assert fastest_s < 1e-3
