"""CDK's entry: reads the parameters and makes the stacks. See README.md."""

from __future__ import annotations

import os
import sys

import aws_cdk as cdk

from rxindex_infra.application import Deployment
from rxindex_infra.parameters import Wrong, read_parameters


def main() -> None:
    """Make the stacks of the stage that was asked for."""
    app = cdk.App()
    # CDK's command line puts the account and region of the credentials there.
    context = {
        "account": os.environ.get("CDK_DEFAULT_ACCOUNT", ""),
        "region": os.environ.get("CDK_DEFAULT_REGION", ""),
    } | dict(app.node.get_all_context())
    try:
        Deployment(app, read_parameters(context))
    except Wrong as error:
        sys.exit(f"infra: {error}")
    app.synth()


if __name__ == "__main__":
    main()
