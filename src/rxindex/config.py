"""Settings: from flags, then environment (``RXINDEX_*``), then a TOML file, then defaults."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from rxindex.embed import Embedder, create_embedder
from rxindex.embed.shared_pace import Turns
from rxindex.errors import ConfigurationError
from rxindex.index.connect import hide_password
from rxindex.index.schema import IndexSettings

__all__ = ["DEFAULT_FILE", "Settings", "load_settings"]

#: Read from the working directory if no other file is given.
DEFAULT_FILE = "rxindex.toml"


def _data_dir() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "rxindex"


def _split(value: Any) -> Any:
    """Read a list as the environment has it: with commas."""
    if isinstance(value, str):
        return [part for one in value.split(",") if (part := one.strip())]
    return value


_Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Every setting of rxindex, each with its default and its meaning.

    The name of a setting is the same in the file (``page_size = 5000``), in the environment
    (``RXINDEX_PAGE_SIZE=5000``) and, with hyphens, as a flag where a command has it.
    """

    model_config = SettingsConfigDict(
        # A variable that is empty counts as not set: templates leave one so without a value.
        env_prefix="RXINDEX_",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    source: SecretStr | None = Field(
        None, description="catalogue: mysql://, mariadb://, sqlite:/// or ndc:PATH (zip or folder)"
    )
    mapping: Path | None = Field(
        None, description="mapping file for another schema than FDB's (see docs/sources.md)"
    )
    source_ca: Path | None = Field(
        None, description="certificate authority to trust for the database; turns TLS on"
    )
    page_size: int = Field(10_000, ge=1, le=1_000_000, description="rows in one query of a source")
    redis: SecretStr | None = Field(
        None, description="redis://, rediss:// or unix://; left out: the embedded Redis"
    )
    redis_ca: Path | None = Field(None, description="certificate authority to trust for rediss://")
    redis_patience: int = Field(
        20, ge=0, le=600, description="seconds, about, to connect anew when Redis is away in a run"
    )
    data_dir: Path = Field(
        default_factory=_data_dir, description="folder of the embedded Redis and of downloads"
    )
    catalogue: str = Field("drugs", description="name of the catalogue in Redis")
    vocabulary: Path | None = Field(
        None, description="your own vocabulary file, merged over the built-in one"
    )
    embedder: Literal["minilm", "titan", "fake"] = Field(
        "minilm", description="minilm (local), titan (Amazon Bedrock) or fake (for tests)"
    )
    dimensions: int | None = Field(
        None, description="vector length, where the embedder lets you choose: titan, fake"
    )
    titan_model: str = Field(
        "amazon.titan-embed-text-v2:0", description="Bedrock model id or inference profile"
    )
    titan_region: str | None = Field(
        None, description="AWS region; left out: from the AWS configuration"
    )
    titan_endpoint: str | None = Field(None, description="another address for Bedrock Runtime")
    titan_price: float = Field(
        0.02, ge=0, description="US dollars for a million tokens, for estimates of the cost"
    )
    titan_concurrency: int = Field(
        32, ge=1, le=500, description="most calls of Titan under way at once"
    )
    titan_requests_per_minute: int | None = Field(
        None, ge=1, description="your quota for the model; calls are paced to stay under it"
    )
    batch_size: int = Field(
        500,
        ge=1,
        le=10_000,
        description="drugs in one round trip to Redis; "
        "fewer where they have more than three packages each",
    )
    most_deletes: float = Field(
        0.05, ge=0, le=1, description="share of the index a run may delete without --allow-deletes"
    )
    most_missing: float = Field(
        0.01, ge=0, le=1, description="share of the drugs a new generation may lack and go live"
    )
    least_recall: float = Field(
        0.9, ge=0, le=1, description="share of the nearest neighbours a new generation must find"
    )
    most_failures: int = Field(
        1_000, ge=0, description="drugs that may fail before a run is stopped"
    )
    most_failures_in_a_row: int = Field(
        50, ge=1, description="likewise, without one that succeeds between them"
    )
    most_failure_share: float = Field(
        0.2, ge=0, le=1, description="likewise, as a share of the last failure_window drugs"
    )
    failure_window: int = Field(200, ge=1, description="drugs that most_failure_share looks at")
    lease_seconds: float = Field(
        30.0,
        ge=0.3,
        le=3_600,
        description="seconds without a sign of life after which a run is dead",
    )
    wait: float = Field(
        10.0, ge=0, description="seconds to wait for another run on the catalogue to end"
    )
    since_lag: float = Field(
        86_400.0,
        ge=0,
        le=1e9,
        description="seconds before the latest update seen that --since begins",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="form of the log on standard error"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="how much is logged"
    )
    traces: bool = Field(
        False, description="make OpenTelemetry spans; run rxindex under opentelemetry-instrument"
    )
    metrics_file: Path | None = Field(
        None, description="file for Prometheus' textfile collector, written when a run ends"
    )
    api_host: str = Field("127.0.0.1", description="address that rxindex serve listens on")
    api_port: int = Field(8000, ge=1, le=65_535, description="port that it listens on")
    api_keys: Path | None = Field(
        None, description="file of API keys (see rxindex keys); left out: loopback only"
    )
    api_requests_per_minute: int = Field(
        600, ge=1, description="quota of an API key that has none of its own"
    )
    api_hosts: _Names = Field(
        (), description="further names that the API is asked by, without port"
    )
    api_origins: _Names = Field(
        (), description="origins whose pages may call the API (CORS), https://ehr.example"
    )
    api_timeout: float = Field(
        5.0, gt=0, le=300, description="seconds after which a request is given up"
    )
    api_under_way: int = Field(
        200, ge=1, le=10_000, description="requests that may be under way at once"
    )
    api_threads: int = Field(
        8, ge=1, le=100, description="requests that may be at work at once; the others wait"
    )
    algorithm: Literal["auto", "flat", "hnsw", "svs"] = Field(
        "auto", description="vector index: auto chooses by size and by what the server has"
    )
    vector_type: Literal["float16", "float32"] = Field(
        "float16", description="element type of the vectors"
    )
    compression: Literal["", "LVQ4", "LVQ8", "LVQ4x4", "LVQ4x8", "LeanVec4x8", "LeanVec8x8"] = (
        Field("", description="compression of an svs index")
    )
    reduce: int = Field(0, ge=0, description="dimensions left by LeanVec; 0: half")
    graph_degree: int = Field(0, ge=0, description="links of a vector; 0: the server's default")
    build_window: int = Field(0, ge=0, description="effort when building; 0: the server's default")
    search_window: int = Field(
        0, ge=0, description="effort when searching; 0: 200 for hnsw, the default for svs"
    )
    training_threshold: int = Field(
        0, ge=0, description="vectors that svs gathers before compressing; 0: the default"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Set the order: flags, environment, file."""
        del dotenv_settings, file_secret_settings
        file = TomlConfigSettingsSource(settings_cls, toml_file=_file.path)
        return init_settings, env_settings, file

    def index_settings(self) -> IndexSettings:
        """Give what is asked of the index."""
        names = [field.name for field in msgspec.structs.fields(IndexSettings)]
        return IndexSettings(**{name: getattr(self, name) for name in names})

    def make_embedder(self, turns: Turns | None = None) -> Embedder:
        """Make the embedder that the settings name.

        Args:
            turns: where processes that share the quota of a service take their turns.

        Raises:
            ConfigurationError: it does not have these options.
            MissingExtra: its part of rxindex is not installed.
        """
        options: dict[str, Any] = {}
        if self.embedder == "titan":
            options = {
                "model": self.titan_model,
                "region": self.titan_region,
                "endpoint_url": self.titan_endpoint,
                "max_concurrency": self.titan_concurrency,
                "requests_per_minute": self.titan_requests_per_minute,
                "price": self.titan_price,
                "turns": turns,
            }
        if self.dimensions is not None:
            options["dimensions"] = self.dimensions
        return create_embedder(self.embedder, **options)

    def shown(self) -> dict[str, Any]:
        """Give all settings for people to see, passwords hidden."""
        values = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = hide_password(value.get_secret_value())
            values[name] = str(value) if isinstance(value, Path) else value
        return values


class _File:
    """Which file the next `Settings` reads; pydantic-settings has no argument for it."""

    path: Path | None = None


_file = _File()


def load_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Load the settings.

    Args:
        file: TOML file; else ``RXINDEX_CONFIG``, else ``rxindex.toml`` if there is one here.
        flags: from the command line; a value of None counts as not given.

    Raises:
        ConfigurationError: a setting does not exist or has an impossible value; the message
            names it, without the value of a secret.
    """
    named = file or (Path(given) if (given := os.environ.get("RXINDEX_CONFIG")) else None)
    if named is not None and not named.is_file():
        raise ConfigurationError(f"there is no settings file {named}")
    _file.path = named or (Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None)
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError(f"wrong settings: {'; '.join(faults)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{_file.path} is not a TOML file: {error}") from error
    finally:
        _file.path = None
