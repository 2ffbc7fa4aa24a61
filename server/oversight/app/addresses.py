"""The addresses that the server listens on: read, judged, and found taken before workers share them unnoticed."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from oversight.errors import AddressError
from oversight.settings import Settings

__all__ = ["Address", "check_addresses", "find_ports", "is_beyond_loopback", "parse_address"]

_FORM = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s/]+)):(?P<port>[0-9]{1,5})")
_SETTINGS = ("listen", "admin_listen")
_WAIT_FOR_PORT_S = 1.0
"""A server killed a moment ago may hold its port until the kernel has ended its workers."""


class Address(NamedTuple):
    """A host (a name, IPv4, or IPv6 without brackets) and a port; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return HOST:PORT, with an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, setting: str) -> Address:
    """Return the address that *text* is, or raise `AddressError` naming the *setting* it came from."""
    match = _FORM.fullmatch(text)
    if match is None or int(match["port"]) > 65_535:
        raise AddressError(
            f"{_name(setting)} is {text!r}; expected HOST:PORT such as 127.0.0.1:50051, an IPv6 address in brackets "
            "([::1]:50051), the port in 0..65535"
        )
    return Address(match["ipv6"] or match["host"], int(match["port"]))


def check_addresses(settings: Settings) -> None:
    """
    Raise `AddressError` for an address that is malformed, unknown, or not loopback without `insecure`.

    With a simulated clock, for one that is not loopback in any case: nobody else may take its decisions for real ones.
    """
    for setting in _SETTINGS:
        address = parse_address(getattr(settings, setting), setting)
        found = _resolve(address, setting, settings)
        if settings.simulated_clock is not None and (outside := _outside(found)):
            raise AddressError(
                f"{_name(setting)} is {address}, which can be reached from other machines ({outside[0]}), and "
                f"{_name('simulated_clock')} is set: use a loopback address such as 127.0.0.1:{address.port}, or leave "
                "the simulated clock out"
            )


def find_ports(settings: Settings, sleep: Callable[[float], None] = time.sleep) -> Settings:
    """Return the settings with port 0 replaced by a free one; raise `AddressError` for an address that is taken."""
    addresses = {setting: parse_address(getattr(settings, setting), setting) for setting in _SETTINGS}
    listen, admin = addresses.values()
    if listen == admin and listen.port:
        raise AddressError(f"listen and admin_listen are both {listen}; give {_name('admin_listen')} another")
    found: dict[str, str] = {}
    # Each port is held until both are found: two that are free one after the other might be one and the same.
    with ExitStack() as held:
        for setting, address in addresses.items():
            port = address.port
            for family, host in _resolve(address, setting, settings):
                probe = held.enter_context(_bind(address._replace(port=port), setting, family, host, sleep))
                port = probe.getsockname()[1]
            found[setting] = str(address._replace(port=port))
    return settings.model_copy(update=found)


def _name(setting: str) -> str:
    return f"--{setting.replace('_', '-')} (OVERSIGHT_{setting.upper()})"


def is_beyond_loopback(settings: Settings) -> bool:
    """Return whether an address can be reached from other machines; raise `AddressError` for one that is unknown."""
    return any(_outside(_hosts(parse_address(getattr(settings, setting), setting), setting)) for setting in _SETTINGS)


def _resolve(address: Address, setting: str, settings: Settings) -> list[tuple[int, str]]:
    """Return family and numeric host of every address that the host stands for; each must be allowed."""
    found = _hosts(address, setting)
    outside = _outside(found)
    if outside and not settings.insecure and not _has_tls(settings, setting):
        certificate = "admin_tls_cert_file" if setting == "admin_listen" else "tls_cert_file"
        raise AddressError(
            f"{_name(setting)} is {address}, which can be reached from other machines ({outside[0]}), and there is no "
            f"TLS: give {_name(certificate)} and its key. Or use a loopback address such as "
            f"127.0.0.1:{address.port}, or say --insecure (OVERSIGHT_INSECURE=true) to serve unencrypted all the same"
        )
    return found


def _has_tls(settings: Settings, setting: str) -> bool:
    own = settings.admin_tls_cert_file if setting == "admin_listen" else None
    return (own or settings.tls_cert_file) is not None


def _hosts(address: Address, setting: str) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as problem:
        raise AddressError(f"{_name(setting)}: the host {address.host!r} is not known here ({problem})") from problem
    return [(family, str(sockaddr[0])) for family, *_, sockaddr in found]


def _outside(hosts: list[tuple[int, str]]) -> list[str]:
    return [host for _, host in hosts if not ipaddress.ip_address(host.partition("%")[0]).is_loopback]


def _bind(address: Address, setting: str, family: int, host: str, sleep: Callable[[float], None]) -> socket.socket:
    """
    Return a socket that has the port, listening to nobody.

    Workers bind with SO_REUSEPORT, which would share a port with a stranger of the same user without a word; this
    plain bind does not.
    """
    waited_s = 0.0
    while True:
        probe = socket.socket(family, socket.SOCK_STREAM)
        # Only closed connections of an earlier run are overlooked by this, never a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, address.port))
        except OSError as problem:
            probe.close()
            if problem.errno != errno.EADDRINUSE or waited_s >= _WAIT_FOR_PORT_S:
                raise AddressError(_say_taken(address, setting, problem)) from problem
            waited_s += 0.05
            sleep(0.05)
        else:
            return probe


def _say_taken(address: Address, setting: str, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"{address} is taken by another program; choose another with {_name(setting)}"
    return f"cannot listen on {address}: {problem.strerror}; change {_name(setting)}"
