"""`python -m benchmarks.measured COMMAND ...`: the command line, and what memory it took."""

from __future__ import annotations

import json
import sys
import threading

from rxindex.bench.timing import PeakMemory
from rxindex.cli import app

#: Seconds between two looks at the processes that the command has started.
_LOOK = 0.2


def _watch(peak: PeakMemory, over: threading.Event) -> None:
    while not over.wait(_LOOK):
        peak.look()


if __name__ == "__main__":
    peak, over = PeakMemory(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(peak, over))
    watcher.start()
    try:
        code = app(standalone_mode=False)
    finally:
        over.set()
        watcher.join()
    sys.stdout.write(json.dumps({"peak_rss": peak.most()}) + "\n")
    sys.exit(code or 0)
