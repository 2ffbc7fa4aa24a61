"""Whose failures are counted together."""

from __future__ import annotations

import pytest

from oversight.grpc_api.authentication import host_of


class Peer:
    """A call from somewhere."""

    def __init__(self, text: str) -> None:
        self._text = text

    def peer(self) -> bytes:
        return self._text.encode()


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:192.0.2.7:50051", "ipv4:192.0.2.7"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:50051", "ipv6:2001:db8:1:2::/64"),
        ("ipv6:[2001:db8:1:2::9]:50051", "ipv6:2001:db8:1:2::/64"),
        ("ipv6:[::1]:50051", "ipv6:::/64"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:1", "ipv4:192.0.2.7"),
        ("unix:/run/oversight.sock", "unix:/run/oversight.sock"),
    ],
)
def test_an_address_is_counted_without_its_port_and_a_network_of_ipv6_as_one(peer: str, host: str) -> None:
    """Another port or another address of the same network costs nothing."""
    assert host == host_of(Peer(peer))
