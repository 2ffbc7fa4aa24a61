"""What `oversight serve` says on standard output once it serves: what, where, and what to try next."""

from __future__ import annotations

from pathlib import Path

from oversight.app.reports import ControllerReport
from oversight.rules.wording import short_commit
from oversight.settings import Settings

__all__ = ["announce"]

_DEFAULT_LISTEN = "127.0.0.1:50051"
_DEFAULT_ADMIN_LISTEN = "127.0.0.1:50052"
_DEFAULT_DATA_DIR = Path(".oversight")


def announce(settings: Settings, workers: int, controller: ControllerReport | None, *, standby: bool = False) -> str:
    """Return the text, with a line feed at its end; commands in it work as they stand in another shell."""
    rules = "the default policy of the package" if settings.policy is None else str(settings.policy.resolve())
    target = "" if settings.listen == _DEFAULT_LISTEN else f" --target {settings.listen}"
    admin = "" if settings.admin_listen == _DEFAULT_ADMIN_LISTEN else f" --admin {settings.admin_listen}"
    folder = "" if settings.data_dir == _DEFAULT_DATA_DIR else f" --data-dir {settings.data_dir}"
    count = f"{workers} worker{'' if workers == 1 else 's'}{' and one on standby' if standby else ''}"
    lines = [
        f"Oversight serves decisions on {settings.listen} with {count}.",
        f"  policy  {rules}{_describe_version(controller)}",
        f"  data    {settings.data_dir.resolve()}",
        f"  admin   {settings.admin_listen}",
    ]
    if settings.simulated_clock is not None:
        lines.append(f"  clock   SIMULATED: all time is read from {settings.simulated_clock.resolve()}")
    if controller is not None and controller.last_good:
        lines.append(
            "  The rule files do not compile: the last good ones decide. `oversight status` says what is wrong."
        )
    lines += [
        "Try, in another shell:",
        f"  oversight decide --intent order_status --response-confidence 0.97 --sentiment-score 0.3{target}",
        f"  oversight records --limit 5{admin}",
        f"  oversight status{folder}",
        "README.md shows more. Ctrl-C stops the server.",
    ]
    return "\n".join(lines) + "\n"


def _describe_version(controller: ControllerReport | None) -> str:
    if controller is None:
        return ""
    commit = f", commit {short_commit(controller.commit)}" if controller.commit else ""
    return f" (digest {controller.digest[:12]}{commit})"
