"""docs/api.md names what there is, all of it and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import redis
from prometheus_client import CollectorRegistry

from rxindex.api.app import create_app
from rxindex.api.metrics import ServiceMetrics
from rxindex.index.catalogue import Catalogue
from rxindex.search.request import SearchRequest
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


def test_every_operation_is_described(vocabulary: Vocabulary) -> None:
    with redis.Redis() as client:
        app = create_app(Searcher(Catalogue(client, "drugs"), None, vocabulary))
    described = {
        (method, path.partition("?")[0])
        for methods, path in re.findall(r"^\| (`GET`.*?) \| `(/.*?)` \|", PAGE, re.MULTILINE)
        for method in re.findall(r"`(\w+)`", methods)
    }
    assert described == {
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }


def test_every_parameter_of_a_search_is_described() -> None:
    table = PAGE.split("| parameter | meaning |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]+) \|", table, re.M))))
    assert named == set(SearchRequest.__struct_encode_fields__) - {"q"}


def test_every_metric_is_described() -> None:
    registry = CollectorRegistry()
    ServiceMetrics(registry)
    there = {
        one.name + ("_total" if one.type == "counter" else ""): one.type
        for one in registry.collect()
    }
    found = re.findall(r"^\| `(rxindex_\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    assert dict(found) == there
