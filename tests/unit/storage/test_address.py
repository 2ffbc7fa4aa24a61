"""The address of a store: what can be shown of it and what cannot."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from sqlalchemy import make_url

from oversight.storage.address import Address, read_address


@pytest.mark.parametrize(
    ("text", "url", "password"),
    [
        ("postgresql+psycopg://u@h:5432/d", "postgresql+psycopg://u@h:5432/d", ""),
        ("postgresql://u:word@h/d", "postgresql://u@h/d", "word"),
        ("postgresql://u:p%40ss%3A%25@h/d?sslmode=require", "postgresql://u@h/d?sslmode=require", "p@ss:%"),
        ("postgresql://u:a:b@h/d", "postgresql://u@h/d", "a:b"),
        ("postgresql://u:@h/d", "postgresql://u@h/d", ""),
        ("postgresql://h/d", "postgresql://h/d", ""),
        ("postgresql://u:w@/d?host=/run/postgresql", "postgresql://u@/d?host=/run/postgresql", "w"),
        ("postgresql://u:w@[::1]:5432/d", "postgresql://u@[::1]:5432/d", "w"),
        ("postgresql://u:w@/d?host=h1:1&host=h2:2", "postgresql://u@/d?host=h1:1&host=h2:2", "w"),
    ],
)
def test_the_password_is_apart(text: str, url: str, password: str) -> None:
    """The rest goes into logs and onto screens."""
    assert Address(url, password) == read_address(text)
    assert url == unquote(str(make_url(url)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "mysql://u:secret@h/d",
            r"mysql:// is not supported; leave it empty for SQLite.*postgresql\+psycopg://USER@HOST",
        ),
        ("sqlite:///records.db", "sqlite:// is not supported; leave it empty for SQLite"),
        ("postgresql+asyncpg://u:secret@h/d", r"postgresql\+asyncpg:// is not supported"),
        ("u:secret@h/d", "this is no URL"),
        ("secret", "this is no URL"),
        ("postgresql://u:sec@ret@h/d", "written %40"),
        ("postgresql://u:sec/ret@h/d", "written %40 %3A %2F"),
        ("postgresql://u:sec#ret@h/d", "expected postgresql"),
        ("postgresql://u:secret@h", "expected postgresql"),
        ("postgresql://u:secret@h/", "expected postgresql"),
        ("postgresql://u:secret@h:port/d", "expected postgresql"),
        ("postgresql://u:secret@h1:1,h2:2/d", "several hosts are written /DATABASE"),
        ("postgresql://u@h/d?password=secret", "the option password does not belong into a URL"),
        ("postgresql://u@h/d?sslmode=require&sslpassword=secret", "the option sslpassword does not belong"),
        ("postgresql://u@h/d?connect_timeout=3", "connect_timeout is given by the setting store_connect_timeout_s"),
        ("postgresql://u@h/d?application_name=", "application_name is given by the server itself"),
    ],
)
def test_any_other_text_is_refused_without_repeating_it(text: str, words: str) -> None:
    """What was typed wrong may be the password."""
    with pytest.raises(ValueError, match=words) as refused:
        read_address(text)

    assert "sec" not in str(refused.value).replace("seconds", "")
