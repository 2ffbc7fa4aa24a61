"""Reading one field from an option, a CSV cell or a JSON value."""

from datetime import UTC, datetime

import pytest

from oversight.cli.fields import Field, parse_attribute, parse_text, read_json
from oversight.cli.outcome_fields import OUTCOME
from oversight.cli.request_fields import REQUEST
from oversight.errors import InvalidRequestError
from oversight.v1 import decision_service_pb2, outcome_pb2

KINDS = {
    "text": ("string",),
    "number": ("double",),
    "count": ("int32", "int64"),
    "choice": ("enum",),
    "flag": ("bool",),
    "flags": ("message",),
    "digest": ("bytes",),
    "time": ("message",),
    "attributes": ("message",),
}


def api_fields(descriptor):
    """Return name and type of each field of a message."""
    kinds = {1: "double", 3: "int64", 5: "int32", 8: "bool", 9: "string", 11: "message", 12: "bytes", 14: "enum"}
    return {field.name: kinds[field.type] for field in descriptor.fields}


MESSAGES = pytest.mark.parametrize(
    ("known", "descriptor"),
    [
        (REQUEST, decision_service_pb2.DecideRequest.DESCRIPTOR),
        (OUTCOME, outcome_pb2.Outcome.DESCRIPTOR),
    ],
    ids=["request", "outcome"],
)


@MESSAGES
def test_every_field_of_the_api_can_be_given_and_no_other(known, descriptor):
    """A field that exists must be reachable from the command line, in the API's order."""
    assert list(api_fields(descriptor)) == list(known)


@MESSAGES
def test_fields_have_the_types_of_the_api(known, descriptor):
    """A number read as text would be refused by the client, or worse, taken."""
    wrong = [name for name, kind in api_fields(descriptor).items() if kind not in KINDS[known[name].kind]]
    assert [] == wrong


@MESSAGES
def test_choices_are_the_enums_of_the_api(known, descriptor):
    """A value that the API knows must not be called unknown here, in short form or in the API's own."""
    for field in descriptor.fields:
        if field.enum_type:
            names = [value.name for value in field.enum_type.values][1:]
            assert list(known[field.name].choices) == [parse_text(known[field.name], name) for name in names]


def test_every_field_says_what_it_means():
    """The help text is the only documentation at hand on a terminal."""
    assert all(field.meaning for field in [*REQUEST.values(), *OUTCOME.values()])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("response_confidence", " 0.97 ", 0.97),
        ("sentiment_score", "-0.8", -0.8),
        ("turn_index", "3", 3),
        ("human_requested", "TRUE", True),
        ("human_requested", "no", False),
        ("customer_tier", "VIP", "vip"),
        ("customer_tier", "CUSTOMER_TIER_VIP", "vip"),
        ("held_tier", "TIER_HUMAN_IN_THE_LOOP", "human_in_the_loop"),
        ("channel", "CHANNEL_UNSPECIFIED", None),
        ("intent", "order_status", "order_status"),
        ("intent", "   ", None),
        ("response_confidence", "", None),
        ("guardrails", "pii, fraud", ["pii", "fraud"]),
        ("guardrails", "[]", []),
        ("guardrails", '{"flags": ["pii"]}', ["pii"]),
        ("signal_time", "2025-06-01T09:30:00Z", datetime(2025, 6, 1, 9, 30, tzinfo=UTC)),
        ("attributes", '{"loyal": true}', {"loyal": True}),
    ],
)
def test_text_is_read_by_the_fields_type(name, text, expected):
    """CSV cells and options are text; an empty one is absent, never 0 or no."""
    assert expected == parse_text(REQUEST[name], text)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("response_confidence", 1, 1.0),
        ("response_confidence", "0.5", 0.5),
        ("response_confidence", None, None),
        ("turn_index", 3.0, 3),
        ("turn_index", 4, 4),
        ("reversible", False, False),
        ("channel", 2, "email"),
        ("channel", 0, None),
        ("conversation_id", 17, "17"),
        ("guardrails", [], []),
        ("guardrails", ["pii"], ["pii"]),
        ("attributes", {"a": 1, "b": "x"}, {"a": 1, "b": "x"}),
    ],
)
def test_json_values_are_read_by_the_fields_type(name, value, expected):
    """Rows of other systems write numbers as text and ids as numbers."""
    assert expected == read_json(REQUEST[name], value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("response_confidence", "high", "response_confidence: 'high' is not a number"),
        ("response_confidence", True, "response_confidence: 'true' is not a number"),
        ("response_confidence", [0.5], "response_confidence: '[0.5]' is not a number"),
        ("turn_index", 1.5, "turn_index: '1.5' is not a whole number"),
        ("turn_index", "1.5", "turn_index: '1.5' is not a whole number"),
        ("reversible", 1, "reversible: '1' is not true or false"),
        ("reversible", "perhaps", "reversible: 'perhaps' is not true or false"),
        ("customer_tier", "vpi", "'vpi' is not one of standard, vip, enterprise (did you mean 'vip'?)"),
        ("customer_tier", "zebra", "'zebra' is not one of standard, vip, enterprise"),
        ("channel", 9, "channel: '9' is not a name of the list"),
        ("guardrails", [1], "guardrails: '[1]' is not a list of flags"),
        ("guardrails", "[1", "guardrails: '[1' is not a list of flags"),
        ("signal_time", "yesterday", "signal_time: 'yesterday' is not a time in ISO 8601"),
        ("signal_time", "2025-06-01T09:30:00", "names no zone; write for instance 2025-06-01T09:30:00Z"),
        ("attributes", "nope", "attributes: 'nope' is not an object"),
        ("attributes", {"a": [1]}, "attributes.a: '[1]' is not text, a number, true or false"),
        ("intent", {"a": "b" * 99}, "…"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_with_what_was_expected(name, value, words):
    """Whoever reads the message has the row in front of them, not the code."""
    with pytest.raises(InvalidRequestError) as caught:
        read_json(REQUEST[name], value)
    assert words in str(caught.value)
    assert caught.value.metadata["field"].startswith(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("years=7", ("years", 7)),
        ("score=0.5", ("score", 0.5)),
        ("loyal=true", ("loyal", True)),
        ('code="7"', ("code", "7")),
        ("city=Ulm", ("city", "Ulm")),
        ("url=a=b", ("url", "a=b")),
    ],
)
def test_an_attribute_is_typed_like_json(text, expected):
    """The policy declares types; a number in quotes is text, as it is in JSON."""
    assert expected == parse_attribute(REQUEST["attributes"], text)


@pytest.mark.parametrize("text", ["years", "=7", "x=[1]", "x=null"])
def test_an_attribute_without_name_or_plain_value_is_refused(text):
    """A list would reach the server as nothing."""
    with pytest.raises(InvalidRequestError, match="attributes"):
        parse_attribute(REQUEST["attributes"], text)


def test_a_field_of_another_prefix_is_not_stripped():
    """Only the enum's own prefix is the API's; anything else is a typing error."""
    with pytest.raises(InvalidRequestError):
        parse_text(Field("channel", "choice", "", ("chat",)), "TIER_CHAT")
