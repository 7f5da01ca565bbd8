"""Settings that only the Lambda functions have; all others are `rxindex.config.Settings`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rxindex.errors import ConfigurationError

__all__ = ["LambdaSettings", "load_lambda_settings"]


class LambdaSettings(BaseSettings):
    """What a function's environment says beside the settings that every rxindex has.

    A variable that is empty counts as not set: templates leave one so when they have no value.
    There is no secret in these settings, only where secrets are.
    """

    model_config = SettingsConfigDict(
        env_prefix="RXINDEX_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    database_secret: str | None = Field(
        None, description="ARN or name of the database's secret, in the form that RDS writes"
    )
    database_auth: Literal["secret", "iam"] = Field(
        "secret", description="secret, or iam for a token of RDS in place of a password"
    )
    redis_secret: str | None = Field(
        None, description="ARN or name of Redis' secret: JSON with password, and username if any"
    )
    redis_ca_parameter: str | None = Field(
        None, description="SSM parameter with the certificate authority to trust for rediss://"
    )
    metrics_namespace: str = Field(
        "DAW/DrugSync",
        pattern=r"^[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]*$",
        max_length=255,
        description="CloudWatch namespace of the metrics",
    )
    most_continuations: int = Field(
        40, ge=0, le=1_000, description="how often a run may go on in another invocation"
    )
    stop_margin: float = Field(
        30.0, ge=1, le=600, description="seconds before the time limit at which a run stops clean"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="how much is logged"
    )

    @field_validator("metrics_namespace")
    @classmethod
    def _not_of_aws(cls, value: str) -> str:
        if value.startswith("AWS/"):
            raise ValueError("AWS/ is for AWS' own services")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Set the order: what is given, then the environment."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings


def load_lambda_settings(**given: Any) -> LambdaSettings:
    """Load the settings from the environment.

    Args:
        given: settings that win over the environment; a value of None counts as not given.

    Raises:
        ConfigurationError: a setting has an impossible value; the message names its variable.
    """
    try:
        return LambdaSettings(**{name: one for name, one in given.items() if one is not None})
    except ValidationError as error:
        faults = [
            f"RXINDEX_{'.'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError(f"wrong settings: {'; '.join(faults)}") from None
