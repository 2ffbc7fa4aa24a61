"""What `oversight serve` says on standard output once it serves: what, where, and what to try next."""

from __future__ import annotations

import shlex
from pathlib import Path

from oversight.access.tokens import NO_TOKENS, TokenBook
from oversight.app.access import always_required
from oversight.app.addresses import is_beyond_loopback
from oversight.app.reports import ControllerReport
from oversight.rules.wording import short_commit
from oversight.settings import Settings

__all__ = ["announce"]

_DEFAULT_LISTEN = "127.0.0.1:50051"
_DEFAULT_ADMIN_LISTEN = "127.0.0.1:50052"
_DEFAULT_DATA_DIR = Path(".oversight")


def announce(
    settings: Settings,
    workers: int,
    controller: ControllerReport | None,
    *,
    standby: bool = False,
    tokens: TokenBook | None = NO_TOKENS,
) -> str:
    """
    Return the text, with a line feed at its end; commands in it work as they stand in another shell.

    Where callers need credentials it says so, and with which command to begin while there are none; *tokens* are None
    where that is not known.
    """
    rules = "the default policy of the package" if settings.policy is None else str(settings.policy.resolve())
    target = "" if settings.listen == _DEFAULT_LISTEN else f" --target {settings.listen}"
    admin = "" if settings.admin_listen == _DEFAULT_ADMIN_LISTEN else f" --admin {settings.admin_listen}"
    folder = "" if settings.data_dir == _DEFAULT_DATA_DIR else f" --data-dir {shlex.quote(str(settings.data_dir))}"
    count = f"{workers} worker{'' if workers == 1 else 's'}{' and one on standby' if standby else ''}"
    lines = [
        f"Oversight serves decisions on {settings.listen} with {count}.",
        f"  policy  {rules}{_describe_version(controller)}",
        f"  data    {settings.data_dir.resolve()}",
        f"  admin   {settings.admin_listen}",
        f"  access  {_describe_access(settings, tokens)}",
    ]
    if settings.simulated_clock is not None:
        lines.append(f"  clock   SIMULATED: all time is read from {settings.simulated_clock.resolve()}")
    if controller is not None and controller.last_good:
        lines.append(
            "  The rule files do not compile: the last good ones decide. `oversight status` says what is wrong."
        )
    needed = always_required(settings) or tokens is None or tokens.any_made
    if needed and tokens is not None and not _has_callers(settings, tokens):
        lines += ["Begin with a token, in another shell; it is shown once:", f"  {_first_token(settings)}"]
    lines += [
        f"Try, in another shell{', with a token in OVERSIGHT_TOKEN' if needed else ''}:",
        f"  oversight decide --intent order_status --response-confidence 0.97 --sentiment-score 0.3{target}",
        f"  oversight records --limit 5{admin}",
        f"  oversight status{folder}",
        "README.md shows more. Ctrl-C stops the server.",
    ]
    return "\n".join(lines) + "\n"


def _describe_access(settings: Settings, tokens: TokenBook | None) -> str:
    if tokens is None:
        return "every call needs credentials: the store has not said yet whether there are tokens"
    if always_required(settings) or tokens.any_made:
        return "every call needs credentials"
    who = "who reaches these addresses" if is_beyond_loopback(settings) else "on this machine"
    return f"everybody {who}, without credentials, until there is a token: oversight token create"


def _has_callers(settings: Settings, tokens: TokenBook) -> bool:
    return bool(len(tokens) or settings.jwt_jwks or settings.certificate_roles_file)


def _first_token(settings: Settings) -> str:
    """Return the command that makes a token for whoever tries the commands below it."""
    words = ["oversight", "token", "create", "me", "--role", "decide", "--role", "record", "--role", "read"]
    if settings.data_dir != _DEFAULT_DATA_DIR:
        words += ["--data-dir", str(settings.data_dir)]
    if settings.store:
        words += ["--store", settings.store]
    return shlex.join(words)


def _describe_version(controller: ControllerReport | None) -> str:
    if controller is None:
        return ""
    commit = f", commit {short_commit(controller.commit)}" if controller.commit else ""
    return f" (digest {controller.digest[:12]}{commit})"
