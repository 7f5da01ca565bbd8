"""What rxindex itself says, read from its files: the stacks' environment has no rxindex in it."""

from __future__ import annotations

import re

from tests.synthesis import INFRA

__all__ = ["METRICS", "SETTINGS", "has_handler"]

_SOURCE = INFRA.parent / "src/rxindex"


def _settings(path: str) -> set[str]:
    return set(re.findall(r"^    ([a-z_]+): .*Field\(", (_SOURCE / path).read_text(), re.MULTILINE))


#: Settings that a function may be given, as ``RXINDEX_NAME``.
SETTINGS = _settings("config.py") | _settings("index/schema.py") | _settings("aws/settings.py")

#: Metrics that the sync function writes.
METRICS = set(
    re.findall(r'^    "(\w+)": MetricUnit', (_SOURCE / "aws/metrics.py").read_text(), re.MULTILINE)
)


def has_handler(handler: str) -> bool:
    """Whether a module of rxindex has a function: ``rxindex.aws.sync_handler.lambda_handler``."""
    module, _, function = handler.rpartition(".")
    path = _SOURCE.parent / (module.replace(".", "/") + ".py")
    return (
        re.search(rf"^def {function}\(|^{function}\b.*=", path.read_text(), re.MULTILINE)
        is not None
    )
