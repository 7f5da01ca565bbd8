"""What others say of the stacks: cdk-nag, CDK's own validation, cfn-lint."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_cdk import aws_sns as sns

from rxindex_infra.redis_files import FILES
from tests.synthesis import INFRA, Synthesised, build, text


def acknowledged(stacks: Synthesised) -> Iterator[tuple[str, str, str]]:
    """Construct, rule and reason of each exception of ours; CDK has some of its own."""
    for path in stacks.folder.glob("*.metadata.json"):
        for construct, entries in json.loads(path.read_text()).items():
            for entry in entries if isinstance(entries, list) else []:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    for rule, reason in entry["data"].items():
                        name = rule.partition("::")[2]
                        if name.startswith("AwsSolutions-") or construct.endswith("/Data"):
                            yield construct, name, reason


def test_cdk_nag_and_cdk_find_nothing(everything: dict[str, Synthesised]) -> None:
    for stacks in everything.values():
        report = json.loads((stacks.folder / "validation-report.json").read_text())
        assert not [one for one in report["pluginReports"] if one["violations"]]


def test_a_fault_would_be_found(
    everything: dict[str, Synthesised], package: Path, tmp_path: Path
) -> None:
    app, deployment = build("dev", package, tmp_path)
    sns.Topic(deployment.sync, "Open")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())
    assert {one["ruleName"] for of in report["pluginReports"] for one in of["violations"]} == {
        "AwsSolutions-SNS3"
    }


def test_every_exception_has_a_reason(everything: dict[str, Synthesised]) -> None:
    for stacks in everything.values():
        found = list(acknowledged(stacks))
        assert len(found) >= 10
        for construct, rule, reason in found:
            assert len(reason) >= 40 and reason.endswith("."), (construct, rule)
            assert construct.count("/") >= 2, f"{rule} is acknowledged for a whole stack"


def test_exceptions_are_these_and_no_others(everything: dict[str, Synthesised]) -> None:
    found = {
        rule.partition("[")[0]
        for stacks in everything.values()
        for _, rule, _ in acknowledged(stacks)
    }
    assert found == {
        "AwsSolutions-AS3",
        "AwsSolutions-IAM5",
        "AwsSolutions-L1",
        "AwsSolutions-RDS10",
        "AwsSolutions-RDS11",
        "AwsSolutions-RDS14",
        "AwsSolutions-SMG4",
        "W3010",
    }
    wide = {
        rule
        for stacks in everything.values()
        for _, rule, _ in acknowledged(stacks)
        if "IAM5" in rule and "Action::" in rule
    }
    assert not wide, "an action may never be a wildcard"


def test_cfn_lint_finds_nothing(everything: dict[str, Synthesised]) -> None:
    templates = [
        str(path)
        for stacks in everything.values()
        for path in sorted(stacks.folder.glob("*.template.json"))
    ]
    assert len(templates) == 9 + 9 + 8 + 9
    done = subprocess.run(
        ["cfn-lint", "--regions", "us-east-1", "--", *templates],
        cwd=INFRA,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_account_region_or_name_is_fixed(dev: Synthesised, prod: Synthesised) -> None:
    for stacks in (dev, prod):
        for part, template in stacks.templates_json.items():
            shown = json.dumps(template).replace("cdk-hnb659fds-assets", "")
            assert not re.search(r"\b\d{12}\b", shown), part
            assert not re.search(r"\b(us|eu|ap|ca|sa|me|af)-[a-z]+-\d\b", shown), part


def test_every_name_begins_with_the_name_that_was_given(existing: Synthesised) -> None:
    for part, template in existing.templates_json.items():
        shown = json.dumps(template)
        assert "rxindex-" not in re.sub(
            r"rxindex-\$?\w+\.(sh|service|timer|conf|log)", "", shown
        ), part


def test_prod_keeps_its_stacks_and_dev_does_not(dev: Synthesised, prod: Synthesised) -> None:
    for stacks, protected in ((dev, False), (prod, True)):
        manifest = json.loads((stacks.folder / "manifest.json").read_text())
        found = [
            bool(one["properties"].get("terminationProtection"))
            for one in manifest["artifacts"].values()
            if one["type"] == "aws:cloudformation:stack"
        ]
        assert found == [protected] * 9


def test_no_template_has_a_secret(everything: dict[str, Synthesised]) -> None:
    for stacks in everything.values():
        for part, name, resource in stacks.everything():
            for key in ("MasterUserPassword", "SecretString", "Password"):
                assert key not in resource.get("Properties", {}), (part, name)
            variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
            for variable, value in variables.items():
                assert "password" not in variable.lower()
                assert not re.search(r"://[^/@]*:[^/@{]*@", text(value)), variable


@pytest.mark.parametrize("path", sorted(FILES.glob("*.json")), ids=lambda path: path.name)
def test_json_of_the_instance_is_json(path: object) -> None:
    json.loads((FILES / str(path)).read_text())
