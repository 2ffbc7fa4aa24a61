"""The settings: documented, checked, and with one order of who wins."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

import oversight
from oversight.settings import Settings

TESTS = Path(__file__).parents[1]
ENFORCED = {
    "listen": "e2e/test_start.py::test_a_taken_port_is_said_in_words",
    "admin_listen": "e2e/test_start.py::test_a_taken_port_is_said_in_words",
    "insecure": "unit/app/test_addresses.py::test_any_other_address_needs_insecure",
    "authentication": "unit/app/test_access.py::test_credentials_are_needed_beyond_loopback_and_where_any_are_set",
    "authentication_failures_per_s": "rpc/test_authentication.py::test_a_flood_is_told_when_to_come_back",
    "tls_cert_file": "rpc/test_server_tls.py::test_replaced_files_are_shown_to_the_next_connection",
    "tls_key_file": "rpc/test_server_tls.py::test_replaced_files_are_shown_to_the_next_connection",
    "tls_client_ca_file": "rpc/test_server_tls.py::test_a_certificate_that_does_not_hold_gets_no_connection",
    "admin_tls_cert_file": "rpc/test_server_tls.py::test_the_admin_port_has_the_same_files_unless_it_has_its_own",
    "admin_tls_key_file": "rpc/test_server_tls.py::test_the_admin_port_has_the_same_files_unless_it_has_its_own",
    "admin_tls_client_ca_file": "rpc/test_server_tls.py::test_the_admin_port_has_the_same_files_unless_it_has_its_own",
    "certificate_roles_file": "e2e/test_authentication.py::test_certificates_and_roles_are_replaced_without_a_restart",
    "jwt_issuer": "unit/app/test_access.py::test_tokens_are_checked_by_what_is_set",
    "jwt_audience": "unit/app/test_access.py::test_tokens_are_checked_by_what_is_set",
    "jwt_algorithms": "unit/app/test_access.py::test_tokens_are_checked_by_what_is_set",
    "jwt_roles_claim": "unit/app/test_access.py::test_tokens_are_checked_by_what_is_set",
    "jwt_tenant_claim": "unit/app/test_access.py::test_tokens_are_checked_by_what_is_set",
    "jwt_jwks": "unit/app/test_access.py::test_keys_of_another_source_vouch_for_nobody",
    "jwt_jwks_refresh_s": "unit/app/test_key_watch.py::test_a_url_is_fetched_each_interval_and_sooner_when_asked",
    "policy": "e2e/test_policy_change.py::test_a_changed_file_decides_without_a_restart",
    "default_policy": "unit/app/test_policy_watch.py::"
    "test_the_settings_a_decision_depends_on_are_published_with_the_rules",
    "policy_poll_s": "e2e/test_settings.py::test_the_folder_of_rules_is_looked_at_as_often_as_said",
    "max_policy_age_s": "unit/app/test_policy_watch.py::"
    "test_the_settings_a_decision_depends_on_are_published_with_the_rules",
    "max_threshold_age_s": "unit/app/test_policy_watch.py::"
    "test_the_settings_a_decision_depends_on_are_published_with_the_rules",
    "loosening_needs_approval": "unit/app/test_threshold_desk.py::test_what_loosens_waits_where_the_setting_says_so",
    "approval_ttl_h": "unit/app/test_threshold_desk.py::test_a_proposal_lapses_after_the_hours_of_the_setting",
    "data_dir": "e2e/test_start.py::test_the_data_folder_is_closed_to_others",
    "store": "e2e/test_postgresql.py::test_records_arrive_in_the_database_that_is_set",
    "store_password": "unit/app/test_store_password.py::test_it_comes_from_the_settings_or_from_the_url",
    "store_password_file": "e2e/test_postgresql.py::test_records_arrive_in_the_database_that_is_set",
    "store_pool_size": "unit/app/test_store.py::test_the_limits_are_those_that_are_set",
    "store_connect_timeout_s": "unit/app/test_store.py::test_the_limits_are_those_that_are_set",
    "store_statement_timeout_s": "unit/app/test_store.py::test_the_limits_are_those_that_are_set",
    "migrate": "e2e/test_postgresql.py::test_a_server_migrates_where_it_is_told_to_and_refuses_where_not",
    "retention_months": "e2e/test_erasure.py::test_the_server_removes_what_is_too_old_by_itself",
    "audit_due_h": "e2e/test_evidence.py::test_labels_are_counted_for_rules_and_audits_are_due_when_it_is_set",
    "id_key_file": "unit/app/test_keys.py::test_files_named_by_settings_are_read_instead_and_never_made",
    "audit_key_file": "unit/app/test_keys.py::test_files_named_by_settings_are_read_instead_and_never_made",
    "workers": "e2e/test_start.py::test_every_worker_decides_by_the_same_rules",
    "standby": "unit/app/test_processes.py::test_a_server_has_a_controller_a_keeper_and_its_workers",
    "worker_pinning": "e2e/test_settings.py::test_workers_stay_on_one_cpu_each_where_they_are_told_to",
    "max_waiting_calls": "rpc/test_server.py::test_calls_beyond_those_that_may_wait_are_refused_while_health_answers",
    "max_message_bytes": "rpc/test_server.py::test_the_largest_message_is_the_one_that_is_set",
    "max_connection_age_s": "rpc/test_server.py::test_a_connection_is_renewed_at_the_age_that_is_set",
    "journal_segment_bytes": "e2e/test_settings.py::test_a_segment_is_closed_at_the_size_and_the_age_that_are_set",
    "journal_segment_age_s": "e2e/test_settings.py::test_a_segment_is_closed_at_the_size_and_the_age_that_are_set",
    "journal_max_bytes": "e2e/test_settings.py::test_a_journal_that_nobody_drains_stops_at_the_size_that_is_set",
    "record_sync": "e2e/test_record_sync.py::test_no_reply_leaves_before_its_record_is_on_the_disk",
    "on_record_failure": "e2e/test_record_failure.py::"
    "test_a_worker_that_must_not_answer_without_a_record_is_taken_out_until_it_can",
    "drain_interval_s": "e2e/test_settings.py::test_a_journal_that_nobody_drains_stops_at_the_size_that_is_set",
    "shutdown_grace_s": "e2e/test_records.py::test_what_a_stop_could_not_store_is_stored_after_the_next_start",
    "simulated_clock": "e2e/test_simulate.py::test_a_quiet_centre_is_measured_and_raises_nothing",
    "log_level": "e2e/test_settings.py::test_every_process_logs_in_the_form_and_from_the_level_that_are_set",
    "log_format": "e2e/test_settings.py::test_every_process_logs_in_the_form_and_from_the_level_that_are_set",
}
"""For each setting the test that fails where it is ignored."""

RANGES = {
    "authentication_failures_per_s": (1, 1000),
    "jwt_jwks_refresh_s": (1, 86_400),
    "policy_poll_s": (0.05, 3600),
    "max_policy_age_s": (0, None),
    "max_threshold_age_s": (0, None),
    "workers": (0, 256),
    "max_waiting_calls": (1, 100_000),
    "max_message_bytes": (1024, 64 * 1024 * 1024),
    "drain_interval_s": (0.01, 60),
    "store_pool_size": (1, 64),
    "store_connect_timeout_s": (2, 60),
    "store_statement_timeout_s": (1, 3600),
    "retention_months": (6, 1200),
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


_WITH = {"jwt_jwks_refresh_s": {"jwt_issuer": "a", "jwt_audience": "b", "jwt_jwks": "https://c"}}
"""Settings that have no effect alone, with those that they belong to."""


@pytest.mark.parametrize("name", sorted(RANGES))
def test_values_out_of_range_are_refused_by_name(name: str) -> None:
    """A drain every 0 seconds would be a CPU spent on nothing."""
    low, high = RANGES[name]
    for value in (low, high):
        if value is not None:
            assert value == getattr(Settings.model_validate({name: value} | _WITH.get(name, {})), name)
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
        ("record_sync", "sometimes"),
        ("on_record_failure", "ignore"),
        ("default_policy", ""),
        ("default_policy", "x" * 65),
        ("insecure", "perhaps"),
        ("policy_poll_s", "nan"),
        ("audit_due_h", 0),
        ("audit_due_h", 8761),
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


def test_a_simulated_clock_never_meets_a_store_that_others_have() -> None:
    """A year that was set by mistake would be thirteen months after everything: retention removes it for good."""
    with pytest.raises(ValidationError, match=r"--simulated-clock.*--store.*leave one of them out"):
        Settings(simulated_clock=Path("clock"), store="postgresql+psycopg://oversight@127.0.0.1/oversight")


def test_settings_never_change() -> None:
    """Processes of one server must agree on them."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().workers = 2  # type: ignore[misc]  # what must not work


def test_settings_survive_the_way_to_a_child_process() -> None:
    """They travel as JSON."""
    settings = Settings(workers=2, policy=Path("rules"), id_key_file=Path("id.key"), drain_interval_s=0.05)

    assert settings == Settings.model_validate(settings.model_dump(mode="json"))


def test_a_secret_survives_the_way_to_a_child_process_and_is_shown_on_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is logged or printed of the settings by mistake must not have it."""
    monkeypatch.setenv("OVERSIGHT_STORE", "postgresql://u:swordfish@h/d")
    settings = Settings()

    assert ("postgresql://u@h/d", "swordfish") == (
        settings.store,
        settings.store_password.get_secret_value() if settings.store_password else "",
    )
    assert "swordfish" not in f"{settings!r}{settings}{settings.model_dump()}{settings.model_dump_json()}"
    assert settings == Settings.model_validate(json.loads(json.dumps(settings.told_to_child())))


def test_a_password_is_given_once() -> None:
    """Two of them would be a question of which."""
    with pytest.raises(ValidationError, match="given more than once") as refused:
        Settings(store="postgresql://u:swordfish@h/d", store_password_file=Path("password"))

    assert "swordfish" not in str(refused.value)


def _settings_read(source: Path) -> set[str]:
    """Return the settings that the code in *source* reads: `settings.NAME` or `self._settings.NAME`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("settings", "self._settings")
    }


def test_every_setting_is_read_by_the_server() -> None:
    """One that is accepted and then ignored is worse than none: somebody relies on it."""
    sources = [path for path in Path(oversight.__file__).parent.rglob("*.py") if path.parent.name != "cli"]

    # The two addresses and `insecure` are also read by name, but each of them somewhere by itself.
    assert set(Settings.model_fields) <= set().union(*map(_settings_read, sources))


def test_every_setting_has_the_test_that_would_miss_it() -> None:
    """Being read is not yet being honoured."""
    assert set(Settings.model_fields) == set(ENFORCED)


@pytest.mark.parametrize("setting", ENFORCED)
def test_the_test_that_would_miss_a_setting_exists_and_sets_it(setting: str) -> None:
    """A table that names what is not there would be worth nothing."""
    file, _, name = ENFORCED[setting].partition("::")
    source = (TESTS / file).read_text(encoding="utf-8")
    tests = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}

    assert name in tests
    # `servers` gives every server a folder, rules and addresses of its own.
    assert setting in source or setting in (TESTS / "servers.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tls_cert_file": "a"}, "tls_cert_file and tls_key_file: expected both or neither"),
        ({"admin_tls_key_file": "a"}, "admin_tls_cert_file and admin_tls_key_file: expected both or neither"),
        ({"tls_client_ca_file": "a"}, "tls_client_ca_file: expected tls_cert_file"),
        ({"admin_tls_client_ca_file": "a"}, "admin_tls_client_ca_file: expected a certificate"),
        ({"certificate_roles_file": "a"}, "certificate_roles_file: expected tls_client_ca_file"),
        ({"jwt_issuer": "a", "jwt_jwks": "b"}, "jwt_issuer, jwt_audience and jwt_jwks: expected all"),
        ({"jwt_issuer": "a", "jwt_audience": "b", "jwt_jwks": "http://c"}, "expected a file or an https URL"),
        ({"jwt_algorithms": "RS256,none"}, "jwt_algorithms: expected some of .*, got 'none'"),
        ({"jwt_algorithms": ""}, "jwt_algorithms: expected some of .*, got ''"),
        ({"jwt_tenant_claim": "t"}, "jwt_tenant_claim: expected jwt_issuer, jwt_audience and jwt_jwks too"),
        ({"jwt_roles_claim": "t"}, "jwt_roles_claim: expected jwt_issuer, jwt_audience and jwt_jwks too"),
        ({"jwt_algorithms": "ES256"}, "jwt_algorithms: expected jwt_issuer, jwt_audience and jwt_jwks too"),
        ({"jwt_jwks_refresh_s": 60}, "jwt_jwks_refresh_s: expected jwt_issuer, jwt_audience and jwt_jwks too"),
    ],
)
def test_settings_of_credentials_that_do_not_fit_together_are_refused(given: dict[str, str], words: str) -> None:
    """A half-set lock is an open door, or a closed one that nobody understands."""
    with pytest.raises(ValidationError, match=words):
        Settings.model_validate(given)
