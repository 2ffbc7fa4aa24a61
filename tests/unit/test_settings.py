"""The settings: documented, checked, and with one order of who wins."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from oversight.settings import Settings

RANGES = {
    "policy_poll_s": (0.05, 3600),
    "max_policy_age_s": (0, None),
    "max_threshold_age_s": (0, None),
    "workers": (0, 256),
    "worker_threads": (1, 64),
    "max_waiting_calls": (1, 100_000),
    "max_message_bytes": (1024, 64 * 1024 * 1024),
    "drain_interval_s": (0.01, 60),
    "shutdown_grace_s": (0, 600),
}
"""Least and largest value of each bounded setting; None is unbounded."""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own settings must not decide a test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"OVERSIGHT_{name.upper()}", raising=False)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_described_in_a_sentence(name: str) -> None:
    """`oversight settings` is the documentation."""
    description = Settings.model_fields[name].description

    assert description is not None
    assert description.endswith(".")


def test_without_any_setting_the_server_is_on_loopback_and_its_data_here() -> None:
    """What a newcomer starts is reachable by nobody else."""
    settings = Settings()

    assert ("127.0.0.1:50051", "127.0.0.1:50052", False) == (
        settings.listen,
        settings.admin_listen,
        settings.insecure,
    )
    assert Path(".oversight") == settings.data_dir


def test_a_variable_wins_over_the_default_and_a_flag_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in every other program."""
    monkeypatch.setenv("OVERSIGHT_WORKERS", "3")
    monkeypatch.setenv("OVERSIGHT_LOG_FORMAT", "json")

    assert (3, "json") == (Settings().workers, Settings().log_format)
    assert 5 == Settings(workers=5).workers


@pytest.mark.parametrize("name", sorted(RANGES))
def test_values_out_of_range_are_refused_by_name(name: str) -> None:
    """A drain every 0 seconds would be a CPU spent on nothing."""
    low, high = RANGES[name]
    for value in (low, high):
        if value is not None:
            assert value == getattr(Settings.model_validate({name: value}), name)
    for value in (low - 1, None if high is None else high + 1):
        if value is not None:
            with pytest.raises(ValidationError, match=name):
                Settings.model_validate({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("worker_pinning", "sometimes"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("max_connection_age_s", 0),
        ("max_connection_age_s", "inf"),
        ("journal_segment_age_s", 0),
        ("journal_segment_age_s", "inf"),
        ("journal_segment_bytes", 4095),
        ("journal_max_bytes", 65_535),
        ("default_policy", ""),
        ("default_policy", "x" * 65),
        ("insecure", "perhaps"),
        ("policy_poll_s", "nan"),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(name: str, value: object) -> None:
    """A typing error must not become a default without a word."""
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: value})


def test_a_setting_that_does_not_exist_is_refused() -> None:
    """A misspelt one would have no effect, and nobody would know."""
    with pytest.raises(ValidationError, match="worker_count"):
        Settings.model_validate({"worker_count": 2})


def test_a_segment_must_fit_into_the_limit_of_all_of_them() -> None:
    """Else recording would stop before the first segment is full."""
    with pytest.raises(
        ValidationError, match=r"journal_segment_bytes \(200000\) is above journal_max_bytes \(100000\)"
    ):
        Settings(journal_segment_bytes=200_000, journal_max_bytes=100_000)


def test_settings_never_change() -> None:
    """Processes of one server must agree on them."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().workers = 2  # type: ignore[misc]  # what must not work


def test_settings_survive_the_way_to_a_child_process() -> None:
    """They travel as JSON."""
    settings = Settings(workers=2, policy=Path("rules"), id_key_file=Path("id.key"), drain_interval_s=0.05)

    assert settings == Settings.model_validate(settings.model_dump(mode="json"))
