"""`python -m benchmarks.throttle`: how much of a quota is used, and how often it is overstepped.

A local endpoint that answers as Bedrock does in 70 ms lets 2,000 calls a minute through, and
refuses the others. The embedder is told the quota, or has to find it by being refused.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Annotated, Any

import boto3
import typer
from rich.console import Console
from rich.table import Table
from tests.aws.bedrock_endpoint import CREDENTIALS, BedrockEndpoint, Behaviour

from rxindex.embed.titan import TitanEmbedder

console = Console()


def measure(seconds: float, quota: int, told: int | None) -> dict[str, Any]:
    """Embed for so many seconds."""
    behaviour = Behaviour(latency=0.07, quota_per_minute=quota, burst=quota / 60)
    with BedrockEndpoint(behaviour) as endpoint:
        session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        embedder = TitanEmbedder(
            dimensions=256, endpoint_url=endpoint.url, session=session, requests_per_minute=told
        )
        with closing(embedder):
            begun = time.perf_counter()
            done = 0
            while time.perf_counter() - begun < seconds:
                texts = [f"drug {done + number}" for number in range(embedder.batch_size)]
                failures = embedder.embed(texts).failures
                assert not failures
                done += len(texts)
            took = time.perf_counter() - begun
            counted = embedder.counters
    return {
        "told": told,
        "per_minute": done / took * 60,
        "share": done / took * 60 / quota,
        "refused": counted.throttles / counted.calls,
    }


def main(
    seconds: Annotated[float, typer.Option(help="How long to embed, each time.")] = 60.0,
    quota: Annotated[int, typer.Option(help="Calls that the endpoint answers in a minute.")] = 2000,
) -> None:
    """Measure on this machine."""
    table = Table(title=f"a quota of {quota:,} calls a minute")
    for heading in ("embedder", "calls a minute", "of the quota", "refused"):
        table.add_column(heading, justify="left" if heading == "embedder" else "right")
    found = [measure(seconds, quota, quota), measure(seconds, quota, None)]
    for one in found:
        table.add_row(
            "is told" if one["told"] else "finds it", f"{one['per_minute']:,.0f}",
            f"{one['share']:.1%}", f"{one['refused']:.2%}",
        )  # fmt: skip
    console.print(table)
    console.print(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
