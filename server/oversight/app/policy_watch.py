"""The controller's look at the rule files: published whole, or refused whole with what is in force kept."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from oversight.app.last_good import LastGood, LastGoodFile
from oversight.app.publication import Publication, Rules
from oversight.engine.compile import Blueprint
from oversight.errors import InvalidPolicyError, Problem
from oversight.policies import SnapshotSource, assemble_source, compile_source
from oversight.rules.load import RuleSet
from oversight.rules.source import RuleFiles, default_folder, read_folder
from oversight.settings import Settings
from oversight.thresholds.values import RulesInForce

__all__ = ["Compile", "PolicyState", "PolicyWatch"]

Compile = Callable[[SnapshotSource], tuple[Blueprint, RuleSet]]
"""What makes a blueprint and checked rules of a source; raises `InvalidPolicyError`."""

_log = logging.getLogger(__name__)


class PolicyState(NamedTuple):
    """
    What is published, and how that compares with the folder.

    `digest` is that of the rules alone, without live values and stops. `confirmed_at_us` is when the folder last said
    just what is published. While `problems` are not empty the folder says something else, which does not compile.
    `last_good` is True where what is published comes from an earlier run. `found` has problems, or else warnings, as
    values.
    """

    digest: str = ""
    commit: str = ""
    published_us: int = 0
    confirmed_at_us: int = 0
    last_good: bool = False
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    found: tuple[Problem, ...] = ()


class PolicyWatch:
    """
    Follows a folder of rule files; `state` is replaced by one assignment, for any thread to read.

    *compile_rules* does what `policies.compile_source` does, wherever.
    """

    def __init__(
        self,
        settings: Settings,
        publication: Publication,
        *,
        last_good: LastGoodFile,
        clock_us: Callable[[], int],
        compile_rules: Compile = compile_source,
    ) -> None:
        self.state = PolicyState()
        self._rules: RulesInForce | None = None
        self._settings = settings
        self._publication = publication
        self._folder = settings.policy or default_folder()
        self._last_good = last_good
        self._clock_us = clock_us
        self._compile = compile_rules
        self._seen: RuleFiles | None = None
        self._problems: tuple[Problem, ...] = ()

    def start(self) -> None:
        """
        Publish the folder's rules or, where they do not compile, the last good ones of an earlier run.

        Raise `InvalidPolicyError` where there is neither.
        """
        self.look()
        if self.state.digest:
            return
        kept = self._last_good.read()
        if kept is None or not self._serve_last_good(kept):
            raise InvalidPolicyError(self._problems)

    def in_force(self) -> RulesInForce:
        """Return the rules that are published; RuntimeError before `start`."""
        if self._rules is None:
            raise RuntimeError("no rules are published yet")
        return self._rules

    def look(self) -> bool:
        """Look at the folder once; return whether anything changed. Never raises: what is wrong stands in `state`."""
        looked_us = self._clock_us()
        files: RuleFiles | None = None
        try:
            files = read_folder(self._folder)
            if files == self._seen:
                if not self._problems:
                    self._confirm(looked_us)
                return False
            self._publish(files, looked_us)
        except InvalidPolicyError as error:
            return self._refuse(files, error.problems, error)
        except OSError as error:
            # Of no file's making, so it is tried again at the next look.
            return self._refuse(None, [self._blame_folder(f"cannot be published: {error}")], error)
        except Exception as error:  # noqa: BLE001 - a fault of the compiler must not end the controller
            return self._refuse(files, [self._blame_folder(f"the compiler failed: {error!r}")], error, unexpected=True)
        self._seen, self._problems = files, ()
        return True

    def _publish(self, files: RuleFiles, looked_us: int) -> None:
        source = SnapshotSource(
            files=files.files,
            default_policy=self._settings.default_policy,
            commit=files.commit,
            max_policy_age_s=self._settings.max_policy_age_s,
            max_threshold_age_s=self._settings.max_threshold_age_s,
        )
        blueprint, rules = self._compile(source)
        snapshot = assemble_source(source, blueprint)
        self._last_good.keep(LastGood(source.to_document(), snapshot.digest, looked_us))
        checked = RulesInForce(rules.policies, blueprint, source.default_policy)
        self._publication.put_rules(Rules(source, checked))
        self._rules = checked
        warnings = tuple(sorted({*files.warnings, *rules.warnings}))
        self.state = PolicyState(
            digest=snapshot.digest,
            commit=snapshot.commit,
            published_us=looked_us,
            confirmed_at_us=looked_us,
            warnings=tuple(map(str, warnings)),
            found=warnings,
        )

    def _serve_last_good(self, kept: LastGood) -> bool:
        try:
            source = replace(
                SnapshotSource.from_document(kept.document),
                max_policy_age_s=self._settings.max_policy_age_s,
                max_threshold_age_s=self._settings.max_threshold_age_s,
            )
            blueprint, rules = self._compile(source)
            snapshot = assemble_source(source, blueprint)
            checked = RulesInForce(rules.policies, blueprint, source.default_policy)
            self._publication.put_rules(Rules(source, checked))
        except (InvalidPolicyError, ValueError, TypeError, KeyError, OSError) as error:
            _log.error("the last good rules cannot be served either: %s", error)
            return False
        self._rules = checked
        self.state = self.state._replace(
            digest=snapshot.digest,
            commit=snapshot.commit,
            published_us=self._clock_us(),
            confirmed_at_us=kept.confirmed_at_us,
            last_good=True,
        )
        _log.warning("the last good rules of an earlier run are served: %s", snapshot.digest)
        return True

    def _confirm(self, looked_us: int) -> None:
        self.state = self.state._replace(confirmed_at_us=looked_us)
        # A full disk: after the next start these rules would seem older than they are, which is the safe side.
        with contextlib.suppress(OSError):
            self._last_good.confirm(self.state.digest, looked_us)

    def _refuse(
        self, files: RuleFiles | None, problems: Sequence[Problem], error: Exception, *, unexpected: bool = False
    ) -> bool:
        """Keep what is in force; say what is wrong, once for each change of it."""
        self._seen = files
        if self._problems == tuple(problems):
            return False
        self._problems = tuple(problems)
        texts = tuple(str(problem) for problem in problems)
        self.state = self.state._replace(problems=texts, found=self._problems)
        kept = f"{self.state.digest} stays in force" if self.state.digest else "nothing is in force yet"
        for text in texts:
            _log.error("policy refused: %s", text, exc_info=error if unexpected else None)
        _log.error("policy refused with %d problem(s); %s", len(texts), kept)
        return True

    def _blame_folder(self, text: str) -> Problem:
        return Problem(str(self._folder), 0, 0, text)
