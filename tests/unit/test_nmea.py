"""What each sentence says, and what is refused in it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import BadDataError
from drivers.gnss.nmea import USED_KINDS, USED_PROPRIETARY, parse
from drivers.gnss.report import Report
from drivers.gnss.sky import Constellation, satellite_of
from drivers.samples import FixKind


def told(body: str) -> Report:
    report = parse(body)
    assert report is not None
    return report


def test_gga() -> None:
    report = told("GPGGA,120001.50,4807.038,N,01131.000,W,4,08,0.9,545.4,M,46.9,M,,")
    assert report.place == pytest.approx((48.1173, -11.516666667))
    assert report.day_ms == 12 * 3_600_000 + 1500
    assert report.fix is FixKind.RTK_FIXED
    assert (report.alt_msl_m, report.hdop, report.satellites_used) == (545.4, 0.9, 8)


@pytest.mark.parametrize(
    ("quality", "fix"),
    [
        ("0", FixKind.NONE),
        ("1", FixKind.FIX_2D),
        ("2", FixKind.DGPS),
        ("5", FixKind.RTK_FLOAT),
        ("6", FixKind.ESTIMATED),
        ("7", FixKind.NONE),
        ("8", FixKind.NONE),
        ("", None),
        ("x", None),
    ],
)
def test_gga_quality(quality: str, fix: FixKind | None) -> None:
    report = told(f"GPGGA,120000,4807.038,N,01131.000,E,{quality},08,0.9,545.4,M,46.9,M,,")
    assert report.fix is fix
    assert (report.place is not None) == (fix not in (None, FixKind.NONE))


@pytest.mark.parametrize(
    ("end", "fix"),
    [
        ("A,4807.038,N,01131.000,E,10,77.5,221126,,,A,V", FixKind.FIX_2D),
        ("A,4807.038,N,01131.000,E,10,77.5,221126,,", FixKind.FIX_2D),
        ("A,4807.038,N,01131.000,E,10,77.5,221126,,,D", FixKind.DGPS),
        ("A,4807.038,N,01131.000,E,10,77.5,221126,,,N", FixKind.NONE),
        ("A,4807.038,N,01131.000,E,10,77.5,221126,,,S", FixKind.NONE),
        ("V,4807.038,N,01131.000,E,10,77.5,221126,,,A", FixKind.NONE),
    ],
)
def test_rmc(end: str, fix: FixKind) -> None:
    report = told(f"GNRMC,120000.00,{end}")
    assert report.fix is fix
    assert report.day == date(2026, 11, 22)
    assert report.speed_mps == pytest.approx(5.14444, abs=1e-4)
    assert report.course_deg == 77.5


def test_gns_takes_the_best_constellation() -> None:
    report = told("GNGNS,120000.00,4807.038,N,01131.000,E,NRAD,17,0.8,168.9,39.5,,,V")
    assert report.fix is FixKind.RTK_FIXED
    assert told("GNGNS,120000.00,,,,,NN,00,99.99,,,,").fix is FixKind.NONE


def test_gll_whose_status_comes_after_the_time() -> None:
    report = told("BDGLL,4807.038,S,01131.000,E,120000.00,A,D")
    assert report.place == pytest.approx((-48.1173, 11.516666667))
    assert report.fix is FixKind.DGPS


def test_the_sentences_without_a_position() -> None:
    assert told("GPVTG,77.5,T,,M,10.0,N,18.5,K,A").speed_mps == pytest.approx(5.14444, abs=1e-4)
    assert told("GPVTG,77.5,T,,M,,N,36,K,A").speed_mps == pytest.approx(10)
    assert told("GPVTG,0,T,,M,0,N,0,K,N").speed_mps is None
    gsa = told("GNGSA,A,3,10,28,09,13,,,,,,,,,3.4,1.7,3.0,1")
    assert (gsa.dimension, gsa.satellites_used, gsa.pdop, gsa.vdop) == (3, 4, 3.4, 3.0)
    assert told("GPGSV,3,1,11,01,18,023,40").satellites_in_view == 11
    assert told("GPGST,120000,3.0,,,,3.0,4.0,6.0").error_m == 5.0
    assert told("GPZDA,120000.00,23,12,2027,00,00").day == date(2027, 12, 23)
    assert told("HEHDT,274.1,T").heading_deg == 274.1
    assert told("GNTHS,274.1,A").heading_deg == 274.1
    assert told("GNTHS,274.1,V").heading_deg is None


def test_an_empty_value_is_none_never_zero() -> None:
    report = told("GPGGA,120000,4807.038,N,01131.000,E,2,,,,,,,,")
    assert (report.satellites_used, report.hdop, report.alt_msl_m) == (None, None, None)
    assert told("GPVTG,,T,,M,,N,,K,A").speed_mps is None
    assert told("GPZDA,,,,,,").day is None
    assert told("GPGGA,,,,,,1,05,1.0,,M,,M,,").place is None


@pytest.mark.parametrize(
    "position",
    [
        "8960.0000,N,00000.0000,E",
        "9100.0000,N,01131.0000,E",
        "36000.0000,N,01131.0000,E",
        "4807.038,N,18100.000,E",
        "4807.038,X,01131.000,E",
        "4807.038,,01131.000,E",
        "4807.038,N,,",
        "-4807.038,N,01131.000,E",
        "0000.0000,N,00000.0000,E",
        "48 7.038,N,01131.000,E",
        "nan,N,01131.000,E",
    ],
)
def test_a_place_that_is_none_is_refused_where_it_is_called_a_fix(position: str) -> None:
    with pytest.raises(BadDataError):
        parse(f"GPGGA,120000,{position},1,08,0.9,545.4,M,46.9,M,,")
    assert told(f"GPGGA,120000,{position},0,08,0.9,545.4,M,46.9,M,,").place is None


@pytest.mark.parametrize("time", ["246000", "1200", "126000", "120061", "12:00:00", "-10000"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with pytest.raises(BadDataError):
        parse(f"GPZDA,{time},22,11,2026,00,00")


@pytest.mark.parametrize("body", ["PUBX,00,1,2", "GPXXX,hello", "PGRME,1,M", "", "G", "GPGGA", "$"])
def test_other_kinds_say_nothing(body: str) -> None:
    assert parse(body) is None


def test_absurd_values_are_left_out_and_counted() -> None:
    report = told("GPGGA,120000,4807.038,N,01131.000,E,1,-5,-1,nan,M,inf,M,,")
    assert (report.satellites_used, report.hdop, report.alt_msl_m) == (None, None, None)
    assert report.place is not None
    assert report.refused == 3
    report = told("GPRMC,120000,A,4807.038,N,01131.000,E,-1,361,2208-1,,,A")
    assert (report.speed_mps, report.course_deg, report.day, report.refused) == (None,) * 3 + (3,)


def test_what_receivers_write_for_no_idea_is_not_refused() -> None:
    report = told("GPGGA,120000,4807.038,N,01131.000,E,1,00,99.99,,M,,M,,")
    assert (report.hdop, report.satellites_used, report.refused) == (None, 0, 0)
    assert told("GPRMC,120000,V,,,,,,,000000,,,N").refused == 0
    assert told("GPZDA,120000,00,00,0000,00,00").refused == 0


@pytest.mark.parametrize(
    "text",
    ["1_0", "1e2", "0x10", "nan", "inf", "-inf", "\u0663", "1" * 30, "--1", "1.5.2", ".", "\u00b2"],
)
def test_what_only_python_takes_for_a_number_is_refused(text: str) -> None:
    for body in (
        f"GPGGA,120000,4807.038,N,01131.000,E,1,{text},0.9,545.4,M,46.9,M,,",
        f"GPGGA,120000,4807.038,N,01131.000,E,1,08,{text},545.4,M,46.9,M,,",
        f"GPGGA,120000,4807.038,N,01131.000,E,1,08,0.9,{text},M,46.9,M,,",
        f"GPRMC,120000,A,4807.038,N,01131.000,E,{text},77.5,221126,,,A",
        f"GPRMC,120000,A,4807.038,N,01131.000,E,10,77.5,{text},,,A",
        f"GPZDA,120000,{text},01,2026,00,00",
        f"GPZDA,120000,01,01,{text},00,00",
    ):
        assert told(body).refused == 1, body
    with pytest.raises(BadDataError):
        parse(f"GPHDT,{text},T")


def test_a_heading_all_around_is_zero_and_a_larger_one_refused() -> None:
    assert told("GPHDT,360,T").heading_deg == 0
    assert str(told("GPHDT,-0,T").heading_deg) == "0.0"
    with pytest.raises(BadDataError):
        parse("GPHDT,400,T")


@pytest.mark.parametrize(
    ("text", "day"), [("060180", date(1980, 1, 6)), ("311279", date(2079, 12, 31))]
)
def test_short_dates_are_of_the_years_of_gps(text: str, day: date) -> None:
    assert told(f"GPRMC,120000,V,,,,,,,{text},,,N").day == day


# --- sky ---


@pytest.mark.parametrize(
    ("talker", "number", "system", "satellite"),
    [
        ("GP", 7, "", (Constellation.GPS, 7)),
        ("GP", 46, "", (Constellation.SBAS, 133)),
        ("GP", 194, "", (Constellation.QZSS, 2)),
        ("GL", 70, "", (Constellation.GLONASS, 6)),
        ("GL", 6, "", (Constellation.GLONASS, 6)),
        ("GA", 301, "", (Constellation.GALILEO, 1)),
        ("GB", 46, "", (Constellation.BEIDOU, 46)),
        ("BD", 46, "", (Constellation.BEIDOU, 46)),
        ("BD", 214, "", (Constellation.BEIDOU, 14)),
        ("PQ", 2, "", (Constellation.QZSS, 2)),
        ("GN", 46, "4", (Constellation.BEIDOU, 46)),
        ("GN", 5, "3", (Constellation.GALILEO, 5)),
        ("GN", 66, "", (Constellation.GLONASS, 2)),
        ("GN", 5, "", (Constellation.GPS, 5)),
        ("GN", 46, "", (Constellation.SBAS, 133)),
        ("XX", 5, "", None),
    ],
)
def test_whose_satellite_a_number_is(
    talker: str, number: int, system: str, satellite: object
) -> None:
    assert satellite_of(talker, number, system) == satellite


def test_gsv_of_nmea_4_11_and_of_before() -> None:
    body = "GBGSV,1,1,02,05,18,123,35,46,60,359,,8"
    first, second = told(body).signals
    assert (first.name, first.number, first.elevation_deg, first.azimuth_deg) == ("B3I", 5, 18, 123)
    assert (first.cn0_dbhz, second.cn0_dbhz) == (35.0, None)
    assert [s.id for s in told("BDGSV,1,1,02,205,18,123,35,206,60,359,00").signals] == ["", ""]
    assert told("BDGSV,1,1,02,205,18,123,35,206,60,359,00").signals[1].cn0_dbhz is None
    assert told("GPGSV,1,1,00").signals == ()
    assert told("PQGSV,1,1,01,02,48,213,48,1").signals[0].constellation is Constellation.QZSS
    short = told("GPGSV,3,1,11,01,18,023,40,02,99,400,xx")
    assert (len(short.signals), short.refused) == (1, 1)
    assert told("GPGSV,1,1,01,01,18,023,40,G").refused == 1


def test_gsa_with_and_without_the_system() -> None:
    assert told("GNGSA,A,3,05,46,,,,,,,,,,,3.4,1.7,3.0,4").used == (
        (Constellation.BEIDOU, 5),
        (Constellation.BEIDOU, 46),
    )
    assert told("GPGSA,A,3,05,,,,,,,,,,,,3.4,1.7,3.0").used == ((Constellation.GPS, 5),)


def test_corrections_and_their_base() -> None:
    place = "132819.60,4134.49,N,09345.03,W"
    report = told(f"GNGGA,{place},4,10,0.9,278.1,M,-31.4,M,6.6,0133")
    assert (report.corrections_age_s, report.base_id) == (6.6, "0133")
    report = told(f"GNGGA,{place},1,10,0.9,278.1,M,-31.4,M,0.0,0000")
    assert (report.corrections_age_s, report.base_id) == (None, None)
    report = told(f"GNGGA,{place},5,10,0.9,278.1,M,-31.4,M,,")
    assert (report.corrections_age_s, report.base_id) == (None, None)


@pytest.mark.parametrize(
    ("body", "heading_deg", "error_deg"),
    [
        ("PASHR,204132.000,010.51,T,+00.39,-00.79,-00.84,0.151,0.075,0.555,1,0", 10.51, 0.555),
        ("PASHR,142509.000,179.885,T,-0.624,0.245,,0.029,0.029,0.502,2,3", 179.885, 0.502),
        (
            "PTNL,AVR,145331.50,+35.9990,Yaw,-7.8209,Tilt,-0.4305,Roll,444.232,3,1.2,17",
            35.999,
            None,
        ),
        ("PTNL,AVR,181059.6,-149.4688,Yaw,+0.0134,Tilt,,,60.191,3,2.5,6", 210.5312, None),
        ("PTNL,AVR,181059.6,+149.4688,Yaw,+0.0134,Tilt,,,60.191,0,2.5,6", None, None),
        ("PSSN,HRP,142657.80,061222,152.236,,-0.708,0.084,,0.181,21,2,2.400,E", 152.236, 0.084),
        ("PSSN,HRP,,,,,,,,,00,0,,", None, None),
        (
            "PQTMTAR,1,124907.000,6,,1.729,-1.316205,-0.713165,84.344437,0.146003,0.296450,"
            "0.045169,00",
            84.344437,
            0.045169,
        ),
        ("PQTMTAR,1,124907.000,0,,1.729,,,,,,,00", None, None),
        ("GNHPR,142509.00,359.9,0.5,0.0,4,22,1.0,0001", 359.9, None),
        ("GNHPR,142509.00,000.0,0.5,0.0,0,00,,", None, None),
    ],
)
def test_headings_of_receivers_with_two_antennas(
    body: str, heading_deg: float | None, error_deg: float | None
) -> None:
    assert (told(body).heading_deg, told(body).heading_error_deg) == (heading_deg, error_deg)


@pytest.mark.parametrize(
    "body",
    ["PTNL,GGK,1,2", "PSSN,RBP,1", "PASHR,POS,1,2", "PASHR", "PTNL", "GNTXT,01,01,02,u-blox AG"],
)
def test_what_these_makers_say_else_is_nothing(body: str) -> None:
    assert parse(body) is None


def test_what_a_receiver_says_of_its_antenna_and_of_jamming() -> None:
    assert told("GNTXT,01,01,02,ANTSTATUS=OPEN").antenna == "open"
    assert told("GPTXT,01,01,01,ANTENNA OPEN").antenna == "open"
    assert told("GNTXT,01,01,02,ANTSTATUS=OK").antenna == "ok"
    assert told("PQTMJAMMINGSTATUS,1,3").jamming == 3
    assert told("PAIRSPF,2").jamming == 2
    assert told("PQTMJAMMINGSTATUS,1,0").jamming is None


field = st.text("0123456789.,-ANVENSWRFDM naif_+e*", max_size=12)


@given(
    st.sampled_from(["GP", "GN", "BD", "II", "PQ", ""]),
    st.sampled_from(sorted(USED_KINDS | USED_PROPRIETARY)),
    st.lists(field | st.sampled_from(["AVR", "HRP", "T", "120000.00", "4"]), max_size=24),
)
def test_no_fields_make_it_fail(talker: str, kind: str, fields: list[str]) -> None:
    try:
        report = parse(",".join([talker + kind, *fields]))
    except BadDataError:
        return
    assert report is None or report.kind == kind or report.talker == "P"
    if report is not None and report.place is not None:
        lat_deg, lon_deg = report.place
        assert -90 <= lat_deg <= 90
        assert -180 <= lon_deg <= 180
    if report is not None and report.heading_deg is not None:
        assert 0 <= report.heading_deg < 360
