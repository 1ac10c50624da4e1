"""Where the service calls: public addresses, plainly written, whatever else is tried."""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core.addresses import AddressRefused, check_address, is_public, parse_url

V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(IPv6Address)

NOT_PUBLIC = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::/96",  # compatible
    "::ffff:0:0/96",  # mapped
    "::ffff:0:0:0/96",  # translated
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",  # Teredo
    "2001:db8::/32",
    "2002::/16",  # 6to4
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]


@st.composite
def refused(draw):
    """An address of a network that is not called."""
    network = ip_network(draw(st.sampled_from(NOT_PUBLIC)))
    return network[draw(st.integers(0, network.num_addresses - 1))]


@given(refused())
def test_no_address_of_a_network_that_is_not_public_is_called(address):
    """Its first, its last, and any between."""
    assert not is_public(address)
    with pytest.raises(AddressRefused):
        check_address(str(address))


@pytest.mark.parametrize("network", NOT_PUBLIC)
def test_the_edges_of_each_network_are_refused(network):
    """Where mistakes are made."""
    whole = ip_network(network)
    for address in (whole[0], whole[-1]):
        assert not is_public(address)


@given(st.one_of(V4, V6))
def test_what_is_called_is_public_by_the_standard_librarys_account_too(address):
    """We may be stricter, never laxer."""
    if is_public(address):
        assert address.is_global
        kinds = ("private", "loopback", "link_local", "multicast", "reserved", "unspecified")
        assert not [kind for kind in kinds if getattr(address, f"is_{kind}")]


@given(V4)
def test_no_ipv4_address_gets_in_inside_an_ipv6_one(address):
    """Mapped, compatible, translated, NAT64, 6to4, Teredo: whatever it carries."""
    number = int(address)
    carriers = [
        number,
        0xFFFF << 32 | number,
        0xFFFF << 48 | number,
        0x64FF9B << 96 | number,
        0x2002 << 112 | number << 80,
        0x2001 << 112 | (number ^ 0xFFFFFFFF),
        0x2001 << 112 | number << 64,
    ]
    for carrier in carriers:
        assert not is_public(IPv6Address(carrier))
        with pytest.raises(AddressRefused):
            parse_url(f"https://[{IPv6Address(carrier)}]/")


@given(V4)
def test_an_ipv4_address_is_called_only_when_it_is_plainly_written(address):
    """No decimal, octal, hexadecimal or short spelling, public or not."""
    number = int(address)
    a, b, c, d = address.packed
    odd = [
        f"{number}",
        f"0x{number:x}",
        f"0X{number:X}",
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{b}.{c}.0x{d:x}",
        f"0{a}.{b}.{c}.{d}",
        f"{a}.{b}.{c}.{d}.0x",
    ]
    for host in odd:
        for allowed in (False, True):
            with pytest.raises(AddressRefused):
                parse_url(f"https://{host}/", allow_private=allowed)
    if is_public(address):
        assert parse_url(f"https://{address}/").host == str(address)


@given(V4)
def test_what_the_system_reads_as_an_address_is_vetted_as_one(address):
    """What we let through as a name, no resolver takes for a number."""
    for host in (f"{int(address)}", hex(int(address)), f"{address}.", f"a.{int(address)}"):
        try:
            place = parse_url(f"https://{host}/")
        except AddressRefused:
            continue
        try:
            read = socket.inet_aton(place.host)
        except OSError:
            continue
        assert place.host == str(IPv4Address(read))
        assert is_public(IPv4Address(read))


@given(st.text(min_size=1, max_size=60))
def test_whatever_is_given_is_taken_apart_or_refused(text):
    """And what is taken apart says one thing: a scheme, a plain host, a port."""
    for url in (text, f"https://{text}", f"http://{text}/x?y", f"https://a.example/{text}"):
        try:
            place = parse_url(url)
        except AddressRefused:
            continue
        assert place.scheme in {"http", "https"}
        assert place.host
        assert not set(place.host) & set("/@%\\? #[]")
        assert 0 < place.port < 65536
        assert place.target.startswith("/")
        assert not set(place.target) & set(" \r\n\t#")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "gopher://a.example/",
        "javascript:alert(1)",
        "//a.example/",
        "a.example",
        "https://",
        "https:///path",
        "https://user@a.example/",
        "https://user:word@a.example/",
        "https://a.example@127.0.0.1/",
        "https://127.0.0.1#@a.example/",
        "https://a.example/#part",
        "https://a.example/#",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://a.example:x/",
        "https://a.example\\@127.0.0.1/",
        "https://a.exa mple/",
        "https://a.example/\r\nHost: b",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[::1",
        "https://::1/",
        "https://[127.0.0.1]/",
        "https://[v1.x]/",
        "https://[::1]x/",
        "https://%31%32%37.0.0.1/",
        "https://１２７.0.0.1/",
        "https://ⓛocalhost/",
        "https://127。0。0。1/",
        "https://a..example/",
        "https://-a.example/",
        "https://.a.example/",
        "https://a.example./x." + "a" * 2000,
        "https://127.1/",
        "https://127.0.0.1./",
        "https://0/",
        "https://0x7f000001/",
        "https://017700000001/",
        "https://2130706433/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[::127.0.0.1]/",
    ],
)
def test_an_odd_address_is_refused(url):
    """Also where private networks are allowed; the reason is reported."""
    for allowed in (False, True):
        if allowed and url == "https://127.0.0.1./":
            continue  # a plain address with the root's dot
        with pytest.raises(AddressRefused) as caught:
            parse_url(url, allow_private=allowed)
        assert len(str(caught.value)) > 10


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", ("https", "a.example", 443, "/")),
        ("HTTP://A.example:8080/x/y?z=1&%20", ("http", "A.example", 8080, "/x/y?z=1&%20")),
        ("https://8.8.8.8/", ("https", "8.8.8.8", 443, "/")),
        ("https://[2606:4700::1111]:44/", ("https", "2606:4700::1111", 44, "/")),
        ("https://xn--bcher-kva.example/", ("https", "xn--bcher-kva.example", 443, "/")),
        ("https://a_b.example.?q", ("https", "a_b.example", 443, "/?q")),
    ],
)
def test_a_plain_address_is_taken_apart(url, expected):
    """As it was written."""
    place = parse_url(url)
    assert (place.scheme, place.host, place.port, place.target) == expected


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1", "100.64.0.1"])
def test_private_networks_can_be_allowed(address):
    """Where an operator says so."""
    check_address(address, allow_private=True)
    with pytest.raises(AddressRefused, match="private"):
        check_address(address)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "fe80::1", "ff02::1"],
)
def test_what_no_receiver_has_is_never_called(address):
    """Link-local (a cloud's credentials), unspecified, multicast: no setting allows it."""
    with pytest.raises(AddressRefused, match="reserved"):
        check_address(address, allow_private=True)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "fd00::1%1", "::1%lo", "nonsense", "", "1.2"])
def test_an_address_with_a_zone_or_none_at_all_is_refused(address):
    """Whatever a resolver says."""
    with pytest.raises(AddressRefused):
        check_address(address, allow_private=True)


def test_the_public_internet_can_be_called():
    """Most of it, in both families; the rule is no wall."""
    for text in ("1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1", "2a00:1450::1"):
        assert is_public(ip_address(text))
    assert isinstance(ip_network("2000::/3"), IPv6Network)
    assert ipaddress.ip_address("2001:4860:4860::8888").is_global
    assert is_public(ip_address("2001:4860:4860::8888"))
