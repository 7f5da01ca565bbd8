"""The tables of docs/scale.md, and the section of docs/performance.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from benchmarks.machine import summary
from benchmarks.scale.predict import EMBEDDERS, PACKAGES, WORKERS
from benchmarks.tables import table

__all__ = ["embedder_name", "markdown", "replace_tables", "tables"]

_BEGIN, _END = "<!-- scale:begin -->", "<!-- scale:end -->"
_QUOTAS = (2_000, 6_000, 100_000)


def markdown(result: dict[str, Any]) -> str:
    """Write what docs/performance.md says of it."""
    return (
        "A model of the work, made from what its parts take here, says how far more workers "
        "carry; [scale.md](scale.md) has what it says of 10, 100 and a billion. Beside what was "
        f"measured:\n\n{_checks(result)}\n"
        "![measured and modelled throughput](plots/scale.svg)\n"
    )


def replace_tables(page: str, result: dict[str, Any]) -> str:
    """Put the tables between the marks of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    found = re.subn(
        f"{_BEGIN}.*{_END}", lambda _: f"{_BEGIN}\n{tables(result)}{_END}", page, flags=re.DOTALL
    )
    if found[1] != 1:
        raise ValueError(f"the page needs one {_BEGIN} and one {_END}")
    return found[0]


def tables(result: dict[str, Any]) -> str:
    """Write everything that was measured and played."""
    parts = [
        f"Measured {result['date'][:10]} on {summary(result['machine'])}.",
        "### What the parts take\n\n" + _costs(result["costs"]),
        "### The model beside what was measured\n\n" + _checks(result),
        "### How catalogues grow\n\n" + _sizes(result),
        "### A first load\n\n" + _loads(result["predictions"]),
        "### A night in which 1 % of the drugs changed\n\n" + _nights(result["nights"]),
        "### Calls of the model\n\n" + _quotas(result["sizes"]),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def embedder_name(embedder: str, per_minute: float) -> str:
    """Name an embedder with its quota."""
    return f"{embedder}, {per_minute:,.0f}/min" if per_minute else embedder


def _costs(costs: dict[str, Any]) -> str:
    micro = 1e6
    rows: Iterable[tuple[str, str]] = (
        ("database server, a package digested (MariaDB)",
         f"{costs['digest_database'] * micro:.1f} µs"),
        ("worker, a package digested (SQLite)", f"{costs['digest'] * micro:.1f} µs"),
        ("worker, a drug left out", f"{costs['known'] * micro:.0f} µs"),
        ("database server, a package read (MariaDB)", f"{costs['database'] * micro:.0f} µs"),
        ("worker, a package read and assembled", f"{costs['read'] * micro:.0f} µs"),
        ("worker, a drug assembled and compared", f"{costs['compare'] * micro:.0f} µs"),
        ("worker, a drug written", f"{costs['write'] * micro:.0f} µs"),
        ("worker, a call of Titan", f"{costs['call'] * micro:,.0f} µs"),
        ("worker, a text with minilm", f"{costs['minilm'] * micro:,.0f} µs"),
        ("Redis, a drug left out", f"{costs['redis_known'] * micro:.1f} µs"),
        ("Redis, a drug compared", f"{costs['redis_compare'] * micro:.1f} µs"),
        ("Redis, a drug written", f"{costs['redis_write'] * micro:.0f} µs"),
        (f"Redis, a vector of 1,024 into an HNSW index of {costs['vectors']:,}",
         f"{costs['redis_vector'] * micro:,.0f} µs"),
        ("Redis, memory of a drug", f"{costs['drug_bytes']:,.0f} bytes"),
        ("Redis, memory of a package in it", f"{costs['package_bytes']:.0f} bytes"),
        ("Redis, memory of a vector of 1,024 FLOAT16", f"{costs['vector_bytes']:,.0f} bytes"),
    )  # fmt: skip
    return table(("part", "one core"), rows)


def _checks(result: dict[str, Any]) -> str:
    rows = [
        (
            f"one process, {one['packages']:,} packages, "
            + ("first load" if one["run"] == "cold" else "no change")
            + (" (costs taken from it)" if one["calibrated"] else ""),
            f"{one['measured']:.1f}", f"{one['predicted']:.1f}", _error(one),
        )
        for one in result["syncs"]
    ]  # fmt: skip
    rows += [
        (
            "slow model, " + (f"workers: {one['workers']}" if one["workers"] else "one process"),
            f"{one['measured']:.1f}", f"{one['predicted']:.1f}", _error(one),
        )
        for one in (result["workers"] or {"points": []})["points"]
    ]  # fmt: skip
    return table(("run", "seconds, measured", "model", "error"), rows)


def _error(one: dict[str, Any]) -> str:
    return f"{100 * (one['predicted'] / one['measured'] - 1):+.0f} %"


def _sizes(result: dict[str, Any]) -> str:
    rows = [
        (f"{one['packages']:,}", one["drugs"], one["texts"], f"{one['bytes'] / 1e9:,.1f} GB",
         f"{one['bytes'] / one['packages']:,.0f}", one["shards"])
        for one in result["sizes"]
    ]  # fmt: skip
    growth = result["growth"]
    return (
        table(("packages", "drugs", "texts", "Redis memory", "bytes a package",
               "shards of 25 GB for two generations"), rows)
        + f"\nTwice the packages are {2 ** growth['drugs']:.2f} times the drugs and "
        f"{2 ** growth['texts']:.2f} times the texts.\n"
    )  # fmt: skip


def _loads(rows: list[dict[str, Any]]) -> str:
    blocks = []
    for packages in PACKAGES:
        lines = []
        for embedder, rate in EMBEDDERS:
            these = [one for one in rows if one["packages"] == packages
                     and (one["embedder"], one["per_minute"]) == (embedder, rate)]  # fmt: skip
            lines.append((embedder_name(embedder, rate), *(_cell(one) for one in these)))
        blocks.append(table((f"{packages:,} packages", *_headings()), lines))
    return "\n".join([*blocks, _without_last_pass(rows)])


def _without_last_pass(rows: list[dict[str, Any]]) -> str:
    """Say what the ordinary sync at the end comes to, for the most workers and no model."""
    these = [one for one in rows
             if one["workers"] == WORKERS[-1] and one["embedder"] == "fake"]  # fmt: skip
    parts = [
        f"{duration(one['last_pass'])} of {duration(one['seconds'])} "
        f"for {one['packages']:,} packages"
        for one in these
    ]
    return f"The last pass alone, with {WORKERS[-1]} workers and `fake`: {', '.join(parts)}.\n"


def _nights(rows: list[dict[str, Any]]) -> str:
    lines = [
        (f"{packages:,} packages", *(_cell(one) for one in rows if one["packages"] == packages))
        for packages in PACKAGES
    ]
    return table((embedder_name(*EMBEDDERS[1]), *_headings()), lines)


def _headings() -> list[str]:
    return [f"{count} worker{'s' if count > 1 else ''}" for count in WORKERS]


def _cell(one: dict[str, Any]) -> str:
    return f"{duration(one['seconds'])}: {one['bottleneck']}"


def _quotas(sizes: list[dict[str, Any]]) -> str:
    rows = [
        (f"{one['packages']:,}", one["texts"],
         *(duration(60 * one["texts"] / quota) for quota in _QUOTAS),
         f"{one['texts'] / 60:,.0f}/min")
        for one in sizes
    ]  # fmt: skip
    headings = [f"at {quota:,}/min" for quota in _QUOTAS]
    return table(("packages", "calls of a first load", *headings, "quota for one hour"), rows)


def duration(seconds: float) -> str:
    """Write a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
