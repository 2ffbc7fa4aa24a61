"""Columns of the tables, by what they hold; NULL is allowed unless they are *required*."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Text

__all__ = ["flag", "integer", "real", "text"]


def text(name: str, *, required: bool = False) -> Column[str]:
    """Return a column of texts."""
    return Column(name, Text, nullable=not required)


def integer(name: str, *, required: bool = False) -> Column[int]:
    """Return a column of whole numbers of 64 bits."""
    return Column(name, BigInteger, nullable=not required)


def real(name: str, *, required: bool = False) -> Column[float]:
    """Return a column of real numbers in double precision."""
    return Column(name, Double, nullable=not required)


def flag(name: str, *, required: bool = False) -> Column[bool]:
    """Return a column of truth values."""
    return Column(name, Boolean, nullable=not required)
