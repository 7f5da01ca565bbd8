"""README.md says what there is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import MISSING, fields
from typing import Any

from rxindex_infra.parameters import STAGE_DEFAULTS, Parameters, context_name
from tests.synthesis import INFRA, Synthesised

_README = INFRA / "README.md"


def rows() -> list[str]:
    """The table of parameters, as it should be."""

    def shown(value: Any) -> str:
        empty = value in ("", (), {}, -1)
        return "" if empty else f"`{json.dumps(value) if isinstance(value, bool) else value}`"

    written = []
    for one in fields(Parameters):
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        prod = STAGE_DEFAULTS["prod"].get(one.name, "")
        says = one.metadata["says"].replace("|", "\\|")
        written.append(
            f"| `{context_name(one.name)}` | {shown(default)} | {shown(prod)} | {says} |"
        )
    return written


def test_every_parameter_is_in_the_table() -> None:
    table = [
        line
        for line in _README.read_text().splitlines()
        if re.match(r"\| `[a-zA-Z]+` \| .*\|.*\|.*\|", line)
    ]
    assert table == rows()


def test_every_stack_is_in_the_table_in_its_order(dev: Synthesised) -> None:
    section = _README.read_text().partition("## Stacks")[2].partition("##")[0]
    assert re.findall(r"^\| `([a-z-]+)`", section, re.MULTILINE) == list(dev.templates)


def test_a_wrong_parameter_ends_with_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=INFRA,
        env=os.environ | {"CDK_CONTEXT_JSON": json.dumps({"stage": "test"})},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "infra: stage is 'test'; write dev or prod"
    assert "Traceback" not in done.stderr


def test_versions_of_node_and_cdk_are_pinned() -> None:
    assert re.search(r"aws-cdk@\d+\.\d+\.\d+ ", (INFRA / "cdk").read_text())
    for name in ("requirements.txt", "requirements-test.txt"):
        for line in (INFRA / name).read_text().splitlines():
            assert re.match(r"#|-r |[\w.-]+==[\w.]+$", line), line
