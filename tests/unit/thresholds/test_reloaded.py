"""Live values when the rules change under them: tightened where rules say so, and never loosened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.engine.control import Setting
from oversight.rules.scopes import Scope
from oversight.thresholds.reloaded import Allowed, allow
from oversight.thresholds.values import RulesInForce, Values, is_looser, key_of
from threshold_desk import BANK, CARDS, CENTRE, NOW_US, a_setting, the_rules

HIGHER_HANDOVER = ("default: 0.50", "default: 0.75")
CEILING = """\
  ceiling:
    description: The top.
    default: 0.95
    min: 0.70
    max: 0.99
    tightens: raise
"""


def changed(*changes: tuple[str, str]) -> RulesInForce:
    """Return the rules after a reload that replaced words of the parent's file."""
    text = CENTRE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return the_rules(centre=text, bank=BANK, cards=CARDS)


def allowed(rules: RulesInForce, *settings: Setting) -> Allowed:
    """Return what *rules* make of live values."""
    return allow(rules, {key_of(one): one for one in settings}, NOW_US)


def test_what_the_rules_allow_stays_as_it_is() -> None:
    """A reload is no reason to touch what administrators decided."""
    one = a_setting(0.7)

    assert Allowed({key_of(one): one}) == allowed(the_rules(), one)


@pytest.mark.parametrize("scope", [{}, {"intent": "order_status"}, {"currency": "EUR"}])
def test_a_live_value_that_breaks_a_constraint_becomes_the_files_where_that_is_stricter(scope: dict[str, str]) -> None:
    """Handover below 0.75 is below autonomy no more: the value that was set looser goes, with its end."""
    one = a_setting(0.7, expires_at_us=NOW_US + 1, **scope)
    kept = a_setting(0.9, intent="order_change")

    found = allowed(changed(HIGHER_HANDOVER), one, kept)

    stand_in = one._replace(value=0.85)
    assert ({key_of(one): stand_in, key_of(kept): kept}, (stand_in,), ()) == found


def test_a_live_value_that_is_stricter_stays_and_the_constraint_is_told() -> None:
    """Going back to the file's would loosen: somebody has to decide."""
    one = a_setting(0.84, "handover")

    found = allowed(changed(("default: 0.85", "default: 0.80")), one)

    assert ({key_of(one): one}, ()) == found[:2]
    text = "the constraint 'handover < autonomy' of policy 'centre' does not hold: 0.84 and 0.8"
    assert text in found.broken


def test_a_child_is_looked_at_with_what_its_parent_has_live() -> None:
    """A value that is fine where it was set may break what extends it."""
    rules = the_rules(
        centre=CENTRE, bank=f"{BANK}  handover: {{value: 0.72}}\nconstraints:\n  - handover <= 0.75\n", cards=CARDS
    )
    one = a_setting(0.78, "handover")

    found = allowed(rules, one)

    assert ((), ["bank", "cards"]) == (found.outlawed, [text.split("'")[3] for text in found.broken])


def test_one_correction_may_need_another() -> None:
    """Autonomy goes up to the file's, and the second constraint with it."""
    rules = changed(HIGHER_HANDOVER, ("constraints:\n", f"{CEILING}constraints:\n  - autonomy < ceiling\n"))
    settings = a_setting(0.7), a_setting(0.8, "ceiling")

    found = allowed(rules, *settings)

    assert ({0.85, 0.95}, ()) == ({one.value for one in found.outlawed}, found.broken)


def test_a_bound_comes_first() -> None:
    """What it makes of a value is what constraints are held against."""
    found = allowed(changed(("min: 0.60\n    max: 0.99", "min: 0.70\n    max: 0.99"), HIGHER_HANDOVER), a_setting(0.61))

    assert ((a_setting(0.85),), ()) == found[1:]


def test_what_the_rules_do_not_know_any_more_is_left_alone_and_told() -> None:
    """It must not keep rules from being published, and nobody may think that it still tightens."""
    settings = a_setting(0.9, "gone"), a_setting(0.9, policy="gone"), a_setting(None)

    found = allowed(changed(HIGHER_HANDOVER), *settings)

    assert () == found.outlawed
    threshold, policy = found.broken
    assert "live value gone 0.9 in centre any more: the policy has no threshold 'gone'" in threshold
    assert threshold.endswith("and then remove it: oversight thresholds set gone file --policy centre -m ...")
    assert "live value autonomy 0.9 in gone any more: there is no policy 'gone'" in policy
    assert policy.endswith("and then remove it: oversight thresholds set autonomy file --policy gone -m ...")


def test_where_an_unknown_value_was_set_is_told_as_it_is_typed() -> None:
    """Only the value of just this scope can be removed."""
    one = a_setting(0.9, "gone", intent="order status", department="bank", currency="EUR")

    (said,) = allowed(the_rules(), one).broken

    assert "gone 0.9 in centre for intent order status and department bank and currency EUR any more" in said
    assert "gone file --policy centre --intent 'order status' --department bank --currency EUR -m" in said


def test_a_threshold_that_only_a_child_has_by_now_keeps_the_value_of_its_parent() -> None:
    """It still tightens there, it is told, and a constraint that it breaks must not keep rules from being published."""
    own = CEILING + "constraints:\n  - ceiling < 0.96\n"
    rules = the_rules(centre=CENTRE, bank=BANK + own, cards=CARDS)
    one = a_setting(0.97, "ceiling")

    found = allowed(rules, one)

    assert ({key_of(one): one}, ()) == found[:2]
    unknown, constraint, *_ = found.broken
    assert "ceiling 0.97 in centre any more" in unknown
    assert "'ceiling < 0.96' of policy 'bank' does not hold: 0.97 and 0.96" in constraint
    assert 0.97 == Values(rules, found.values).lookup("cards", NOW_US)("ceiling", Scope()).value


@given(
    values=st.lists(
        st.tuples(
            st.sampled_from(["autonomy", "handover"]),
            st.integers(30, 99),
            st.sampled_from(["centre", "bank"]),
            st.sampled_from([None, "order_status", "order_change"]),
        ),
        max_size=4,
    ),
    handover=st.integers(30, 84),
)
def test_a_reload_never_loosens_a_live_value(values: list[tuple[str, int, str, str | None]], handover: int) -> None:
    """Whatever constraints come, in no scope is less put in front of people than live values and bounds say."""
    rules = changed(("default: 0.50", f"default: 0.{handover}"))
    before = {key_of(one): one for one in (a_setting(v / 100, n, p, intent=i) for n, v, p, i in values)}

    found = allow(rules, before, NOW_US)

    bounds = rules.policies["centre"].thresholds
    for key, one in found.values.items():
        was = min(max(before[key].value or 0.0, bounds[one.name].minimum), bounds[one.name].maximum)
        assert not is_looser("raise", one.value or 0.0, was)
    if not found.broken:
        find = Values(rules, found.values).lookup("cards", NOW_US)
        for intent in (None, "order_status", "order_change"):
            scope = Scope(intent, None, None)
            assert find("handover", scope).value < find("autonomy", scope).value
