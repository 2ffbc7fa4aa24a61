"""`oversight settings`, and the flags that `oversight serve` makes of the same model."""

import json

import pytest

from oversight.cli.server_settings import SETTINGS, misspelt_variables
from oversight.settings import Settings


def test_every_setting_is_listed_with_value_source_variable_and_meaning(run):
    """A setting that nobody can find is no setting."""
    settings = json.loads(run("settings", "--json", env={"OVERSIGHT_WORKERS": "3"}).stdout)["settings"]
    assert list(Settings.model_fields) == [setting["name"] for setting in settings]
    assert all(setting["description"] for setting in settings)
    by_name = {setting["name"]: setting for setting in settings}
    assert (3, 0, "variable", "OVERSIGHT_WORKERS") == tuple(
        by_name["workers"][key] for key in ("value", "default", "source", "variable")
    )
    assert (".oversight", "default") == (by_name["data_dir"]["value"], by_name["data_dir"]["source"])


def test_people_see_what_was_changed_and_where(run):
    """The first question about a server that behaves oddly."""
    shown = run("settings", env={"OVERSIGHT_LOG_LEVEL": "debug"}).stdout
    assert "log_level = debug  (variable)" in shown
    assert "id_key_file = not set  (default)" in shown
    assert "Variable: OVERSIGHT_LOG_LEVEL." in shown


def test_serve_has_a_flag_for_every_setting(run):
    """A new field of the model is a new flag, with its meaning, default and variable."""
    shown = " ".join(run("serve", "--help").stdout.split())
    for name, info in Settings.model_fields.items():
        if name == "store_password":
            assert "--store-password " not in shown
            continue
        assert f"--{name.replace('_', '-')} " in shown
        assert f"Variable: OVERSIGHT_{name.upper()}." in shown
        assert str(info.description).split()[0] in shown
    assert [name for name in Settings.model_fields if name != "store_password"] == list(SETTINGS)


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        (
            ("--workers", "300"),
            {},
            "--workers (or OVERSIGHT_WORKERS): input should be less than or equal to 256, got",
        ),
        (("--workers", "many"), {}, "workers: 'many' is not a whole number"),
        (
            (),
            {"OVERSIGHT_WORKERS": "300"},
            "OVERSIGHT_WORKERS (or --workers): input should be less than or equal",
        ),
        (("--log-level", "inf"), {}, "'inf' is not one of debug, info, warning, error (did you mean 'info'?)"),
        (("--journal-max-bytes", "70000"), {}, "journal_segment_bytes (16777216) is above journal_max_bytes (70000)"),
        (("--workrs", "2"), {}, "did you mean --workers?"),
        (("--store", "postgresql://u:swordfish@h/d"), {}, "--store has a password in it"),
        (("--store", "mysql://u:swordfish@h/d"), {}, "store (--store, OVERSIGHT_STORE): mysql:// is not supported"),
        (
            (),
            {"OVERSIGHT_STORE": "postgresql://u:sword@fish@h/d"},
            "(--store, OVERSIGHT_STORE): expected postgres",
        ),
        ((), {"OVERSIGHT_STORE": "postgresql://u:swordfish@h/d", "OVERSIGHT_STORE_PASSWORD": "swordfish"}, "once"),
        (("--store-password", "swordfish"), {}, "No such option"),
    ],
)
def test_a_wrong_setting_is_said_with_its_flag_and_variable(run, words, env, said):
    """Before anything starts, with exit code 2, wherever the value came from."""
    result = run("serve", *words, env=env)
    assert 2 == result.exit_code
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert "swordfish" not in result.output


@pytest.mark.parametrize(
    "env",
    [
        {"OVERSIGHT_STORE": "postgresql://u:swordfish@h/d"},
        {"OVERSIGHT_STORE": "postgresql://u@h/d", "OVERSIGHT_STORE_PASSWORD": "swordfish"},
    ],
)
def test_a_password_is_listed_as_set_and_not_shown(run, env):
    """The list is pasted into tickets."""
    for words in ((), ("--json",)):
        shown = run("settings", *words, env=env).stdout
        assert "swordfish" not in shown
        assert "postgresql://u@h/d" in shown
        assert "**********" in shown


def test_settings_cannot_be_listed_while_one_is_wrong(run):
    """The list would not be what serve would do."""
    result = run("settings", env={"OVERSIGHT_DRAIN_INTERVAL_S": "soon"})
    assert 2 == result.exit_code
    assert "OVERSIGHT_DRAIN_INTERVAL_S (or --drain-interval-s)" in result.stderr


def test_a_misspelt_variable_is_named_and_what_others_set_is_not():
    """A setting without effect must not go unnoticed; Kubernetes' own variables must not frighten anyone."""
    environment = {
        "OVERSIGHT_WORKRS": "3",
        "OVERSIGHT_PORT": "tcp://10.0.0.1:50051",
        "PATH": "/bin",
        "OVERSIGHT_POLICY": "",
    }
    assert ["the variable OVERSIGHT_WORKRS is no setting and has no effect (did you mean OVERSIGHT_WORKERS?)"] == [
        *misspelt_variables(environment)
    ]


def test_a_misspelt_variable_is_said_on_stderr(run):
    """Where it does not disturb the JSON."""
    result = run("settings", "--json", env={"OVERSIGHT_WORKRS": "3"})
    assert 0 == result.exit_code
    assert "OVERSIGHT_WORKRS is no setting" in result.stderr
