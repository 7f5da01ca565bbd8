"""``make aws-local``: the whole chain on this machine, from the nightly event to a search hit.

Starts what a deployment has (see `tests.services.local_aws`), sends the nightly event, follows
the invocations that come of it, asks the search function, and tells what happened.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from tests.aws.bedrock_endpoint import Behaviour
from tests.services.held_bedrock import HeldBedrock
from tests.services.lambda_events import http_request, scheduled_event
from tests.services.lambda_folder import build_zip
from tests.services.lambda_runtime import Invocation
from tests.services.local_aws import SEARCH, SYNC, LocalAWS

from rxindex.errors import RxindexError

__all__ = ["main"]

_EVENT = "7bf73129-1428-4cd3-a780-95db273d1602"
_EXAMPLES = """\
examples:
  python -m tests.aws.local_chain
  python -m tests.aws.local_chain --packages 50000 --limit-seconds 20 --margin 5
  python -m tests.aws.local_chain --packages 500000 --latency 0.07 --quota 2000 --told-quota 2000
                                                          a first load, in about half an hour

exit codes:
  0  everything was indexed, and a drug of the catalogue was found
  1  not so; the account says where it stopped
  2  wrong arguments"""

_say = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Figures:
    """What came of a chain.

    Attributes:
        invocations: in their order, each with what it did.
        seconds: from the event to the end of the last one.
        completed: whether the last one had nothing left to do.
        drugs, packages, calls, throttles: in all.
        most_megabytes: of memory that an environment held.
    """

    invocations: list[dict[str, Any]]
    seconds: float
    completed: bool
    drugs: int
    packages: int
    calls: int
    throttles: int
    most_megabytes: int


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.aws.local_chain",
        description=(__doc__ or "").partition("\n\n")[2],
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--packages", type=int, default=5_000, help="of the demo catalogue [5000]")
    add("--limit-seconds", type=float, default=60.0, help="time limit of an invocation [60]")
    add("--margin", type=float, help="seconds before the limit at which to stop [a fifth of it]")
    add("--latency", type=float, default=0.02, help="seconds that the model takes [0.02]")
    add("--quota", type=float, help="calls of the model a minute [no quota]")
    add("--told-quota", type=int, help="quota that the function is told of [not told]")
    add("--dimensions", type=int, default=256, choices=(256, 512, 1024), help="of vectors [256]")
    add(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="setting of the function, such as batch_size=100; may be repeated",
    )
    add("--query", help="what to search for [a brand of the catalogue]")
    add("--zip", type=Path, help="the package [built from these sources if need be]")
    add("--log", type=Path, help="file for everything that the functions write")
    add("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(words)
    if given.packages < 10 or given.limit_seconds < 4:
        parser.error("--packages must be 10 or more, and --limit-seconds 4 or more")
    if wrong := [one for one in given.set if not re.fullmatch(r"[A-Za-z_]+=.*", one)]:
        parser.error(f"--set takes NAME=VALUE, and not {wrong[0]!r}")
    given.margin = given.margin or max(1.0, given.limit_seconds / 5)
    if given.margin >= given.limit_seconds:
        parser.error("--margin must be less than --limit-seconds")
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; give its exit code."""
    given = _arguments(words)
    folder = Path(tempfile.mkdtemp(prefix="rxindex-aws-"))
    try:
        return _run(given, folder)
    except PackageNotFoundError as error:
        _say.print(f"[red]aws-local: {error.name} is not installed: run scripts/setup test[/red]")
        return 1
    except (RuntimeError, OSError, RxindexError) as error:
        _say.print(f"[red]aws-local: {error}[/red]")
        return 1
    except KeyboardInterrupt:
        _say.print("aws-local: interrupted; everything is stopped")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(given: argparse.Namespace, folder: Path) -> int:
    if shutil.which("mariadbd") is None:
        raise RuntimeError("MariaDB is not installed: run scripts/setup-mariadb")
    if given.zip is None:
        _step("building the package, unless that was done already")
    package = given.zip or build_zip()
    if not package.is_file():
        raise RuntimeError(f"there is no package {package}")
    bedrock = HeldBedrock(Behaviour(latency=given.latency, quota_per_minute=given.quota))
    with ExitStack() as stack:
        local = stack.enter_context(LocalAWS(folder, package, given.packages, bedrock, _step))
        if given.log:
            stack.callback(lambda: _write_log(local, given.log))
        variables = {
            "RXINDEX_STOP_MARGIN": f"{given.margin:g}",
            "RXINDEX_DIMENSIONS": str(given.dimensions),
        }
        if given.told_quota:
            variables["RXINDEX_TITAN_REQUESTS_PER_MINUTE"] = str(given.told_quota)
        for one in given.set:
            name, _, value = one.partition("=")
            variables[f"RXINDEX_{name.upper().removeprefix('RXINDEX_')}"] = value
        local.deploy(SYNC, seconds=given.limit_seconds, variables=variables)
        local.deploy(SEARCH, seconds=30, variables=variables)
        _step(f"the schedule sends its event; each invocation may take {given.limit_seconds:g} s")
        figures = _follow(local)
        metrics = _put_metrics(local)
        hits = _search(local, given.query or _brand(local)) if figures.completed else None
        _account(given, local, figures, metrics, hits)
        leaked = sum(secret in local.everything_told() for secret in local.secrets)
        _step(f"passwords in logs, answers and environment: {leaked}")
    return 0 if figures.completed and hits and not leaked else 1


def _follow(local: LocalAWS) -> Figures:
    """Send the event and tell of each invocation, until the last one has ended."""
    began = time.monotonic()
    local.send(SYNC, scheduled_event(local, _EVENT))
    told: list[dict[str, Any]] = []
    while True:
        try:
            # The next one is asked for by the one before, so it begins at once or never.
            invocation = local.service.wait_for(SYNC, len(told), 5)
        except TimeoutError:
            try:
                local.service.wait_idle(SYNC, 0)
            except TimeoutError:
                continue
            break
        invocation.done.wait()
        told.append(_describe(invocation))
        _say.print("  " + _line(len(told), told[-1]), soft_wrap=True)
        if not told[-1]["continued"] and not told[-1]["error"]:
            break
    bodies = [one for one in told if not one["error"]]
    ended = max(one.ended for one in local.service.invocations(SYNC))
    return Figures(
        told,
        round(ended - began, 1),
        bool(told) and bool(told[-1]["completed"]),
        sum(one["drugs"] for one in bodies),
        sum(one["packages"] for one in bodies),
        sum(one["calls"] for one in bodies),
        local.bedrock.counts.throttled,
        max((one["megabytes"] for one in told), default=0),
    )


def _describe(invocation: Invocation) -> dict[str, Any]:
    """Give what an invocation did, as plain values."""
    shown: dict[str, Any] = {
        "request": invocation.request,
        "environment": invocation.environment,
        "cold": invocation.cold,
        "attempt": invocation.attempt,
        "seconds": round(invocation.seconds, 2),
        "megabytes": invocation.memory // 1024**2,
    }
    body: dict[str, Any] = {}
    if not invocation.failure:
        body = invocation.result["body"]
    return shown | {
        "error": invocation.result.get("errorMessage", "") if invocation.failure else "",
        "drugs": body.get("total_processed", 0),
        "packages": body.get("packages", 0),
        "added": body.get("added", 0),
        "failed": body.get("failed", 0),
        "calls": body.get("embedding_calls", 0),
        "completed": body.get("completed", False),
        "continued": body.get("continued", False),
        "next_cursor": body.get("next_cursor", ""),
    }


def _line(number: int, one: dict[str, Any]) -> str:
    where = f"environment {one['environment']}{', cold' if one['cold'] else ''}"
    if one["error"]:
        return f"{number}. {one['seconds']:.1f} s, {where}: [red]failed[/red]: {one['error'][:300]}"
    state = "goes on by itself" if one["continued"] else "stopped"
    return (
        f"{number}. {one['seconds']:.1f} s, {where}: {one['drugs']:,} drugs, {one['calls']:,} "
        f"calls of the model; {'completed' if one['completed'] else state}"
    )


def _put_metrics(local: LocalAWS) -> dict[str, float]:
    """Put the metrics in the log into CloudWatch, as the service does itself, and read sums."""
    cloudwatch = local.aws("cloudwatch")
    for told in local.metrics(SYNC):
        (directive,) = told["_aws"]["CloudWatchMetrics"]
        dimensions = [{"Name": name, "Value": told[name]} for name in directive["Dimensions"][0]]
        data = [
            {
                "MetricName": metric["Name"],
                "Unit": metric["Unit"],
                "Dimensions": dimensions,
                "Timestamp": told["_aws"]["Timestamp"] / 1000,
                "Values": told[metric["Name"]],
            }
            for metric in directive["Metrics"]
        ]
        cloudwatch.put_metric_data(Namespace=directive["Namespace"], MetricData=data)
    sums = {}
    for metric in cloudwatch.list_metrics(Namespace="DAW/DrugSync")["Metrics"]:
        points = cloudwatch.get_metric_statistics(
            Namespace=metric["Namespace"],
            MetricName=metric["MetricName"],
            Dimensions=metric["Dimensions"],
            StartTime=time.time() - 86_400,
            EndTime=time.time() + 60,
            Period=86_400,
            Statistics=["Sum"],
        )["Datapoints"]
        sums[metric["MetricName"]] = round(sum(point["Sum"] for point in points), 3)
    return sums


def _brand(local: LocalAWS) -> str:
    """Give a brand of the catalogue."""
    (row,) = local.database.execute(
        "SELECT BN FROM rndc14 WHERE GCN_SEQNO > 0 AND INNOV = '1' ORDER BY NDC LIMIT 1",
        database="fdb",
    )
    return str(row[0]).strip()


def _search(local: LocalAWS, query: str) -> list[dict[str, Any]]:
    """Ask the search function as API Gateway does."""
    began = time.monotonic()
    answer = local.call(SEARCH, http_request("/search", f"q={quote(query)}&limit=5"))
    first = time.monotonic() - began
    began = time.monotonic()
    answer = local.call(SEARCH, http_request("/search", f"q={quote(query)}&limit=5"))
    warm = time.monotonic() - began
    _step(f"searched for {query!r}: {first:.2f} s with a cold start, {warm:.3f} s warm")
    hits: list[dict[str, Any]] = answer.body["hits"]
    return hits


def _account(
    given: argparse.Namespace,
    local: LocalAWS,
    figures: Figures,
    metrics: dict[str, float],
    hits: list[dict[str, Any]] | None,
) -> None:
    dead = len(local.dead_letters())
    if given.json:
        content = {
            "packages": local.demo.packages,
            "drugs": local.demo.drugs,
            "limit_seconds": given.limit_seconds,
            "invocations": len(figures.invocations),
            "seconds": figures.seconds,
            "completed": figures.completed,
            "calls": figures.calls,
            "throttles": figures.throttles,
            "most_megabytes": figures.most_megabytes,
            "metrics": metrics,
            "dead_letters": dead,
            "hits": [hit["name"] for hit in hits or []],
            "chain": figures.invocations,
        }
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    out = Console(highlight=False)
    table = Table(box=None, show_header=False, title="The chain", title_justify="left")
    rows = {
        "packages": f"{local.demo.packages:,}, which are {local.demo.drugs:,} drugs",
        "invocations": f"{len(figures.invocations):,}",
        "seconds": f"{figures.seconds:,.1f}",
        "completed": "yes" if figures.completed else "no",
        "calls of the model": f"{figures.calls:,} (refused: {figures.throttles:,})",
        "one call a package would be": f"{local.demo.packages:,}",
        "memory of an environment": f"{figures.most_megabytes:,} MB",
        "dead letters": str(dead),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    out.print(table)
    sums = ", ".join(f"{name} {value:g}" for name, value in sorted(metrics.items()))
    out.print(f"CloudWatch, sums: {sums}", soft_wrap=True)
    for hit in hits or []:
        out.print(f"  {hit['name']} ({hit['kind']})")


def _write_log(local: LocalAWS, path: Path) -> None:
    lines = [line for name in (SYNC, SEARCH) for line in local.service.log(name)]
    path.write_text("\n".join(lines) + "\n")


def _step(said: str) -> None:
    _say.print(f"{time.strftime('%H:%M:%S')} {said}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
