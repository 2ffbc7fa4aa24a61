"""Enums of the engine pass the edge as numbers: each number must mean the same on both sides."""

from __future__ import annotations

from enum import IntEnum

import pytest
from google.protobuf.descriptor import EnumDescriptor

from oversight.engine.decision import Escalation, Evaluation, OnExpiry, Tier
from oversight.engine.explain import RuleOutcome
from oversight.engine.signals import SIGNALS
from oversight.storage.outcome import OutcomeStatus
from oversight.v1 import decision_pb2, decision_service_pb2, outcome_pb2

ENUMS: dict[type[IntEnum], EnumDescriptor] = {
    Tier: decision_pb2.Tier.DESCRIPTOR,
    Escalation: decision_pb2.Escalation.DESCRIPTOR,
    Evaluation: decision_pb2.Evaluation.DESCRIPTOR,
    OnExpiry: decision_pb2.OnExpiry.DESCRIPTOR,
    RuleOutcome: decision_service_pb2.RuleOutcome.DESCRIPTOR,
    OutcomeStatus: outcome_pb2.OutcomeStatus.DESCRIPTOR,
}
ENUM_FIELDS: dict[str, EnumDescriptor] = {
    field.name: field.enum_type
    for field in decision_service_pb2.DecideRequest.DESCRIPTOR.fields
    if field.enum_type is not None
}


def members(descriptor: EnumDescriptor) -> dict[str, int]:
    """Return the numbers by name without prefix, and without the 0 that stands for absent."""
    absent = descriptor.values_by_number[0].name
    assert absent.endswith("_UNSPECIFIED")
    prefix = absent.removesuffix("UNSPECIFIED")
    assert all(value.name.startswith(prefix) for value in descriptor.values)
    return {value.name.removeprefix(prefix): value.number for value in descriptor.values if value.number}


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_the_engines_numbers_are_the_apis(enum: type[IntEnum]) -> None:
    """A number off by one would put the AI where a person was asked for."""
    assert members(ENUMS[enum]) == {member.name: member.value for member in enum}


def test_more_human_and_stronger_are_higher_numbers() -> None:
    """The engine takes the highest of what rules ask for."""
    assert ["HUMAN_ON_THE_LOOP", "HUMAN_IN_THE_LOOP", "HUMAN_AS_THE_LOOP"] == [tier.name for tier in sorted(Tier)]
    assert ["NONE", "OFFER", "TRANSFER"] == [escalation.name for escalation in sorted(Escalation)]


def test_every_enum_of_a_request_is_a_signal_of_choices() -> None:
    """One that is not would reach rules as a bare number, or not at all."""
    choices = {name for name, signal in SIGNALS.items() if signal.kind == "choice" and signal.origin == "request"}

    assert set(ENUM_FIELDS) == choices


@pytest.mark.parametrize("name", ENUM_FIELDS)
def test_the_choices_of_a_signal_are_the_apis_with_their_numbers(name: str) -> None:
    """A rule about VIPs must not apply to everybody else."""
    expected = {member.lower(): number for member, number in members(ENUM_FIELDS[name]).items()}

    assert expected == SIGNALS[name].choices
