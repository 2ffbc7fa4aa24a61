"""One policy file and the policy it extends, merged into one flat policy."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.engine.decision import OnExpiry, Tier
from oversight.engine.policy import Policy, TierTerms
from oversight.engine.signals import SIGNALS
from oversight.rules.breaker import read_breaker
from oversight.rules.constraints import check_constraints, read_constraints
from oversight.rules.operands import Vocabulary, find_signal
from oversight.rules.policy_rules import check_directions, check_narrowed_languages, read_rules
from oversight.rules.policy_source import PolicySource
from oversight.rules.report import Report
from oversight.rules.suggest import suggest
from oversight.rules.thresholds import read_thresholds
from oversight.rules.wording import show_number

__all__ = ["flatten"]


def flatten(source: PolicySource, parents: tuple[Policy, ...], report: Report) -> Policy:
    """
    Return the policy of *source* with everything of those it extends; what is wrong goes to *report*.

    *parents* are the flat policies that it extends, nearest first. Rules and required signals add up; intents and
    threshold values replace the parent's; everything else may only become stricter.
    """
    return _Flattener(source, parents, report).flatten()


class _Flattener:
    def __init__(self, source: PolicySource, parents: tuple[Policy, ...], report: Report) -> None:
        self._source = source
        self._document = source.document
        self._parents = parents
        self._parent = parents[0] if parents else None
        self._report = report

    def flatten(self) -> Policy:
        """Return the flat policy."""
        document, parent = self._document, self._parent
        tighten_intent = self._tighten_unknown_intent()
        intents = self._intents(tighten=tighten_intent)
        known = self._known_intents(intents, tighten=tighten_intent)
        languages = self._languages()
        attributes = self._attributes()
        thresholds = read_thresholds(self._source, parent, known, self._report)
        vocabulary = Vocabulary(
            attributes={**dict.fromkeys(self._source.declared("attributes")), **attributes},
            thresholds=frozenset(thresholds) | self._source.declared("thresholds"),
            intents=known,
            has_languages=languages is not None or "supported_languages" in self._source.tree.places,
        )
        rules = read_rules(self._source, parent, vocabulary, self._report)
        check_directions(self._source, rules, thresholds, self._report)
        constraints = read_constraints(self._source, thresholds, self._report)
        policy = Policy(
            name=self._source.name,
            version=document.version,
            description=document.description,
            lineage=(self._source.name, *(one.name for one in self._parents)),
            required_signals=self._required_signals(vocabulary),
            intents=intents,
            rules=(*(parent.rules if parent is not None else ()), *rules),
            thresholds=thresholds,
            constraints=(*(parent.constraints if parent is not None else ()), *(one for one, _ in constraints)),
            attributes=attributes,
            tiers=self._tiers(),
            supported_languages=languages,
            max_signal_age_s=self._max_signal_age_s(),
            tighten_unknown_intent=tighten_intent,
            tighten_unknown_department=self._tighten_unknown_department(),
            breaker=read_breaker(self._source, parent, thresholds, self._report),
        )
        check_constraints(policy, constraints, self._source, self._report)
        return policy

    def _tighten_unknown_intent(self) -> bool:
        given = self._document.unknown_intent
        if self._parent is None:
            return given != "allow"
        if given == "allow" and self._parent.tighten_unknown_intent:
            message = f"'{self._parent.name}' tightens unknown intents, and a policy that extends it cannot allow them"
            self._error("unknown_intent", message)
        return self._parent.tighten_unknown_intent if given is None else given == "tighten"

    def _tighten_unknown_department(self) -> bool:
        given = self._document.unknown_department
        if self._parent is None:
            return given != "allow"
        if given is not None:
            self._error("unknown_department", "'unknown_department' is only for a policy that extends no other")
        return self._parent.tighten_unknown_department

    def _intents(self, *, tighten: bool) -> frozenset[str]:
        listed = self._document.intents
        if listed is None:
            inherited = self._parent.intents if self._parent is not None else frozenset()
            if tighten and not inherited and "intents" not in self._source.tree.places:
                message = "'intents' is missing: list what customers may want, or say unknown_intent: allow"
                self._error("policy", message)
            return inherited
        self._check_unique("intents")
        return frozenset(listed)

    def _known_intents(self, intents: frozenset[str], *, tighten: bool) -> frozenset[str] | None:
        """Return the intents that rules here may name; None where any may be."""
        unreadable = self._document.intents is None and "intents" in self._source.tree.places
        known = intents.union(*(parent.intents for parent in self._parents))
        return None if unreadable or not (tighten or known) else known

    def _languages(self) -> frozenset[str] | None:
        listed = self._document.supported_languages
        inherited = self._parent.supported_languages if self._parent is not None else None
        if listed is None:
            return inherited
        self._check_unique("supported_languages")
        languages = frozenset(language.lower() for language in listed)
        if self._parent is not None and inherited is not None:
            added = ", ".join(sorted(languages - inherited))
            if added:
                message = f"'{self._parent.name}' does not support {added}, so a policy that extends it cannot either"
                self._error("supported_languages", message)
            if inherited - languages:
                check_narrowed_languages(self._source, self._parent, self._report)
        return languages

    def _check_unique(self, section: str) -> None:
        seen: set[str] = set()
        for text, place in self._source.texts(section):
            plain = text.lower() if section == "supported_languages" else text
            if plain in seen:
                self._report.error(self._source.file, place, f"'{text}' is listed twice; remove one")
            seen.add(plain)

    def _attributes(self) -> dict[str, str]:
        attributes: dict[str, str] = dict(self._parent.attributes) if self._parent is not None else {}
        for name, kind in self._document.attributes.items():
            if attributes.get(name, kind) != kind:
                message = f"the attribute '{name}' is {attributes[name]} in the policy this one extends, not {kind}"
                self._report.error(self._source.file, self._source.place("attributes", name), message)
            else:
                attributes[name] = kind
        return attributes

    def _required_signals(self, vocabulary: Vocabulary) -> tuple[str, ...]:
        required = set(self._parent.required_signals) if self._parent is not None else set()
        self._check_unique("required_signals")
        for name, place in self._source.texts("required_signals"):
            signal, wrong = find_signal(name, vocabulary)
            if signal is None:
                attributes = (f"attributes.{one}" for one in vocabulary.attributes)
                if wrong:
                    self._report.error(self._source.file, place, wrong, suggest(name, [*SIGNALS, *attributes]))
            elif signal.origin == "server":
                message = f"'{name}' is added by the server and never absent; it need not be required"
                self._report.error(self._source.file, place, message)
            else:
                required.add(name)
        return tuple(sorted(required))

    def _tiers(self) -> Mapping[Tier, TierTerms]:
        tiers = dict(self._parent.tiers) if self._parent is not None else {}
        for name, document in self._document.tiers.items():
            tier = Tier[name.upper()]
            inherited = tiers.get(tier, TierTerms())
            on_expiry = None if document.on_expiry is None else OnExpiry[document.on_expiry.upper()]
            tiers[tier] = TierTerms(
                inherited.review_sla_s if document.review_sla_s is None else document.review_sla_s,
                inherited.on_expiry if on_expiry is None else on_expiry,
            )
            self._check_terms(name, inherited, tiers[tier])
        return tiers

    def _check_terms(self, tier: str, inherited: TierTerms, own: TierTerms) -> None:
        """Report terms of a review that are looser than the parent's: more time for it, or a hold for a transfer."""
        limit_s, own_s = inherited.review_sla_s, own.review_sla_s
        if limit_s is not None and own_s is not None and own_s > limit_s:
            message = f"{own_s} is looser than the {limit_s} s of the policy this one extends; lower it"
            self._report.error(self._source.file, self._source.place("tiers", tier, "review_sla_s"), message)
        if inherited.on_expiry is OnExpiry.TRANSFER and own.on_expiry is OnExpiry.HOLD:
            message = "'hold' is looser than the 'transfer' of the policy this one extends; remove it"
            self._report.error(self._source.file, self._source.place("tiers", tier, "on_expiry"), message)

    def _max_signal_age_s(self) -> float | None:
        own = self._document.max_signal_age_s
        inherited = self._parent.max_signal_age_s if self._parent is not None else None
        if own is not None and inherited is not None and own > inherited:
            than = f"the {show_number(inherited)} s of the policy this one extends"
            self._error("max_signal_age_s", f"{show_number(own)} is looser than {than}; lower it")
        return inherited if own is None else own

    def _error(self, key: str, message: str) -> None:
        self._report.error(self._source.file, self._document.place(key), message)
