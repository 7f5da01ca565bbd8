"""What the Redis instance gets at its first boot: the files of ``redis/`` and its settings."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["FILES", "USER_DATA_LIMIT", "packed_files", "user_data"]

#: Scripts, configuration and units.
FILES = Path(__file__).with_name("redis")

#: Bytes that EC2 takes.
USER_DATA_LIMIT = 16_384

_USER_DATA = """# Written by infra/rxindex_infra/redis_files.py: the settings, and the scripts.
set -euo pipefail
mkdir -p /etc/rxindex /opt/rxindex
cat > /etc/rxindex/redis.env <<'SETTINGS'
{settings}
SETTINGS
base64 -d <<'FILES' | tar -xz -C /opt/rxindex
{files}
FILES
exec /opt/rxindex/redis/boot.sh >> /var/log/rxindex-boot.log 2>&1
"""


def packed_files() -> bytes:
    """The files as a tar.gz that is the same for the same files."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path in sorted(FILES.iterdir()):
            entry = tarfile.TarInfo(f"redis/{path.name}")
            entry.mode = 0o755 if path.suffix == ".sh" else 0o644
            content = path.read_bytes()
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def user_data(settings: Mapping[str, str]) -> str:
    """Write the user data, all but its first line, which names the shell.

    Args:
        settings: what the scripts read from ``/etc/rxindex/redis.env``. No secret: everybody who
            may describe the instance can read it.
    """
    lines = [f"{name}='{value}'" for name, value in settings.items()]
    lines.append("export AWS_DEFAULT_REGION=$REGION")
    files = base64.encodebytes(packed_files()).decode().rstrip()
    return _USER_DATA.format(settings="\n".join(lines), files=files)
