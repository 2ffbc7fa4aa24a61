"""The URL of a store, as text: read without loading a database library, because every process reads the settings."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

__all__ = ["FORM", "Address", "read_address"]

FORM = "postgresql+psycopg://USER@HOST:PORT/DATABASE"
"""What an address looks like."""

_SCHEMES = ("postgresql+psycopg", "postgresql")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.ASCII | re.IGNORECASE)
_REST = re.compile(
    r"(?:(?P<user>[^:/@?#\s]*)(?::(?P<password>[^/@?#\s]*))?@)?"
    r"(?:\[[0-9a-fA-F:.]+\]|[^:,/@?#\[\]\s]*)(?::[0-9]{1,5})?/(?P<database>[^/@?#\s]+)"
    r"(?:\?(?P<query>[^#\s]*))?"
)
_SECRETS = ("password", "sslpassword")
# By whom these are said; the rest is libpq's and handed on as it is.
_OURS = {
    "connect_timeout": "the setting store_connect_timeout_s",
    "tcp_user_timeout": "the setting store_statement_timeout_s",
    "application_name": "the server itself",
}


class Address(NamedTuple):
    """An address of a store in two parts: a URL that anybody may see, and the password, empty where there is none."""

    url: str
    password: str


def read_address(text: str) -> Address:
    """
    Return the address that *text* is: a URL of the form `FORM`, which may have a password behind its user.

    Raises ValueError for any other text, in words that repeat nothing of it but the scheme and names of options: what
    was typed wrong may be a secret.
    """
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() not in _SCHEMES:
        named = f"{scheme[1]}:// is not supported" if scheme else "this is no URL"
        raise ValueError(f"{named}; leave it empty for SQLite in the data folder, or give {FORM}")
    rest = _REST.fullmatch(text, scheme.end())
    if rest is None:
        raise ValueError(
            f"expected {FORM}; of a user, a password or a name, the characters @ : / ? # % and spaces are written %40 "
            "%3A %2F %3F %23 %25 %20; several hosts are written /DATABASE?host=HOST:PORT&host=HOST:PORT"
        )
    _check_options(rest["query"] or "")
    at = rest.span("password")
    # With its colon.
    url = text if rest["password"] is None else text[: at[0] - 1] + text[at[1] :]
    return Address(url, unquote(rest["password"] or ""))


def _check_options(query: str) -> None:
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name in _SECRETS:
            raise ValueError(f"the option {name} does not belong into a URL; see store_password_file")
        if name in _OURS:
            raise ValueError(f"the option {name} is given by {_OURS[name]}")
