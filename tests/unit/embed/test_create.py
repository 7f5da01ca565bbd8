from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from tests.aws.bedrock_endpoint import CREDENTIALS

from rxindex.embed import create_embedder
from rxindex.errors import ConfigurationError


def test_an_unknown_embedder_names_the_choices() -> None:
    with pytest.raises(ConfigurationError, match=r"'gpt'.*fake, minilm, titan"):
        create_embedder("gpt")


def test_an_unknown_option_names_the_ones_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"minilm has no option 'dimensions'.*threads"):
        create_embedder("minilm", dimensions=512)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("titan", {"dimensions": 384}),
        ("titan", {"model": " "}),
        ("titan", {"max_concurrency": 0}),
        ("titan", {"requests_per_minute": 0}),
        ("titan", {"retry_seconds": -1}),
        ("titan", {"endpoint_url": "not a url"}),
        ("titan", {"profile": "nobody"}),
        ("fake", {"dimensions": 0}),
        ("fake", {"delay": -1}),
        ("minilm", {"threads": 0}),
    ],
)
def test_a_value_out_of_range_is_a_configuration_error(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in CREDENTIALS.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError):
        create_embedder(name, **options)


def test_titan_without_a_region_says_where_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in CREDENTIALS.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION"):
        create_embedder("titan")


def test_the_model_id_is_stable_and_tells_models_and_dimensions_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in CREDENTIALS.items():
        monkeypatch.setenv(variable, value)
    made: list[tuple[str, dict[str, Any]]] = [
        ("fake", {}),
        ("fake", {"dimensions": 64}),
        ("minilm", {}),
        ("titan", {}),
        ("titan", {"dimensions": 256}),
        ("titan", {"normalize": False}),
        ("titan", {"model": "amazon.titan-embed-text-v2:1"}),
    ]

    def ids() -> list[str]:
        embedders = [create_embedder(name, **options) for name, options in made]
        for embedder in embedders:
            embedder.close()
            embedder.close()
        return [embedder.model_id for embedder in embedders]

    assert ids() == ids()
    assert len(set(ids())) == len(made)


def test_the_package_loads_neither_boto3_nor_a_runtime() -> None:
    code = (
        "import sys, rxindex.embed\n"
        "assert not {'boto3', 'botocore', 'onnxruntime', 'tokenizers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "extra"), [("minilm", "rxindex[minilm]"), ("titan", "rxindex[aws]")]
)
def test_a_missing_extra_is_named(name: str, extra: str) -> None:
    # What rxindex itself needs is imported; then nothing that was installed is found any more.
    code = (
        "import sys, rxindex.embed.minilm, rxindex.embed.titan\n"
        "from rxindex.errors import MissingExtra\n"
        "sys.path[:] = [p for p in sys.path if not p.endswith('site-packages')]\n"
        "sys.path_importer_cache.clear()\n"
        "try:\n"
        f"    rxindex.embed.create_embedder({name!r})\n"
        "except MissingExtra as error:\n"
        f"    assert {extra!r} in str(error), error\n"
        "else:\n"
        "    raise SystemExit('it was found')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
