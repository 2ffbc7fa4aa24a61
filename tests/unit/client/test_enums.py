"""The client's enums against the contract's."""

from __future__ import annotations

import json
import pickle

import pytest
from google.protobuf.descriptor import EnumDescriptor

from oversight.v1 import (
    decision_pb2,
    decision_service_pb2,
    insight_service_pb2,
    outcome_pb2,
    policy_service_pb2,
    threshold_service_pb2,
)
from oversight_client import Channel, CustomerTier, Escalation, Tier, enums


def enums_of_the_contract() -> dict[str, EnumDescriptor]:
    """Return every enum of the services, by name."""
    modules = (
        *(decision_pb2, decision_service_pb2, outcome_pb2),
        *(insight_service_pb2, policy_service_pb2, threshold_service_pb2),
    )
    return {name: descriptor for module in modules for name, descriptor in module.DESCRIPTOR.enum_types_by_name.items()}


def test_every_enum_of_the_contract_is_here_with_its_names_and_numbers():
    """A member numbered wrongly would send or show another value than the one meant."""
    expected = {
        name: {value.name: value.number for value in descriptor.values if value.number}
        for name, descriptor in enums_of_the_contract().items()
    }
    actual = {
        name: {getattr(enums, name).prefix() + member.name: member.number for member in getattr(enums, name)}
        for name in enums.__all__
    }
    assert expected == actual


@pytest.mark.parametrize("value", ["vip", "VIP", "Vip", "CUSTOMER_TIER_VIP", "customer_tier_vip", 2, CustomerTier.VIP])
def test_a_member_is_found_by_any_form_of_its_name_or_its_number(value):
    """Rule files write vip, JSON writes VIP, protos write CUSTOMER_TIER_VIP."""
    assert CustomerTier.VIP is CustomerTier(value)


@pytest.mark.parametrize("value", ["gold", "", 0, 4, -1, True, None, 2.0])
def test_what_is_no_member_is_refused(value):
    """A guess would be a decision about another customer."""
    with pytest.raises(ValueError, match=r"Customer|customer"):
        CustomerTier(value)


def test_tiers_are_ranked_by_how_human_they_are_and_not_by_the_alphabet():
    """As text HUMAN_AS_THE_LOOP comes first: sorted by it, the most human tier would pass for the least."""
    assert [Tier.HUMAN_ON_THE_LOOP, Tier.HUMAN_IN_THE_LOOP, Tier.HUMAN_AS_THE_LOOP] == sorted(Tier)
    assert Tier.HUMAN_AS_THE_LOOP is max(Tier)
    assert Escalation.TRANSFER is max(Escalation)


def test_a_tier_compares_with_text_by_rank_on_either_side():
    """A caller who reads the wanted tier from a file compares with text."""
    assert Tier.HUMAN_AS_THE_LOOP > "HUMAN_IN_THE_LOOP"
    assert Tier.HUMAN_IN_THE_LOOP >= "human_in_the_loop"
    assert Tier.HUMAN_ON_THE_LOOP < "HUMAN_AS_THE_LOOP"
    assert Tier.HUMAN_ON_THE_LOOP <= "HUMAN_ON_THE_LOOP"
    assert "HUMAN_IN_THE_LOOP" < Tier.HUMAN_AS_THE_LOOP
    with pytest.raises(ValueError, match="AUTONOMOUS"):
        assert Tier.HUMAN_ON_THE_LOOP < "AUTONOMOUS"


def test_a_member_is_its_bare_name_in_text_json_and_pickles():
    """Logs, JSON and comparisons with text need no conversion."""
    assert "EMAIL" == Channel.EMAIL
    assert "EMAIL" == f"{Channel.EMAIL}"
    assert '["EMAIL"]' == json.dumps([Channel.EMAIL])
    assert Channel.EMAIL is pickle.loads(pickle.dumps(Channel.EMAIL))  # noqa: S301 - written by the same line
    assert {"EMAIL": 1}[Channel.EMAIL] == 1
