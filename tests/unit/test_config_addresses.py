"""Addresses: one parser for the configuration, the link and the hub command."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.addresses import broker_address, broker_url, is_host
from config.models import HubConfig
from telemetry.link.transport import link_options


@pytest.mark.parametrize(
    ("url", "clean", "address"),
    [
        ("mqtt://broker", "mqtt://broker", ("broker", 1883, False)),
        ("mqtts://broker.example/", "mqtts://broker.example", ("broker.example", 8883, True)),
        ("mqtt://[::1]:1884", "mqtt://[::1]:1884", ("::1", 1884, False)),
        ("MQTT://Broker:1883", "mqtt://broker:1883", ("broker", 1883, False)),
        (" mqtt://broker:1883\n", "mqtt://broker:1883", ("broker", 1883, False)),
        ("mqtt://broker:", "mqtt://broker", ("broker", 1883, False)),
        ("mqtt://broker:001883", "mqtt://broker:1883", ("broker", 1883, False)),
        ("mqtt://[fe80::1%eth0]", "mqtt://[fe80::1%25eth0]", ("fe80::1%eth0", 1883, False)),
        ("mqtt://[fe80::1%25eth0]", "mqtt://[fe80::1%25eth0]", ("fe80::1%eth0", 1883, False)),
    ],
)
def test_what_the_configuration_takes_the_link_understands(
    url: str, clean: str, address: tuple[str, int, bool]
) -> None:
    options = link_options(HubConfig(url=url), "dog-1")

    assert broker_url(url) == clean
    assert (options.host, options.port, options.tls) == address


def test_the_other_nodes_of_a_cluster_have_the_same_user_and_their_own_address() -> None:
    urls = ("mqtts://second", "mqtt://third:1884")
    config = HubConfig(url="mqtts://first:8884", fallback_urls=urls, keepalive_s=7)
    first, second, third = link_options(config, "dog-1").nodes()

    assert (first.address, first.tls) == ("first:8884", True)
    assert (second.address, second.tls) == ("second:8883", True)
    assert (third.address, third.tls) == ("third:1884", False)
    assert {node.client_id for node in (first, second, third)} == {"dog-1"}
    assert {node.keepalive_s for node in (first, second, third)} == {7}


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "write mqtts://HOST:8883"),
        ("broker", "write mqtts://broker:8883"),
        ("http://x", "write mqtts://x:8883"),
        ("mqtt://x:0", "1 to 65535"),
        ("mqtt://x:99999", "1 to 65535"),
        ("mqtt://a b", "has no usable host"),
        ("mqtt://a..b:1883", "each part between dots 1 to 63 long"),
        (f"mqtt://{'a' * 64}.example", "each part between dots 1 to 63 long"),
        (f"mqtt://{'a.' * 127}aa", "has no usable host"),
        ("mqtt://broker_:1883", "has no usable host"),
        ("mqtt://[fe80::1%a/b]", "is no address"),
        ("mqtt://user:secret@broker", "password_file"),
    ],
)
def test_what_is_no_broker_address_says_what_to_write(url: str, text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        broker_url(url)
    assert "secret" not in str(caught.value)


urls = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["mqtt://", "MQTTS://", " mqtt://", "mqtt:", ""]),
    st.one_of(
        st.text(string.ascii_letters + ".-_%[]:", max_size=80),
        st.ip_addresses(v=6).map("[{}%25a.1]".format),
        st.text(max_size=20),
    ),
    st.sampled_from(["", ":", ":0", ":01883", ":65535", ":65536", ":x"]),
    st.sampled_from(["", "/", "?", "#", "\n"]),
)


@given(urls)
@example("mqtt://[fe80::1%2525]")
@example("mqtt://[fe80::1%25]")
def test_no_text_gives_an_address_that_cannot_be_dialled(url: str) -> None:
    try:
        clean = broker_url(url)
    except ValueError:
        return
    address = broker_address(url)
    assert broker_address(clean) == address
    assert broker_url(clean) == clean
    assert address.host.encode("idna")  # as the system does before it asks; never a UnicodeError
    assert 1 <= address.port <= 65535


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "a." * 126 + "aa", ".a", "a.", ""])
def test_names_that_cannot_be_asked_are_no_hosts(host: str) -> None:
    assert not is_host(host)
    assert is_host("a" * 63 + "." + "b" * 63)
