"""Values in force are the engine's own; and a few scopes stand for all."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.engine.control import Setting
from oversight.engine.limits import Limits
from oversight.rules.scopes import EVERYWHERE, Scope
from oversight.thresholds.values import Values, is_looser, key_of, narrower_scopes, replace_values
from threshold_desk import HOUR_US, NOW_US, a_setting, the_rules

RULES = the_rules()
SCOPES = [Scope(*parts) for parts in product((None, "order_status", "order_change"), (None, "bank"), (None, "EUR"))]
some_settings = st.lists(
    st.builds(
        lambda policy, name, value, scope, expires: Setting(
            policy, name, value, scope.intent, scope.department, scope.currency, expires
        ),
        st.sampled_from(sorted(RULES.policies)),
        st.sampled_from(["autonomy", "handover", "amount"]),
        st.sampled_from([0.3, 0.6, 0.9]),
        st.sampled_from(SCOPES),
        st.sampled_from([None, NOW_US + HOUR_US]),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(given_settings=some_settings)
def test_what_is_found_is_what_the_engine_decides_by(given_settings: list[Setting]) -> None:
    """A second opinion on who wins would be checked and never be in force."""
    values = Values(RULES, replace_values({}, given_settings))
    plain = RULES.blueprint["policies"]
    for at_us, policy in product((NOW_US, NOW_US + HOUR_US), RULES.policies):
        engine = Limits(plain[policy], plain, values.live(at_us))
        find = values.lookup(policy, at_us)
        for name, scope in product(("autonomy", "handover", "amount"), SCOPES):
            assert engine.value(name, *scope) == find(name, scope)


@settings(max_examples=60, deadline=None)
@given(given_settings=some_settings, roots=st.sets(st.sampled_from(SCOPES), min_size=1, max_size=2))
def test_the_narrowest_scope_that_contains_another_speaks_for_it(
    given_settings: list[Setting], roots: set[Scope]
) -> None:
    """So that a change need not be checked in every scope there is."""
    values = Values(RULES, replace_values({}, given_settings))
    find = values.lookup("bank", NOW_US)
    few = narrower_scopes(roots, values.scopes("bank", ["autonomy"]))
    for scope in SCOPES:
        if not any(contains(root, scope) for root in roots):
            continue
        narrowest = max(
            (one for one in few if contains(one, scope)), key=lambda one: sum(part is not None for part in one)
        )
        assert find("autonomy", narrowest) == find("autonomy", scope)


def contains(wider: Scope, scope: Scope) -> bool:
    return all(part in (None, other) for part, other in zip(wider, scope, strict=True))


def test_scopes_come_widest_first() -> None:
    """Whoever reads the list sees the rule before its exceptions."""
    written = [Scope("order_change"), Scope(currency="EUR"), Scope("order_change", "bank")]
    assert [
        EVERYWHERE,
        *(Scope(currency="EUR"), Scope("order_change")),
        *(Scope("order_change", currency="EUR"), Scope("order_change", "bank")),
        Scope("order_change", "bank", "EUR"),
    ] == narrower_scopes([EVERYWHERE], written)
    assert [Scope("order_status"), Scope("order_status", currency="EUR")] == narrower_scopes(
        [Scope("order_status")], written
    )


def test_changes_replace_and_remove() -> None:
    """By policy, threshold and scope."""
    one, other = a_setting(0.9), a_setting(0.9, currency="EUR")
    values = replace_values({}, [one, other])
    assert {key_of(one): one._replace(value=0.8)} == replace_values(
        values, [one._replace(value=0.8), other._replace(value=None)]
    )


def test_looser_is_by_the_direction() -> None:
    """Equal is not looser."""
    assert [True, False, False, False, False, True] == [
        is_looser(tightens, value, 0.5) for tightens in ("raise", "lower") for value in (0.4, 0.5, 0.6)
    ]
