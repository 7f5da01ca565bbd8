"""What a zip is built for: an architecture and a Python that Lambda has."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass

from scripts.lambda_package.errors import BuildFailed

__all__ = ["ARCHITECTURES", "HANDLERS", "Target"]

#: Lambda's names of its architectures, and what the kernel and wheels call them.
ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
#: The modules with a ``lambda_handler``; every zip holds all of them.
HANDLERS = ("rxindex.aws.sync_handler", "rxindex.aws.search_handler")
#: The C library of Amazon Linux 2023, on which Lambda runs Python 3.12 and newer, is glibc 2.34;
#: wheels for 2.17 (manylinux2014) and newer up to it will do. PEP 600 has these tags.
_GLIBC = range(34, 16, -1)
#: Oldest Python that rxindex runs on; Lambda has 3.12 and newer on Amazon Linux 2023.
_OLDEST, _OLDEST_ON_LAMBDA = 11, 12


@dataclass(frozen=True)
class Target:
    """An architecture and a Python.

    Args:
        architecture: ``x86_64`` or ``arm64``, as Lambda calls them.
        python: major and minor version, ``3.13``.

    Raises:
        BuildFailed: rxindex or Lambda has no such thing.
    """

    architecture: str
    python: str

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise BuildFailed(
                f"Lambda has no architecture {self.architecture!r}: "
                f"use {' or '.join(ARCHITECTURES)}"
            )
        if not re.fullmatch(r"3\.[1-9][0-9]?", self.python) or self.minor < _OLDEST:
            raise BuildFailed(
                f"a Python version looks like 3.13, and is 3.{_OLDEST} or newer; "
                f"{self.python!r} is not"
            )

    @property
    def minor(self) -> int:
        """The 13 of 3.13."""
        return int(self.python.partition(".")[2])

    @property
    def on_lambda(self) -> bool:
        """Whether Lambda runs it; an older Python is for trying the zip out on a computer."""
        return self.minor >= _OLDEST_ON_LAMBDA

    @property
    def machine(self) -> str:
        """The architecture as wheels name it."""
        return ARCHITECTURES[self.architecture]

    @property
    def name(self) -> str:
        """How the target reads in messages."""
        return f"{self.architecture} with Python {self.python}"

    @property
    def stem(self) -> str:
        """Name of the zip and of its manifest, without their endings."""
        return f"rxindex-lambda-{self.architecture}-py{self.python}"

    @property
    def runs_here(self) -> bool:
        """Whether this computer can run what is in the zip, given the right Python."""
        return platform.system() == "Linux" and platform.machine() == self.machine

    def pip_options(self) -> list[str]:
        """Tell pip to choose wheels for the target, and nothing that must be compiled."""
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in _GLIBC]
        tags.append(f"manylinux2014_{self.machine}")
        return [
            *(f"--platform={tag}" for tag in tags),
            f"--python-version={self.python}",
            "--implementation=cp",
            "--only-binary=:all:",
        ]

    def markers(self) -> dict[str, str]:
        """Give the values of PEP 508's environment markers on the target."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            # Lambda keeps to the latest patch release, whichever that is.
            "python_full_version": f"{self.python}.99",
            "python_version": self.python,
            "sys_platform": "linux",
        }
