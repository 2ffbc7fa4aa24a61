"""A certificate or an honest no: the answer in a sentence, what it rests on, and the command that would apply it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from oversight.cli.insight_words import level, told
from oversight.cli.output import percent
from oversight.cli.risk_chart import draw_risk
from oversight_client import CertificateStatus, Recommendation

__all__ = ["apply_command", "describe_answer", "footnotes", "print_recommendation"]


def describe_answer(found: Recommendation, max_error: float, confidence: float) -> str:
    """Return the answer in one sentence."""
    evidence = f"{_count(found.errors, 'error')} in {_count(found.n, 'label')}"
    if found.missed:
        evidence += f", {found.missed:,} of them because nobody looked yet"
    if found.status is CertificateStatus.CERTIFIED and found.threshold is not None:
        return (
            f"CERTIFIED: with {found.name} at {found.threshold!r} at most {level(max_error)} of what goes out "
            f"unreviewed is wrong, at {level(confidence)} confidence ({evidence}, upper bound "
            f"{percent(found.upper_bound)}); "
            f"{percent(found.autonomy)} of what it decides would go out unreviewed, {percent(found.autonomy_in_force)} "
            f"do at {found.value_in_force!r}, which is in force."
        )
    begun = f"NO_SAFE_THRESHOLD: no value of {found.name} is proven to keep errors at or below {level(max_error)} at "
    if found.labels_needed:
        needed = f"{found.labels_needed:,} more {'label is' if found.labels_needed == 1 else 'labels are'} needed"
        if found.missed:
            verb = "is" if found.missed == 1 else "are"
            undone = f"{_count(found.missed, 'error')} {verb} a review or audit not done"
            needed = f"{undone}, and doing these comes first (oversight audits); {needed}, these among them"
        return f"{begun}{level(confidence)} confidence yet: {needed} ({evidence})."
    return f"{begun}{level(confidence)} confidence, and more labels will not help: the AI errs too often ({evidence})."


def footnotes(found: Recommendation, confidence: float) -> Iterator[str]:
    """Yield what somebody who decides by the answer has to know."""
    model = f"model version {found.model_version}" if found.model_version else "requests that named no model version"
    yield f"policy {found.policy}, {found.eligible:,} decisions that {found.name} alone decides about, {model}"
    if found.call:
        spent = f"answer {found.call} on new evidence in this scope; it spent {found.delta:.4g} of {1 - confidence:.4g}"
        yield f"{spent}{'; this is the stored answer, and asking again spent nothing' if found.stored else ''}"
    else:
        yield "there is no label in this scope yet, and nothing was spent"
    if found.other_model_versions:
        names = ", ".join(name or "(none named)" for name in found.other_model_versions)
        yield f"NOT about other model versions, which this value would govern, too: {names}"
    if found.erased:
        counted = f"{_count(found.erased, 'decision')} counted as wrong at every value"
        yield f"{counted}: their attributes are erased, and rules read attributes"
    yield f"certificate {found.digest}; {told(found.evidence_through)}"


def apply_command(found: Recommendation, intent: str = "", department: str = "", currency: str = "") -> str:
    """Return the command by which a person would apply the value; empty where there is nothing to apply."""
    if found.threshold is None or found.threshold == found.value_in_force:
        return ""
    # All digits: a rounded value would be another one than the certificate is about.
    words = ["oversight", "thresholds", "set", found.name, repr(found.threshold), "--policy", found.policy]
    for option, value in (("--intent", intent), ("--department", department), ("--currency", currency)):
        words += [option, value] if value else []
    return shlex.join([*words, "-m", f"certificate {found.digest[:12]}"])


def print_recommendation(
    found: Recommendation, max_error: float, confidence: float, command: str, screen: Console
) -> None:
    """Print the answer, a chart of what the labels say, and what to do."""
    proven = found.status is CertificateStatus.CERTIFIED
    screen.print(Text(describe_answer(found, max_error, confidence), style="green" if proven else "yellow"))
    if found.candidates:
        screen.print(draw_risk(found.candidates, max_error, found.threshold))
    for line in footnotes(found, confidence):
        screen.print(Text(line))
    if command:
        screen.print(Text("Nothing is changed. To apply it:"))
        screen.print(Text(f"  {command}", style="bold"), soft_wrap=True)
    elif proven:
        screen.print(Text("This value is in force already."))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
