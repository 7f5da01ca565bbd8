"""`python -m benchmarks.throttle`: how much of a quota is used, and how often it is overstepped.

A local endpoint that answers as Bedrock does in 70 ms lets 2,000 calls a minute through, and
refuses the others. The embedder is told the quota, or has to find it by being refused.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from tests.aws.bedrock_endpoint import CREDENTIALS, BedrockEndpoint, Behaviour

from benchmarks.kept import show, write
from benchmarks.ratios import ratio
from benchmarks.tables import table
from rxindex.embed.titan import TitanEmbedder

__all__ = ["NAME", "markdown", "measure"]

NAME = "throttle"


def measure_one(seconds: float, quota: int, told: int | None) -> dict[str, Any]:
    """Embed for so many seconds.

    Args:
        seconds: how long.
        quota: calls that the endpoint answers in a minute.
        told: the quota that the embedder is told; None to let it find out.
    """
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


def measure_both(seconds: float, quota: int) -> dict[str, Any]:
    """Embed once being told the quota, and once not."""
    runs = [measure_one(seconds, quota, quota), measure_one(seconds, quota, None)]
    return {
        "quota": quota,
        "runs": runs,
        "ratios": {
            name: ratio(f"calls / quota, {words}", one["share"], "higher")
            for name, words, one in zip(
                ("told", "found"), ("told the quota", "finding it"), runs, strict=True
            )
        },
    }


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Measure half a minute each, or five seconds."""
    del folder
    return measure_both(5.0 if quick else 30.0, 2_000)


def markdown(result: dict[str, Any]) -> str:
    """Write the section."""
    rows = [
        (
            "is told the quota" if one["told"] else "finds it by itself",
            round(one["per_minute"]),
            f"{one['share']:.1%}",
            f"{one['refused']:.2%}",
        )
        for one in result["runs"]
    ]
    return (
        "Titan's client against an endpoint that answers in 70 ms and lets "
        f"{result['quota']:,} calls a minute through:\n\n"
        + table(("the embedder", "calls a minute", "of the quota", "refused"), rows)
    )


def main(
    seconds: Annotated[float, typer.Option(help="How long to embed, each time.")] = 60.0,
    quota: Annotated[int, typer.Option(help="Calls that the endpoint answers in a minute.")] = 2000,
) -> None:
    """Measure on this machine."""
    found = measure_both(seconds, quota)
    show(markdown(found))
    write("throttle", found)


if __name__ == "__main__":
    typer.run(main)
