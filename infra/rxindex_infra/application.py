"""All stacks of one deployment, in the order in which they are deployed."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from rxindex_infra.bulk_load import BulkLoadStack
from rxindex_infra.database import DatabaseStack, existing_database
from rxindex_infra.encryption import EncryptionStack
from rxindex_infra.functions import check_package
from rxindex_infra.monitoring import MonitoringStack
from rxindex_infra.network import NetworkStack
from rxindex_infra.parameters import Parameters
from rxindex_infra.redis_rotation import RotationStack
from rxindex_infra.redis_server import RedisStack
from rxindex_infra.search_api import SearchApiStack
from rxindex_infra.sync import SyncStack

__all__ = ["Deployment"]


class Deployment:
    """The stacks of one stage.

    Args:
        app: that they become part of.
        parameters: what was chosen.

    Raises:
        Wrong: the parameters don't go with what is there: no zip, no such subnet.
    """

    def __init__(self, app: cdk.App, parameters: Parameters) -> None:
        check_package(parameters)
        self.parameters = parameters
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))
        cdk.Tags.of(app).add("application", "rxindex")
        cdk.Tags.of(app).add("deployment", parameters.prefix)
        self.encryption = EncryptionStack(app, *self._place("encryption"), **self._options())
        key = self.encryption.key
        self.network = NetworkStack(app, *self._place("network"), key=key, **self._options())
        self.database_stack: DatabaseStack | None = None
        database = existing_database(parameters)
        if parameters.makes_database:
            self.database_stack = DatabaseStack(
                app, *self._place("database"), network=self.network, key=key, **self._options()
            )
            database = self.database_stack.database
        self.redis = RedisStack(
            app, *self._place("redis"), network=self.network, key=key, **self._options()
        )
        shared: dict[str, Any] = {"redis": self.redis, "key": key} | self._options()
        self.rotation = RotationStack(app, *self._place("rotation"), network=self.network, **shared)
        self.sync = SyncStack(
            app, *self._place("sync"), network=self.network, database=database, **shared
        )
        self.bulk_load = BulkLoadStack(
            app, *self._place("bulk-load"), sync=self.sync, key=key, **self._options()
        )
        self.search = SearchApiStack(app, *self._place("search"), network=self.network, **shared)
        self.monitoring = MonitoringStack(
            app,
            *self._place("monitoring"),
            rotation=self.rotation,
            sync=self.sync,
            bulk_load=self.bulk_load,
            search=self.search,
            **shared,
        )

    @property
    def stacks(self) -> list[cdk.Stack]:
        """All of them."""
        found = [one for one in vars(self).values() if isinstance(one, cdk.Stack)]
        return found

    def _place(self, part: str) -> tuple[str, Parameters]:
        return f"{self.parameters.prefix}-{part}", self.parameters

    def _options(self) -> dict[str, Any]:
        parameters = self.parameters
        return {
            "env": cdk.Environment(
                account=parameters.account or None, region=parameters.region or None
            ),
            "termination_protection": parameters.protect,
        }
