"""Addresses, judged before anything starts."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from oversight.app.addresses import Address, check_addresses, find_ports, is_beyond_loopback, parse_address
from oversight.errors import AddressError
from oversight.settings import Settings


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that another program listens on, willing to share it as a worker would be."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:50051", Address("127.0.0.1", 50051)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:65535", Address("::1", 65535)),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, expected: Address) -> None:
    """What was typed is what is shown."""
    assert expected == parse_address(text, "listen")
    assert text == str(expected)


@pytest.mark.parametrize(
    "text",
    ["", "50051", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:50051", "http://127.0.0.1:1", "a b:1", ":1"],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    """The message names the setting, the value and the form."""
    with pytest.raises(AddressError) as caught:
        parse_address(text, "admin_listen")

    said = str(caught.value)
    assert said.startswith(f"--admin-listen (OVERSIGHT_ADMIN_LISTEN) is {text!r}; expected HOST:PORT")
    assert "[::1]:50051" in said


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.9.1"])
def test_loopback_needs_no_permission(host: str) -> None:
    """Nobody else can reach it."""
    settings = Settings(listen=f"{host}:50051", admin_listen="127.0.0.1:50052")

    check_addresses(settings)

    assert f"{host}:50051" == settings.listen


@pytest.mark.parametrize("setting", ["listen", "admin_listen"])
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.7"])  # noqa: S104 - what must be refused
def test_any_other_address_needs_insecure(host: str, setting: str) -> None:
    """An open port without authentication must be somebody's decision; the message tells how to take it."""
    settings = Settings().model_copy(update={setting: f"{host}:50051"})

    with pytest.raises(AddressError, match="--insecure") as caught:
        check_addresses(settings)

    assert f"{host}:50051" in str(caught.value)
    check_addresses(settings.model_copy(update={"insecure": True}))


@pytest.mark.parametrize("setting", ["listen", "admin_listen"])
def test_a_simulated_clock_is_served_on_loopback_alone(tmp_path: Path, setting: str) -> None:
    """Software of somebody else's must not take decisions of a simulation for real ones, whatever else is allowed."""
    settings = Settings(simulated_clock=tmp_path / "clock", insecure=True)
    check_addresses(settings)

    with pytest.raises(AddressError, match=r"--simulated-clock \(OVERSIGHT_SIMULATED_CLOCK\) is set"):
        check_addresses(settings.model_copy(update={setting: "192.0.2.7:50051"}))


def test_an_unknown_host_is_named() -> None:
    """A typing error in a host name must not end in a traceback."""
    with pytest.raises(AddressError, match=r"the host 'no\.such\.host\.invalid' is not known here"):
        check_addresses(Settings(listen="no.such.host.invalid:50051"))


def test_port_zero_takes_a_free_one() -> None:
    """Several servers on one machine need not agree beforehand."""
    settings = find_ports(Settings(listen="127.0.0.1:0", admin_listen="127.0.0.1:0"))

    ports = [parse_address(text, "listen").port for text in (settings.listen, settings.admin_listen)]
    assert 2 == len(set(ports))
    assert all(ports)


def test_a_taken_address_is_said_in_words_after_a_short_wait(taken: str) -> None:
    """A server that was just killed gets a moment to let go; anybody else is named as what to change."""
    pauses: list[float] = []

    with pytest.raises(AddressError) as caught:
        find_ports(Settings(listen=taken, admin_listen="127.0.0.1:0"), sleep=pauses.append)

    assert f"{taken} is taken by another program; choose another with --listen (OVERSIGHT_LISTEN)" == str(caught.value)
    assert pytest.approx(1.0) == sum(pauses)


def test_an_address_that_comes_free_in_time_is_taken() -> None:
    """A restart after a crash finds the port in use for some milliseconds."""
    other = socket.socket()
    other.bind(("127.0.0.1", 0))
    other.listen()
    address = f"127.0.0.1:{other.getsockname()[1]}"

    settings = find_ports(Settings(listen=address, admin_listen="127.0.0.1:0"), sleep=lambda _: other.close())

    assert address == settings.listen


def test_both_ports_at_one_address_are_refused() -> None:
    """Else the admin port would only fail once there is a service on it."""
    with pytest.raises(AddressError, match=r"listen and admin_listen are both 127\.0\.0\.1:50051"):
        find_ports(Settings(listen="127.0.0.1:50051", admin_listen="127.0.0.1:50051"))


def test_an_address_of_no_interface_here_is_said_in_words() -> None:
    """Not taken, and still not to be had."""
    settings = Settings(listen="192.0.2.7:50051", admin_listen="127.0.0.1:0", insecure=True)

    with pytest.raises(AddressError, match=r"cannot listen on 192\.0\.2\.7:50051: .*; change --listen"):
        find_ports(settings)


@pytest.mark.parametrize(
    ("setting", "prefix"), [("listen", "tls"), ("admin_listen", "tls"), ("admin_listen", "admin_tls")]
)
def test_with_tls_any_address_may_be_served(setting: str, prefix: str) -> None:
    """Callers there need credentials too, whatever else is set (`app.access`)."""
    tls = {f"{prefix}_cert_file": "server.pem", f"{prefix}_key_file": "server.key"}
    settings = Settings(**{setting: "0.0.0.0:50051", **tls})  # type: ignore[arg-type]  # by name

    check_addresses(settings)

    assert is_beyond_loopback(settings)
    assert not is_beyond_loopback(Settings())
