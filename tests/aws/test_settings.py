"""What only functions are told by their environment."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rxindex.aws.settings import LambdaSettings, load_lambda_settings
from rxindex.errors import ConfigurationError


def test_an_empty_environment_has_the_defaults() -> None:
    settings = load_lambda_settings()
    assert settings.database_auth == "secret"
    assert settings.metrics_namespace == "DAW/DrugSync"
    assert (settings.most_continuations, settings.stop_margin) == (40, 30)
    assert settings.log_level == "info"
    for name in ("database_secret", "redis_secret", "redis_ca_parameter"):
        assert getattr(settings, name) is None


def test_every_setting_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "database_secret": "arn:aws:secretsmanager:eu-west-1:1:secret:db-1",
        "database_auth": "iam",
        "redis_secret": "redis",
        "redis_ca_parameter": "/rx/ca",
        "metrics_namespace": "Ours/Drugs",
        "most_continuations": 7,
        "stop_margin": 12.5,
        "log_level": "debug",
    }
    assert set(values) == set(LambdaSettings.model_fields)
    for name, value in values.items():
        monkeypatch.setenv(f"RXINDEX_{name.upper()}", str(value))
    assert load_lambda_settings().model_dump() == values


def test_a_variable_that_a_template_left_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LambdaSettings.model_fields:
        monkeypatch.setenv(f"RXINDEX_{name.upper()}", "")
    assert load_lambda_settings() == LambdaSettings()


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RXINDEX_STOP_MARGIN", "50")
    assert load_lambda_settings(stop_margin=20, log_level=None).stop_margin == 20


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RXINDEX_DATABASE_AUTH", "password"),
        ("RXINDEX_METRICS_NAMESPACE", "AWS/Lambda"),
        ("RXINDEX_METRICS_NAMESPACE", ":x"),
        ("RXINDEX_METRICS_NAMESPACE", "x" * 256),
        ("RXINDEX_MOST_CONTINUATIONS", "-1"),
        ("RXINDEX_STOP_MARGIN", "soon"),
        ("RXINDEX_LOG_LEVEL", "loud"),
    ],
)
def test_an_impossible_value_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"wrong settings: {variable}: "):
        load_lambda_settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_lambda_settings().stop_margin = 1.0  # type: ignore[misc]
