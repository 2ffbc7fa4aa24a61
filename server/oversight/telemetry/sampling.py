"""
Which calls get a span: what OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG mean, drawn before anything is made.

The names are those of OpenTelemetry's specification of environment variables; the SDK's own samplers come to the same
answers (a test holds them equal), at ten times the cost for a call without a span.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Sampling", "read_sampling"]

_TRACE_IDS = 1 << 64
"""The SDK compares the lower 64 bits of a trace id, so that 64-bit ids of other systems can be drawn alike."""
_DEFAULT = "parentbased_always_on"
_SHARES: Mapping[str, float | None] = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}
"""The share of traces that each sampler takes; None where OTEL_TRACES_SAMPLER_ARG says it."""
_PARENT_BASED = "parentbased_"
_log = logging.getLogger(__name__)


class Sampling(NamedTuple):
    """
    Samples a trace where the lower 64 bits of its id are below *bound*.

    With *parent_based*, a call within a caller's trace is sampled where the caller has sampled it, and only there.
    """

    parent_based: bool
    bound: int


def read_sampling(environment: Mapping[str, str]) -> Sampling:
    """Return what *environment* asks for; what it says wrongly is warned of, and then everything is sampled."""
    name = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower() or _DEFAULT
    if name.removeprefix(_PARENT_BASED) not in _SHARES:
        _log.warning("OTEL_TRACES_SAMPLER is %r, which is no standard sampler; it is taken as %s", name, _DEFAULT)
        name = _DEFAULT
    share = _SHARES[name.removeprefix(_PARENT_BASED)]
    if share is None:
        share = _read_share(environment.get("OTEL_TRACES_SAMPLER_ARG", ""))
    return Sampling(name.startswith(_PARENT_BASED), round(share * _TRACE_IDS))


def _read_share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if 0.0 <= share <= 1.0:
        return share
    _log.warning("OTEL_TRACES_SAMPLER_ARG is %r; expected a number from 0 to 1; every trace is sampled", text)
    return 1.0
