"""A thousand bundles and more that no unit may take: S-CFG-1 (reliability.md, section 6).

Each is made for the unit of `Stand`, by keys of its list. `refused_by` says who sees that it is
bad: the reader of bundles (form, signatures, whom it is for, dates, hashes), or only the engine,
which looks into what was rightly signed.

    for bad in bad_bundles(Stand(now=...)):
        ...
"""

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from edge.bundles.container import BLOCK, END, gap, header
from edge.bundles.judging import Here
from edge.bundles.manifest import TYPE, Manifest
from edge.bundles.signatures import Envelope, unsigned
from edge.bundles.trust import Trust
from edge.bundles.writing import content_of
from telemetry.commands.jws import encoded_segment
from telemetry.commands.strict_json import canonical
from tests.bundle_maker import NOW, bundle_of, envelope_of, key, manifest_of, packed, trust_key

Seer = Literal["reader", "engine"]
CUT_EVERY_BYTES = 64


@dataclass(frozen=True, slots=True)
class BadBundle:
    name: str  # class/what
    data: bytes
    refused_by: Seer = "reader"


@dataclass
class Stand:
    """The unit that the bundles are tried on. What it has in use has the serial `in_use`."""

    unit: str = "dog-07"
    kind: str = "robot_dog"
    now: datetime = NOW
    in_use: int = 4
    config: bytes = b"health:\n  every_s: 30\n"  # a base that is right for this unit

    @property
    def here(self) -> Here:
        return Here(unit=self.unit, kind=self.kind, runtime="0.1.0")

    @cached_property
    def trust(self) -> Trust:
        """anna and ben may sign; rita is revoked, oscar is over, nora is not valid yet, and zoe
        may sign zones only."""
        day = timedelta(days=1)
        keys = (
            trust_key("anna"),
            trust_key("ben"),
            trust_key("rita", revoked_at=self.now - day, revoked_why="laptop stolen"),
            trust_key("oscar", not_after=self.now - day),
            trust_key("nora", not_before=self.now + day),
            trust_key("zoe", roles=("zones",)),
        )
        return Trust(serial=1, keys=keys)

    @property
    def files(self) -> dict[str, bytes]:
        return {"unit.yaml": self.config}

    def manifest(self, files: dict[str, bytes] | None = None, **changes: Any) -> Manifest:
        day = timedelta(days=1)
        content = {
            "kind": "config",
            "name": "night shift",
            "serial": self.in_use + 1,
            "made_for": {"units": (self.unit,)},
            "issued_at": self.now - day,
            "not_before": self.now - day,
            "not_after": self.now + 30 * day,
        }
        return manifest_of(files or self.files, **content | changes)

    def good(self, **changes: Any) -> bytes:
        """The control: this one is taken."""
        return bundle_of(self.manifest(**changes), self.files, "anna")


def bad_bundles(stand: Stand | None = None) -> Iterator[BadBundle]:
    """All of them, one at a time."""
    stand = stand or Stand()
    for make in (
        _flips, _cuts, _keys, _not_for_here, _headers, _members, _names, _mixed, _joses, _json,
        _claims, _large, _strangers, _yaml, _other_kinds,
    ):  # fmt: skip
        yield from make(stand)


# --- damage --------------------------------------------------------------------------------------


def _flips(stand: Stand) -> Iterator[BadBundle]:
    """One bit of each byte of headers and manifest; and of the file, and of what fills up."""
    good = stand.good()
    for at in range(len(good)):
        flipped = bytearray(good)
        flipped[at] ^= 1 << (at % 8)
        yield BadBundle(f"flip/{at}", bytes(flipped))


def _cuts(stand: Stand) -> Iterator[BadBundle]:
    good = stand.good()
    for end in range(0, len(good), CUT_EVERY_BYTES):
        yield BadBundle(f"cut/{end}", good[:end])
    yield BadBundle("cut/last-byte", good[:-1])
    for name, more in (("zero", b"\0"), ("block", bytes(BLOCK)), ("twice", good), ("x", b"x")):
        yield BadBundle(f"cut/too-long-{name}", good + more)
    yield BadBundle("cut/begins-late", good[1:])
    yield BadBundle("cut/middle", good[:BLOCK] + good[2 * BLOCK :])


# --- whose, for whom, when -----------------------------------------------------------------------


def _keys(stand: Stand) -> Iterator[BadBundle]:
    manifest, files = stand.manifest(), stand.files
    for who in ("eve", "rita", "oscar", "nora", "zoe"):
        yield BadBundle(f"key/{who}", bundle_of(manifest, files, who))
    yield BadBundle("key/all-useless", bundle_of(manifest, files, "eve", "rita", "oscar", "zoe"))
    yield BadBundle("key/nobody", bundle_of(manifest, files))
    forged = unsigned(content_of(manifest)).signed_by(key("eve"), key("anna").public.kid)
    yield BadBundle("key/under-another-name", packed(forged.raw, files))
    beside = envelope_of(manifest, "anna").signed_by(key("eve"), key("ben").public.kid)
    yield BadBundle("key/forged-beside-a-good-one", packed(beside.raw, files))
    other = envelope_of(stand.manifest(name="another"), "anna").signatures
    moved = Envelope(unsigned(content_of(manifest)).payload, other)
    yield BadBundle("key/signature-of-another", packed(moved.raw, files))
    yield from _same_key_twice(stand)


def _same_key_twice(stand: Stand) -> Iterator[BadBundle]:
    wheel = {"patrol_edge-0.2.0-py3-none-any.whl": b"PK"}
    runtime = _runtime(stand, wheel)
    yield BadBundle("twice/below-threshold", bundle_of(runtime, wheel, "anna"))
    yield BadBundle("twice/threshold-with-revoked", bundle_of(runtime, wheel, "anna", "rita"))
    raw = envelope_of(runtime, "anna").raw
    one = raw[raw.index(b"[") + 1 : raw.rindex(b"]")]
    for count in (2, 3, 100):
        many = raw.replace(one, b",".join([one] * count))
        yield BadBundle(f"twice/{count}", packed(many, wheel))
    envelope = envelope_of(runtime, "anna")
    renamed = envelope.signed_by(key("anna"), "anna2")
    yield BadBundle("twice/under-two-names", packed(renamed.raw, wheel))


def _runtime(stand: Stand, files: dict[str, bytes], **changes: Any) -> Manifest:
    platform = {"machine": "x86_64", "python": "3.11"}
    return stand.manifest(files, kind="runtime", platform=platform, **changes)


def _not_for_here(stand: Stand) -> Iterator[BadBundle]:
    now, second = stand.now, timedelta(seconds=1)
    other_kind = "drone" if stand.kind != "drone" else "patrol_car"
    for name, changes in {
        "for/another-unit": {"made_for": {"units": ("dog-99",)}},
        "for/another-kind": {"made_for": {"kinds": (other_kind,)}},
        "for/another-class": {"made_for": {"classes": ("no-such-class",)}},
        "for/many-others": {"made_for": {"units": tuple(f"dog-1{n:03}" for n in range(300))}},
        "for/newer-runtime": {"runtime_min": "999.0"},
        "serial/equal": {"serial": stand.in_use},
        "serial/older": {"serial": stand.in_use - 1},
        "serial/first": {"serial": 1},
        "date/expired": {"not_after": now},
        "date/long-expired": {"not_before": now - 900 * second, "not_after": now - second},
        "date/not-yet": {"not_before": now + 3600 * second},
    }.items():
        yield BadBundle(name, stand.good(**changes))


# --- the archive ---------------------------------------------------------------------------------


def _headers(stand: Stand) -> Iterator[BadBundle]:
    """The file is a link, a device, somebody's; or its header is only nearly what it must be."""
    raw = envelope_of(stand.manifest(), "anna").raw
    for name, change in _HEADERS.items():
        for which, member in (("file", "unit.yaml"), ("manifest", "manifest.jws")):
            size = len(stand.config) if which == "file" else len(raw)
            info = tarfile.TarInfo(member)
            info.size = size
            change(info)
            for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
                changed = info.tobuf(form, "utf-8", "surrogateescape")
                if changed != header(member, size):
                    data = _with_header(stand, raw, which, changed)
                    yield BadBundle(f"header/{which}-{name}-{form}", data)


def _typed(kind: bytes, **more: Any) -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        info.type = kind
        for name, value in more.items():
            setattr(info, name, value)

    return change


def _set(**more: Any) -> Callable[[tarfile.TarInfo], None]:
    return _typed(tarfile.REGTYPE, **more)


_HEADERS: dict[str, Callable[[tarfile.TarInfo], None]] = {
    "symlink": _typed(tarfile.SYMTYPE, linkname="/etc/shadow"),
    "symlink-up": _typed(tarfile.SYMTYPE, linkname="../../../state"),
    "hardlink": _typed(tarfile.LNKTYPE, linkname="/etc/passwd"),
    "char-device": _typed(tarfile.CHRTYPE, devmajor=1, devminor=5),
    "block-device": _typed(tarfile.BLKTYPE, devmajor=8, devminor=0),
    "fifo": _typed(tarfile.FIFOTYPE),
    "folder": _typed(tarfile.DIRTYPE),
    "contiguous": _typed(tarfile.CONTTYPE),
    "old-file": _typed(tarfile.AREGTYPE),
    "long-name": _typed(tarfile.GNUTYPE_LONGNAME),
    "long-link": _typed(tarfile.GNUTYPE_LONGLINK),
    "sparse": _typed(tarfile.GNUTYPE_SPARSE),
    "pax": _typed(tarfile.XHDTYPE),
    "pax-global": _typed(tarfile.XGLTYPE),
    "setuid": _set(mode=0o4755),
    "world-writable": _set(mode=0o666),
    "executable": _set(mode=0o755),
    "of-a-user": _set(uid=1000),
    "of-a-group": _set(gid=4),
    "of-root-by-name": _set(uname="root", gname="root"),
    "dated": _set(mtime=1_700_000_000),
    "link-name": _set(linkname="x"),
    "dotdot": _set(name="../unit.yaml"),
    "deep-dotdot": _set(name="../../../../etc/cron.d/x"),
    "absolute": _set(name="/etc/patrol-edge/unit.yaml"),
    "dot-slash": _set(name="./unit.yaml"),
    "other-case": _set(name="UNIT.YAML"),
    "no-name": _set(name=""),
    "apple-double": _set(name="._unit.yaml"),
    "larger": _set(size=10_000),
    "huge": _set(size=7 * 1024**3),
    "empty": _set(size=0),
    "one-more": _set(size=23),
}


def _with_header(stand: Stand, raw: bytes, which: str, changed: bytes) -> bytes:
    first = changed if which == "manifest" else header("manifest.jws", len(raw))
    second = changed if which == "file" else header("unit.yaml", len(stand.config))
    return b"".join(
        (first, raw, bytes(gap(len(raw))), second, stand.config, bytes(gap(len(stand.config))), END)
    )


def _members(stand: Stand) -> Iterator[BadBundle]:
    """More, fewer, in another order; and archives of others."""
    raw, config = envelope_of(stand.manifest(), "anna").raw, stand.config
    yield BadBundle("member/none", packed(raw, {}))
    yield BadBundle("member/extra", packed(raw, {"unit.yaml": config, "x": b"x"}))
    yield BadBundle("member/extra-first", packed(raw, {"x": b"x", "unit.yaml": config}))
    yield BadBundle("member/other-name", packed(raw, {"other.yaml": config}))
    twice = packed(raw, {"unit.yaml": config})[: -len(END)] + packed(raw, {"unit.yaml": b"x"})
    yield BadBundle("member/twice", twice)
    files = {"unit.yaml": config, "zones/a.geojson": b"{}"}
    two = envelope_of(stand.manifest(files), "anna").raw
    yield BadBundle("member/order", packed(two, dict(reversed(files.items()))))
    whole = packed(raw, {"unit.yaml": config})
    at = BLOCK + len(raw) + gap(len(raw))
    yield BadBundle("member/manifest-last", whole[at : -len(END)] + whole[:at] + END)
    filled = bytearray(whole)
    filled[at - 1] = 1
    yield BadBundle("member/gap-is-used", bytes(filled))
    yield BadBundle("member/end-is-used", whole[:-1] + b"\1")
    yield BadBundle("member/record-size", whole + bytes(-len(whole) % 10_240))
    pax = tarfile.TarInfo("unit.yaml")
    pax.pax_headers = {"path": "../../x"}
    pax.size = len(config)
    yield BadBundle(
        "member/pax-path", _with_header(stand, raw, "file", pax.tobuf(tarfile.PAX_FORMAT))
    )


def _names(stand: Stand) -> Iterator[BadBundle]:
    """Names that a known key has signed, and that are no plain relative paths."""
    for name in (
        "../x", "a/../../x", "..", ".", "/etc/passwd", "//x", "a//b", "a/", "./a", "a/./b", "",
        "a\\b", "C:\\x", "a\0b", "a\nb", "~/x", "-rf", " a", "a b", "a\u202eb", "\u00e4", "._a",
        ".a", "a/.b", "*", "a;b", "$(x)", "manifest.jws", "a/b/c/d/e", "x" * 200, "a\ud800",
    ):  # fmt: skip
        claims = _claims_of(stand)
        claims["files"][0]["name"] = name
        raw = _signed(canonical(claims))
        yield BadBundle(f"name/{name!r:.20}", packed(raw, {"unit.yaml": stand.config}))
    for pair in (("a", "a/b"), ("a/b", "a"), ("b", "a"), ("a", "a")):
        claims = _claims_of(stand)
        claims["files"] = [{**claims["files"][0], "name": name} for name in pair]
        members = [(name, len(stand.config)) for name in pair]
        data = b"".join(header(*each) + stand.config + bytes(gap(each[1])) for each in members)
        raw = _signed(canonical(claims))
        yield BadBundle(f"name/{'+'.join(pair)}", packed(raw, {})[: -len(END)] + data + END)


def _mixed(stand: Stand) -> Iterator[BadBundle]:
    """Files of two bundles that are both rightly signed."""
    yaml_of = {name: f"health:\n  every_s: {name}\n".encode() for name in ("30", "31", "32")}
    raws = {
        name: envelope_of(stand.manifest({"unit.yaml": data}, name=name), "anna").raw
        for name, data in yaml_of.items()
    }
    for one, raw in raws.items():
        for other, data in yaml_of.items():
            if one != other:
                yield BadBundle(f"mixed/{one}-{other}", packed(raw, {"unit.yaml": data}))
    files = {"a.yaml": b"a: 1\n", "b.yaml": b"b: 1\n", "unit.yaml": stand.config}
    raw = envelope_of(stand.manifest(files), "anna").raw
    swapped = {**files, "a.yaml": files["b.yaml"], "b.yaml": files["a.yaml"]}
    yield BadBundle("mixed/swapped", packed(raw, swapped))


# --- signatures and JSON -------------------------------------------------------------------------


def _claims_of(stand: Stand) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(content_of(stand.manifest()))
    return claims


def _signed(payload: bytes, *, who: str = "anna", **header_fields: Any) -> bytes:
    """These bytes, whatever they are, under a signature that fits."""
    protected = {"alg": "EdDSA", "kid": key(who).public.kid, "typ": TYPE} | header_fields
    kept = {name: value for name, value in protected.items() if value is not None}
    return _sealed(payload, json.dumps(kept, separators=(",", ":")).encode(), who)


def _sealed(payload: bytes, protected: bytes, who: str = "anna") -> bytes:
    head, body = encoded_segment(protected), encoded_segment(payload)
    private = load_pem_private_key(key(who).pem, None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError
    seal = encoded_segment(private.sign(f"{head}.{body}".encode()))
    return canonical({"payload": body, "signatures": [{"protected": head, "signature": seal}]})


def _joses(stand: Stand) -> Iterator[BadBundle]:
    """What JWS allows and we do not; the signatures fit."""
    payload, files, kid = content_of(stand.manifest()), stand.files, key("anna").public.kid
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": key("eve").public.text}
    for name, fields in {
        "none": {"alg": "none"},
        "hs256": {"alg": "HS256"},
        "es256": {"alg": "ES256"},
        "no-alg": {"alg": None},
        "no-kid": {"kid": None},
        "no-typ": {"typ": None},
        "command": {"typ": "patrol-command+jws"},
        "firmware": {"typ": "patrol-firmware+jws"},
        "crit": {"crit": ["exp"], "exp": 1},
        "b64": {"b64": False, "crit": ["b64"]},
        "jwk": {"jwk": jwk},
        "jku": {"jku": "https://example.com/keys"},
        "x5u": {"x5u": "file:///etc/passwd"},
        "kid-path": {"kid": "../../keys/anna"},
        "kid-number": {"kid": 7},
        "kid-long": {"kid": "a" * 65},
    }.items():
        yield BadBundle(f"jws/{name}", packed(_signed(payload, **fields), files))
    own = _signed(payload, who="eve", jwk=jwk, kid=kid)
    yield BadBundle("jws/own-key-in-header", packed(own, files))
    for name, protected in {
        "header-twice": f'{{"alg":"EdDSA","kid":"{kid}","kid":"x","typ":"{TYPE}"}}',
        "header-spaces": f'{{ "alg":"EdDSA","kid":"{kid}","typ":"{TYPE}"}}' + " " * 600,
        "header-list": "[]",
        "header-deep": "[" * 1000 + "]" * 1000,
        "header-text": "x",
    }.items():
        yield BadBundle(f"jws/{name}", packed(_sealed(payload, protected.encode()), files))
    yield from _forms(stand, _signed(payload))


def _forms(stand: Stand, raw: bytes) -> Iterator[BadBundle]:
    """The same signature in other forms of the standard, or with other bytes."""
    found = json.loads(raw)
    body, (one,) = found["payload"], found["signatures"]
    forms: dict[str, Any] = {
        "flattened": {"payload": body, **one},
        "unprotected": {**found, "signatures": [{**one, "header": {"kid": "anna"}}]},
        "only-unprotected": {
            **found,
            "signatures": [{"header": {"alg": "none"}, "signature": one["signature"]}],
        },
        "more": {**found, "x": 1},
        "no-payload": {"signatures": [one]},
        "no-signatures": {"payload": body},
        "empty-payload": {**found, "payload": ""},
        "padded-payload": {**found, "payload": body + "="},
        "payload-number": {**found, "payload": 5},
        "signatures-object": {**found, "signatures": {"0": one}},
        "signature-number": {**found, "signatures": [5]},
        "signature-empty": {**found, "signatures": [{**one, "signature": ""}]},
        "signature-short": {**found, "signatures": [{**one, "signature": "AAAA"}]},
        "signature-zeros": {**found, "signatures": [{**one, "signature": "A" * 86}]},
        "list": [found],
        "text": "x",
        "null": None,
    }
    for name, form in forms.items():
        yield BadBundle(f"form/{name}", packed(canonical(form), stand.files))
    head, seal = one["protected"], one["signature"]
    for name, data in {
        "compact": f"{head}.{body}.{seal}".encode(),
        "spaces": json.dumps(found).encode(),
        "newline": raw + b"\n",
        "mark": b"\xef\xbb\xbf" + raw,
        "other-order": json.dumps(dict(reversed(found.items())), separators=(",", ":")).encode(),
        "twice-payload": b'{"payload":"e30",' + raw[1:],
        "twice-signatures": raw[:-1] + b',"signatures":[]}',
        "utf-16": raw.decode().encode("utf-16"),
        "latin-1": raw[:-1] + b"\xff}",
        "nothing": b" ",
        "nan": raw[:-1] + b',"x":NaN}',
        "deep": b'{"payload":' + b"[" * 1000 + b"]" * 1000 + b"}",
        "deeper": b"[" * 100_000,
        "digits": b'{"payload":' + b"9" * 50_000 + b"}",
    }.items():
        yield BadBundle(f"form/{name}", packed(data, stand.files))


def _json(stand: Stand) -> Iterator[BadBundle]:
    """Manifests that are signed and no strict, canonical JSON."""
    good = content_of(stand.manifest()).decode()
    for name, text in {
        "twice": good.replace('"serial":', '"serial":99,"serial":', 1),
        "twice-made-for": good.replace('"made_for":', '"made_for":{"units":["x"]},"made_for":', 1),
        "spaces": good.replace(":", ": "),
        "order": json.dumps(dict(reversed(json.loads(good).items())), separators=(",", ":")),
        "nan": good.replace(f'"serial":{stand.in_use + 1}', '"serial":NaN'),
        "infinity": good.replace(f'"serial":{stand.in_use + 1}', '"serial":Infinity'),
        "float": good.replace(f'"serial":{stand.in_use + 1}', f'"serial":{stand.in_use + 1}.0'),
        "exponent": good.replace(f'"serial":{stand.in_use + 1}', '"serial":1e2'),
        "many-digits": good.replace(f'"serial":{stand.in_use + 1}', '"serial":' + "9" * 5000),
        "deep": good[:-1] + ',"x":' + "[" * 1000 + "]" * 1000 + "}",
        "deep-note": good.replace('"note":""', '"note":' + "[" * 20 + "]" * 20),
        "list": "[]",
        "empty": "{}",
        "text": '"x"',
        "comment": good + "//",
        "cut": good[:-1],
        "two": good + good,
        "newline": good + "\n",
    }.items():
        yield BadBundle(f"json/{name}", packed(_signed(text.encode()), stand.files))
    for name, data in {"latin-1": good.encode()[:-1] + b"\xe4}", "zeros": bytes(100)}.items():
        yield BadBundle(f"json/{name}", packed(_signed(data), stand.files))


_ABSENT = object()
_CLAIMS: dict[str, tuple[Any, ...]] = {
    "format": (0, 2, "1", None, True),
    "id": ("", "x", "00000000-0000-0000-0000-000000000000", 5, None, _ABSENT),
    "kind": ("", "unit", "CONFIG", 5, None, ["config"], _ABSENT, "runtime", "overlay", "trust"),
    "name": ("", "x" * 81, 5, None, _ABSENT, "\x1b[2Jnight", "night\u202egep", "a\nb"),
    "serial": (0, -1, 2**53 + 1, 2**64, "9", 9.5, True, None, [], _ABSENT),
    "made_for": ({}, {"units": []}, {"units": ["Dog"]}, {"units": ["*"]}, {"kinds": ["cat"]},
                 {"units": "dog-07"}, {"everybody": True}, [], None, _ABSENT,
                 {"units": [f"u-{n}" for n in range(501)]}),
    "schema_version": (0, 1001, "1", None),
    "runtime_min": ("x", "", 1, "1.0; rm", "1.2.3.4"),
    "issued_at": ("", "yesterday", "2026-11-27", 0, None, "2026-11-27T12:00:00", _ABSENT),
    "not_before": ("", "2026-13-01T00:00:00Z", 0, None, _ABSENT, "9999-01-01T00:00:00Z"),
    "not_after": ("", "2026-02-30T00:00:00Z", 0, None, _ABSENT, "1999-01-01T00:00:00Z",
                  "99999-01-01T00:00:00Z"),
    "files": ([], {}, None, "x", [None], ["unit.yaml"], _ABSENT),
    "overlay_keys": ([""], ["../x"], ["a b"], ["a"] * 201, "hub.url", [5], ["a..b"], ["**/x"]),
    "local_keys": ([""], ["A.b"], None, {"a": 1}),
    "base": ({"bundle": "x", "serial": 1}, {}, 5),
    "platform": ({"machine": "x86_64", "python": "3.11"}, {"machine": "z80"}, 5),
    "note": (5, None, "x" * 501, [], "\x1b]0;x\x07", "\0"),
    "admin": (True,),
    "__class__": ("x",),
}  # fmt: skip
_FILE_CLAIMS: dict[str, tuple[Any, ...]] = {
    "sha256": ("", "0" * 63, "0" * 64, "A" * 64, 5, None, _ABSENT),
    "size_bytes": (-1, 2**31, 2**63, 10**30, "5", 5.5, True, None, _ABSENT),
    "mode": (0o4755,),
    "link": ("/etc/passwd",),
}


def _claims(stand: Stand) -> Iterator[BadBundle]:
    """Manifests that are signed, with one field that is not as it must be."""
    for name, values in _CLAIMS.items():
        for number, value in enumerate(values):
            claims = _claims_of(stand)
            _put(claims, name, value)
            yield BadBundle(f"claim/{name}-{number}", _with_claims(stand, claims))
    for name, values in _FILE_CLAIMS.items():
        for number, value in enumerate(values):
            claims = _claims_of(stand)
            _put(claims["files"][0], name, value)
            yield BadBundle(f"claim/file-{name}-{number}", _with_claims(stand, claims))


def _put(claims: dict[str, Any], name: str, value: Any) -> None:
    claims[name] = value
    if value is _ABSENT:
        del claims[name]


def _with_claims(stand: Stand, claims: dict[str, Any]) -> bytes:
    return packed(_signed(canonical(claims)), stand.files)


# --- size, and what is no bundle -----------------------------------------------------------------


def _large(stand: Stand) -> Iterator[BadBundle]:
    ten = b" " * (10 * 1024 * 1024)
    yield BadBundle("large/10-mb-manifest", packed(ten, stand.files))
    claims = _claims_of(stand)
    claims["files"][0]["name"] = "x" * 200_000
    yield BadBundle("large/signed-manifest", packed(_signed(canonical(claims)), stand.files))
    entry = _claims_of(stand)["files"][0]
    claims = _claims_of(stand)
    claims["files"] = [{**entry, "name": f"{n:04}"} for n in range(400)]
    yield BadBundle("large/400-files", packed(_signed(canonical(claims)), stand.files))
    for size in (2**30, 2**30 + 1):
        claims = _claims_of(stand)
        claims["files"] = [{**entry, "name": f"{n}", "size_bytes": size} for n in range(3)]
        yield BadBundle(f"large/claims-{size}", packed(_signed(canonical(claims)), stand.files))
    raw = envelope_of(stand.manifest(), "anna").raw
    promise = header("manifest.jws", len(raw)) + raw + bytes(gap(len(raw)))
    yield BadBundle("large/promised", promise + header("unit.yaml", 8**11 - 1))
    yield BadBundle("large/promised-manifest", header("manifest.jws", 8**11 - 1) + bytes(1000))
    yield BadBundle("large/zeros", bytes(10 * 1024 * 1024))


def _strangers(stand: Stand) -> Iterator[BadBundle]:
    """What is put in by mistake, or to fill the memory."""
    good = stand.good()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.jws", good)
        archive.writestr("unit.yaml", bytes(20 * 1024 * 1024))
    gzip = zlib.compressobj(9, zlib.DEFLATED, 31)
    for name, data in {
        "empty": b"",
        "zip-bomb": zipped.getvalue(),
        "gzip-bomb": gzip.compress(bytes(50 * 1024 * 1024)) + gzip.flush(),
        "gzipped": zlib.compress(good),
        "apple-double": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(4000),
        "elf": b"\x7fELF" + bytes(1000),
        "yaml": stand.config,
        "json": b"{}",
        "pickle": b"cos\nsystem\n(S'touch /tmp/x'\ntR.",
        "firmware": struct.pack("<I", 0x96F3B83D) + bytes(1000),
        "end-only": END,
        "html": b"<!DOCTYPE html><title>404</title>" * 100,
    }.items():
        yield BadBundle(f"stranger/{name}", data)


# --- rightly signed, and wrong inside ------------------------------------------------------------


def _yaml(stand: Stand) -> Iterator[BadBundle]:
    """Configurations that no unit can run, under a good signature."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    deep = "health: " + "[" * 1000 + "]" * 1000
    for name, text in {
        "alias-bomb": bomb.encode(),
        "anchor": b"health: &a\n  every_s: 30\nhub: *a\n",
        "merge-key": b"x: &x {every_s: 30}\nhealth:\n  <<: *x\n",
        "twice": b"health:\n  every_s: 30\nhealth:\n  every_s: 31\n",
        "twice-below": b"health:\n  every_s: 30\n  every_s: 31\n",
        "nan": b"health:\n  every_s: .nan\n",
        "infinity": b"health:\n  every_s: .inf\n",
        "deep": deep.encode(),
        "deep-maps": "".join(" " * n + "a:\n" for n in range(300)).encode(),
        "large": b"# " + b"x" * (300 * 1024) + b"\nhealth:\n  every_s: 30\n",
        "python-object": b"health: !!python/object/apply:os.system ['touch /tmp/x']\n",
        "python-name": b"health:\n  every_s: !!python/name:os.system\n",
        "unknown-section": b"helth:\n  every_s: 30\n",
        "unknown-key": b"health:\n  evry_s: 30\n",
        "out-of-range": b"health:\n  every_s: -1\n",
        "wrong-type": b"health: 5\n",
        "list": b"- health\n",
        "text": b"health\n",
        "latin-1": b"unit:\n  label: \xe4\n",
        "utf-16": "health:\n  every_s: 30\n".encode("utf-16"),
        "zeros": bytes(100),
        "binary": b"\x7fELF" + bytes(range(256)),
        "tabs": b"health:\n\tevery_s: 30\n",
        "two-documents": b"health:\n  every_s: 30\n---\nhealth:\n  every_s: 31\n",
        "missing-zone-file": b"zones:\n  files: [zones/none.geojson]\n",
        "zone-file-outside": b"zones:\n  files: [../../../../../etc/passwd]\n",
        "missing-model": b"perception:\n  model: no_such_model\n",
    }.items():
        files = {"unit.yaml": text}
        data = bundle_of(stand.manifest(files), files, "anna")
        yield BadBundle(f"yaml/{name}", data, "engine")
    files = {"other.yaml": stand.config}
    yield BadBundle("yaml/no-unit-file", bundle_of(stand.manifest(files), files, "anna"), "engine")


def _other_kinds(stand: Stand) -> Iterator[BadBundle]:
    """Zones, models, runtimes and lists of keys that hold something else."""
    for name, kind, files in (
        ("zones-no-json", "zones", {"zones/a.geojson": b"{"}),
        ("zones-nan", "zones", {"zones/a.geojson": b'{"type":"FeatureCollection","features":NaN}'}),
        ("zones-deep", "zones", {"zones/a.geojson": b"[" * 100_000}),
        ("zones-none", "zones", {"readme.txt": b"x"}),
        ("model-no-onnx", "model", {"model.onnx": b"x" * 1000}),
        ("model-ort", "model", {"model.onnx": b"\0\0\0\0ORTM" + bytes(1000)}),
        ("model-pickle", "model", {"model.pt": b"cos\nsystem\n(S'x'\ntR."}),
        ("model-none", "model", {"readme.txt": b"x"}),
    ):
        data = bundle_of(stand.manifest(files, kind=kind), files, "anna")
        yield BadBundle(f"kind/{name}", data, "engine")
    for name, files in (
        ("no-wheel", {"readme.txt": b"x"}),
        ("no-zip", {"patrol_edge-0.2.0-py3-none-any.whl": b"x" * 1000}),
        ("other-platform", {"patrol_edge-0.2.0-cp27-cp27m-win32.whl": _wheel("patrol_edge")}),
        ("another-package", {"evil-0.2.0-py3-none-any.whl": _wheel("evil")}),
    ):
        data = bundle_of(_runtime(stand, files), files, "anna", "ben")
        yield BadBundle(f"kind/runtime-{name}", data, "engine")
    for name, data in (("no-json", b"x"), ("empty", b"{}"), ("deep", b"[" * 10_000)):
        files = {"trust.json": data}
        manifest = stand.manifest(files, kind="trust", serial=99)
        whole = bundle_of(manifest, files, "anna", "ben")
        yield BadBundle(f"kind/trust-{name}", whole, "engine")


def _wheel(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(f"{name}-0.2.0.dist-info/METADATA", f"Name: {name}\nVersion: 0.2.0\n")
    return content.getvalue()
