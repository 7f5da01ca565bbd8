"""`python -m benchmarks.measured COMMAND ...`: the command line, and what memory it took."""

from __future__ import annotations

import json
import sys

from rxindex.bench.timing import peak_memory
from rxindex.cli import app

if __name__ == "__main__":
    code = app(standalone_mode=False)
    sys.stdout.write(json.dumps({"peak_rss": peak_memory()}) + "\n")
    sys.exit(code or 0)
