"""Which of a threshold's file values is in force where."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oversight.engine.limits import Entry, resolve
from oversight.engine.policy import Override, Threshold
from oversight.rules.scopes import EVERYWHERE, FileValues, Scope, scope_of, shared_scopes

names = st.sampled_from([None, "a", "b"])
scopes = st.builds(Scope, names, names, names)
values = st.integers(0, 100).map(float)


@st.composite
def thresholds(draw, policy="child", parent="parent"):
    """A threshold as inheritance leaves it: one value a scope, each of the child or of its parent."""
    written = draw(st.dictionaries(scopes.filter(lambda scope: scope != EVERYWHERE), values, max_size=6))
    owners = draw(st.lists(st.sampled_from([policy, parent]), min_size=7, max_size=7))
    overrides = tuple(
        Override(value, scope.intent, scope.department, scope.currency, policy=owner)
        for (scope, value), owner in zip(written.items(), owners, strict=False)
    )
    return Threshold("t", "", draw(values), 0, 100, "raise", overrides, owners[-1])


def entries_of(threshold, policy):
    own = [Entry(threshold.default, None, None, None, live=False)] if threshold.policy == policy else []
    return own + [Entry(o.value, *scope_of(o), live=False) for o in threshold.overrides if o.policy == policy]


@given(thresholds(), scopes)
def test_the_value_in_force_is_the_engines(threshold, scope):
    """What check compares must be what decides."""
    lineage = [entries_of(threshold, "child"), entries_of(threshold, "parent")]

    assert resolve(lineage, "raise", *scope).value == FileValues(threshold).at(scope).value


@given(thresholds(), thresholds(), scopes)
def test_every_pair_of_values_meets_in_a_shared_scope(one, other, scope):
    """A constraint that breaks only where two overrides meet must not slip through."""
    left, right = FileValues(one), FileValues(other)
    pairs = {(left.at(shared), right.at(shared)) for shared in shared_scopes(left, right)}

    assert (left.at(scope), right.at(scope)) in pairs


def test_a_scope_is_named_in_words():
    """It stands in the sentences that people read."""
    assert "intent a and currency EUR" == str(Scope("a", None, "EUR"))
    assert "" == str(EVERYWHERE)
