"""A client for the commands that talk to a server: it raises where the server does not answer, and says so in words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import grpc

import oversight_client
from oversight.cli.credentials import Credentials, given_credentials
from oversight.cli.failures import CommandError, Failure
from oversight.errors import UsageError
from oversight_client.channel import channel_credentials, channel_options, open_channel
from oversight_client.errors import CallError, DeadlineExceededError, InvalidRequestError, SetupError, UnavailableError
from oversight_client.failures import error_from_rpc

__all__ = ["describe_call", "open_admin", "open_client", "send"]

_HEALTH = "/grpc.health.v1.Health/Check"
_LONGEST_LOOK_S = 1.0
_Reply = TypeVar("_Reply")
_Client = TypeVar("_Client", oversight_client.Client, oversight_client.AdminClient)


@contextmanager
def open_client(target: str, timeout_s: float, *, insecure: bool = False) -> Iterator[oversight_client.Client]:
    """
    Give a client for *target* that waits at most *timeout_s* for one answer; its errors become `CommandError`.

    Where nobody listens, that is found before the first call, and nothing is waited for.
    """
    # The client logs failed decisions for programs that run on; here the error itself is shown, once.
    logging.getLogger("oversight_client").addHandler(logging.NullHandler())
    shown = given_credentials()

    def build() -> oversight_client.Client:
        # Never the client's fail-safe: what a command prints as a decision, a server has made.
        return oversight_client.Client(
            target,
            timeout_s=timeout_s,
            record_timeout_s=timeout_s,
            on_unavailable="raise",
            tls=shown.tls,
            token=shown.token,
            token_file=shown.token_file,
            insecure=insecure,
        )

    with _opened(build, target, timeout_s, "--target", shown) as client:
        yield client


@contextmanager
def open_admin(admin: str, timeout_s: float, *, insecure: bool = False) -> Iterator[oversight_client.AdminClient]:
    """Give a client for the admin port at *admin*, as `open_client` does for the data port."""
    shown = given_credentials()

    def build() -> oversight_client.AdminClient:
        return oversight_client.AdminClient(
            admin,
            timeout_s=timeout_s,
            tls=shown.tls,
            token=shown.token,
            token_file=shown.token_file,
            insecure=insecure,
        )

    with _opened(build, admin, timeout_s, "--admin", shown) as client:
        yield client


@contextmanager
def _opened(
    build: Callable[[], _Client], target: str, timeout_s: float, option: str, shown: Credentials
) -> Iterator[_Client]:
    try:
        client = build()
    except SetupError as error:
        raise UsageError(str(error)) from error
    except ValueError as error:
        words = str(error)
        raise UsageError(f"--timeout {timeout_s:g}: {words}" if words.startswith("timeout") else words) from error
    try:
        with client:
            _look_for_server(target, min(timeout_s, _LONGEST_LOOK_S), shown)
            yield client
    except CallError as error:
        raise CommandError(describe_call(error, target, timeout_s, option)) from error


def _look_for_server(target: str, timeout_s: float, shown: Credentials) -> None:
    """
    Raise `UnavailableError` where *target* cannot be connected to.

    The client itself would go on trying until its deadline, as software that outlives a restart should; whoever sits
    at a terminal wants to know. Any answer will do, none within *timeout_s* may still come to the call.
    """
    # In the clear where that was allowed, and where it is not this is not reached.
    credentials = channel_credentials(target, shown.tls, insecure=shown.tls is None)
    with open_channel(target, credentials, channel_options(target, shown.tls)) as channel:
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH)
        try:
            check(b"", timeout=timeout_s)
        except grpc.RpcError as failure:
            error = error_from_rpc(failure)
            if isinstance(error, UnavailableError):
                raise error from failure


def send(call: Callable[..., _Reply], fields: Mapping[str, object]) -> _Reply:
    """Return what *call* answers to *fields*; a value that cannot be sent is a UsageError that names its field."""
    try:
        return call(**fields)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error


def describe_call(error: CallError, target: str, timeout_s: float, option: str = "--target") -> Failure:
    """Put a failed call into words; the service's own words where it said any."""
    message = str(error)
    if isinstance(error, UnavailableError | DeadlineExceededError) and not error.reason:
        hint = f"start a server with `oversight serve`, or name another with {option}"
        waited = f" within {timeout_s:g} s (--timeout)" if isinstance(error, DeadlineExceededError) else ""
        message = f"no answer from {target}{waited}: {hint}\n{message}"
    return Failure(
        error.reason or error.code.name,
        message,
        error.field or None,
        error.code.name,
        exit_code=2 if isinstance(error, InvalidRequestError) else 1,
    )
