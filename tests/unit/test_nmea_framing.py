"""SentenceFramer: sentences out of any bytes, in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gnss.nmea_framing import MAX_SENTENCE_BYTES, SentenceFramer, frame

GGA = "GNGGA,120000.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"
RMC = "GNRMC,120000.00,A,4807.038,N,01131.000,E,0.1,,221126,,,A,V"
UBX = bytes.fromhex("b562010714000123d324aaff0a0d00b5")


def bodies(framer: SentenceFramer, *pieces: bytes) -> list[str]:
    return [line.body for piece in pieces for line in framer.feed(piece, 0.0)]


def test_the_checksum_of_the_standard_s_own_example() -> None:
    # From the pynmea2 and gpsd documentation alike.
    known = b"$GPGGA,184353.07,1929.045,S,02410.506,E,1,04,2.6,100.00,M,-33.9,M,,0000*6D\r\n"
    assert frame(known[1:-5].decode()) == known


@pytest.mark.parametrize(
    "data",
    [
        frame(GGA) + frame(RMC),
        UBX + frame(GGA) + UBX + frame(RMC) + UBX,
        b"!AIVDM,1,1,,B,13aGhtw0R<OJf=6LgQ?Ad1FF05`L,0*24\r\n" + frame(GGA) + b"\r\n" + frame(RMC),
        frame(GGA).rstrip() + frame(RMC).rstrip(),
        frame(GGA).replace(b"\r\n", b"\n") + b"   " + frame(RMC),
        b"$GNGGA,1200" + frame(GGA) + b"$GN" + frame(RMC),
        b"\xd3\x00\x13" + bytes(range(256)) + frame(GGA) + bytes(range(256)) + frame(RMC),
        frame(GGA).lower().upper() + frame(RMC)[:-4] + frame(RMC)[-4:].lower(),
    ],
    ids=["plain", "ubx", "ais", "no line ends", "odd line ends", "cut", "rtcm", "small hex digits"],
)
def test_sentences_are_found_among_anything(data: bytes) -> None:
    assert bodies(SentenceFramer(), data) == [GGA, RMC]
    one_by_one = [data[at : at + 1] for at in range(len(data))]
    assert bodies(SentenceFramer(), *one_by_one) == [GGA, RMC]


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (frame(GGA).replace(b"4807", b"4907"), "bad_checksum"),
        (b"$" + GGA.encode() + b"\r\n", "no_checksum"),
        (frame(GGA)[:30] + b"\x00" + frame(GGA)[31:], "cut"),
        (b"$GPTXT," + b"x" * MAX_SENTENCE_BYTES + b"*00\r\n", "too_long"),
    ],
)
def test_damage_is_counted_by_cause(data: bytes, cause: str) -> None:
    framer = SentenceFramer()
    assert bodies(framer, data, frame(RMC)) == [RMC]
    assert framer.counts[cause] == 1


def test_a_dollar_by_chance_in_binary_data_is_no_sentence() -> None:
    framer = SentenceFramer()
    assert bodies(framer, b"\x01$\x02$ab\x03" + frame(GGA)) == [GGA]
    assert set(framer.counts) == {"other_bytes"}


def test_a_sentence_bears_the_time_its_first_byte_came() -> None:
    framer = SentenceFramer()
    data = frame(GGA)
    assert framer.feed(data[:5], 10.0) == []
    assert framer.feed(data[5:20], 10.2) == []
    (first,) = framer.feed(data[20:] + data[:9], 10.5)
    (second,) = framer.feed(data[9:], 11.0)
    assert (first.mono_s, second.mono_s) == (10.0, 10.5)


def test_an_endless_line_does_not_grow_in_memory() -> None:
    framer = SentenceFramer()
    for _ in range(1000):
        framer.feed(b"$GPGGA," + b"7" * 4000, 0.0)
    assert len(framer._pending) <= MAX_SENTENCE_BYTES + 1
    assert bodies(framer, b"\r\n" + frame(GGA)) == [GGA]


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_no_bytes_make_it_fail(pieces: list[bytes]) -> None:
    framer = SentenceFramer()
    for piece in pieces:
        for line in framer.feed(piece, 0.0):
            assert line.body.isascii()
    framer.finish()


@given(st.data(), st.lists(st.sampled_from([GGA, RMC]), min_size=1, max_size=5))
def test_pieces_do_not_matter(data: st.DataObject, sent: list[str]) -> None:
    noise = st.binary(max_size=30).filter(lambda noise: b"$" not in noise)
    whole = b"".join(data.draw(noise) + frame(body) for body in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert bodies(SentenceFramer(), *pieces) == sent
