"""From columns to requests and outcomes."""

import pytest

from oversight.cli.mapping import ColumnMap, Message, parse_maps
from oversight.cli.rows import Row
from oversight.errors import InvalidRequestError, UsageError

LABELLED = {
    "message_id": "m-7",
    "model_id": "model-a",
    "conversation_id": None,
    "turn_index": None,
    "department": "retail_banking",
    "text": "never sent anywhere",
    "predicted_intent": "top_up_failed",
    "confidence": 0.851267,
    "second_intent": "top_up_reverted",
    "confidence_margin": 0.783328,
    "sentiment": -0.25,
    "correct": False,
}


def read(values, **options):
    """Read one row."""
    return ColumnMap(options.pop("chosen", {}), **options).read(Row(1, values))


def test_a_set_of_labelled_intents_needs_no_flags():
    """The one confidence is in intent and reply alike; the label is a census; nulls are absent; text stays here."""
    assert Message(
        1,
        {
            "request_id": "model-a/m-7",
            "department": "retail_banking",
            "intent": "top_up_failed",
            "intent_confidence": 0.851267,
            "intent_runner_up_confidence": 0.067939,
            "response_confidence": 0.851267,
            "sentiment_score": -0.25,
            "model_version": "model-a",
        },
        {"verdict": "rejected", "label_basis": "census"},
    ) == read(LABELLED)


def test_a_right_answer_is_approved():
    """The counterpart: an approval must never be read as an error."""
    assert {"verdict": "approved", "label_basis": "census"} == read({"correct": True}).outcome


def test_a_margin_just_above_the_confidence_leaves_a_runner_up_of_zero():
    """Rounding in the source must not make a negative probability."""
    assert 0.0 == read({"confidence": 0.3, "confidence_margin": 0.300001}).request["intent_runner_up_confidence"]


def test_a_margin_above_the_confidence_is_refused():
    """No two probabilities differ by more than the larger: taken for a runner-up of 0, the AI would look sure."""
    with pytest.raises(InvalidRequestError, match=r"^confidence_margin: 0\.99 is more than the confidence, 0\.97"):
        read({"confidence": 0.97, "confidence_margin": 0.99})
    given = {"confidence": 0.97, "confidence_margin": 0.99, "intent_runner_up_confidence": 0.1}
    assert 0.1 == read(given).request["intent_runner_up_confidence"]


def test_a_margin_without_a_confidence_says_nothing():
    """Half of a difference is nothing."""
    assert {} == read({"confidence_margin": 0.4}).request


def test_a_message_id_alone_is_the_request_id():
    """Files of a single model may not name it."""
    assert {"request_id": "m-7"} == read({"message_id": "m-7"}).request


def test_columns_named_like_fields_win_over_the_sets_own():
    """Whoever names a column like a field means that field."""
    values = LABELLED | {"response_confidence": 0.5, "request_id": "mine", "verdict": "edited_minor", "label_basis": 1}
    message = read(values)
    assert (0.5, "mine") == (message.request["response_confidence"], message.request["request_id"])
    assert {"verdict": "edited_minor", "label_basis": "review"} == message.outcome


def test_without_facts_there_is_no_outcome():
    """An empty report would count as one."""
    assert {} == read({"intent": "x", "outcome_id": "o-1"}).outcome


def test_outcome_columns_are_facts_as_they_are():
    """A replay of one's own history brings everything that became of it."""
    outcome = read({"outcome_id": "o-1", "csat": 4, "verdict": "APPROVED", "label_basis": "REVIEW"}).outcome
    assert {"outcome_id": "o-1", "csat": 4.0, "verdict": "approved", "label_basis": "review"} == outcome


def test_a_decision_id_of_the_file_is_ignored():
    """The outcome is about the decision made now, never about an older one."""
    assert {"verdict": "approved", "label_basis": "review"} == read(
        {"decision_id": "f" * 32, "verdict": "approved", "label_basis": "review"}
    ).outcome


def test_csv_columns_are_typed_by_their_fields():
    """CSV knows only text; empty is absent."""
    values = {"intent": "x", "response_confidence": "0.9", "human_requested": "true", "turn_index": "", "correct": "1"}
    message = read(values, columns=tuple(values))
    assert {"intent": "x", "response_confidence": 0.9, "human_requested": True} == message.request
    assert {"verdict": "approved", "label_basis": "census"} == message.outcome


def test_mapped_columns_are_read_in_place_of_the_fields_own():
    """Fields and the labelled set's columns can both be mapped."""
    chosen = parse_maps(["response_confidence=score", "correct=ok", "attributes.plan=tariff"])
    message = read({"score": 0.4, "response_confidence": 0.9, "ok": "no", "tariff": "gold"}, chosen=chosen)
    assert {"response_confidence": 0.4, "attributes": {"plan": "gold"}} == message.request
    assert "rejected" == message.outcome["verdict"]


@pytest.mark.parametrize(("columns", "expected"), [((), "7"), (("attributes.years",), 7)])
def test_attribute_columns_are_typed_like_json_in_csv_only(columns, expected):
    """JSON already knows that "7" is text; CSV knows nothing."""
    assert {"attributes": {"years": expected}} == read({"attributes.years": "7"}, columns=columns).request


def test_attribute_columns_join_the_attributes():
    """One column for some, single columns for others; absent ones are left out."""
    values = {"attributes": {"a": 1}, "attributes.b": True, "attributes.c": None, "attributes.d": ""}
    assert {"attributes": {"a": 1, "b": True}} == read(values).request


def test_the_tenant_is_for_rows_without_one():
    """A file of one tenant rarely says so in every row."""
    columns = ColumnMap({}, tenant="acme")
    assert "acme" == columns.read(Row(1, {"tenant_id": ""})).request["tenant_id"]
    assert "other" == columns.read(Row(2, {"tenant_id": "other"})).request["tenant_id"]


def test_a_value_that_makes_no_sense_names_its_column():
    """One of 11,680 rows is broken: which, and where is in the message."""
    with pytest.raises(InvalidRequestError, match="confidence: 'high' is not a number"):
        read({"confidence": "high"})


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("response_confidence", "expected FIELD=COLUMN"),
        ("response_confidence=", "expected FIELD=COLUMN"),
        ("response_confidense=score", "did you mean 'response_confidence'"),
        ("decision_id=id", "no field is called 'decision_id'"),
    ],
)
def test_a_wrong_map_is_refused_with_a_suggestion(item, words):
    """A mistyped field would otherwise be absent in every row, which raises every tier."""
    with pytest.raises(UsageError, match=words):
        parse_maps([item])


def test_a_field_is_mapped_once():
    """Two columns for one field: one of them would silently lose."""
    with pytest.raises(UsageError, match="mapped already, to 'a'"):
        parse_maps(["intent=a", "intent=b"])


def test_a_column_that_the_header_lacks_is_refused():
    """Before anything is decided without it."""
    with pytest.raises(UsageError, match=r"no column 'scor' .did you mean 'score'"):
        ColumnMap({"response_confidence": "scor"}, columns=("score", "text"))


def test_columns_that_no_row_had_are_known():
    """JSON Lines have no header: only the rows can tell."""
    columns = ColumnMap({"intent": "a", "language": "b"})
    columns.read(Row(1, {"a": None}))
    assert ("b",) == columns.unseen
