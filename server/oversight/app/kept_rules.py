"""The rules in force as a process reads them that does not publish them: from the file of the last good ones."""

from __future__ import annotations

from pathlib import Path

from oversight.app.last_good import LAST_GOOD, LastGoodFile
from oversight.errors import InvalidPolicyError, Problem
from oversight.policies import SnapshotSource, compile_source
from oversight.thresholds.values import RulesInForce

__all__ = ["KeptRules"]


class KeptRules:
    """The last good rules of *data_dir*, compiled once for each change of them."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._document = ""
        self._rules: RulesInForce | None = None

    def published(self) -> RulesInForce | None:
        """Return what `with_breaker` returns, None also before anything was published."""
        return self.with_breaker() if (self._data_dir / LAST_GOOD).exists() else None

    def with_breaker(self) -> RulesInForce | None:
        """
        Return the rules, None where no policy has a breaker: then nothing is compiled.

        Raises `InvalidPolicyError` where they cannot be read.
        """
        kept = LastGoodFile(self._data_dir).read()
        if kept is None:
            raise InvalidPolicyError([Problem(LAST_GOOD, 0, 0, "there are no rules here that could be read")])
        if kept.document != self._document:
            self._rules = _compile(kept.document)
            self._document = kept.document
        return self._rules


def _compile(document: str) -> RulesInForce | None:
    try:
        source = SnapshotSource.from_document(document)
    except ValueError as error:
        raise InvalidPolicyError([Problem(LAST_GOOD, 0, 0, str(error))]) from error
    if not any("breaker" in text for text in source.files.values()):
        return None
    blueprint, rules = compile_source(source)
    if not any(policy.breaker.steps for policy in rules.policies.values()):
        return None
    return RulesInForce(rules.policies, blueprint, source.default_policy)
