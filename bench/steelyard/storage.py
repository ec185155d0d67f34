"""pytest-benchmark's file storage, made safe: whole files only, a number for one run only, samples always."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from pytest_benchmark.storage.file import FileStorage

from steelyard.errors import CannotWrite
from steelyard.runs import write_atomically


class RunStorage(FileStorage):
    """Saves under the same names as pytest-benchmark does, so that its own commands read them."""

    failure: CannotWrite | None = None
    """Why the last run could not be saved."""
    saved: Path | None = None
    """Where it was saved."""

    def save(self, output_json: Mapping[str, Any], save: str) -> None:
        """Write a run under the next free number.

        Two runs that end at once would take the same number, hence the lock. A failure is kept, not raised:
        the table of what was measured must still be printed.
        """
        folder = self.path / self.default_machine_id
        # Not in the storage folder: a lock file beside the runs would be one more thing to explain.
        lock = Path(tempfile.gettempdir()) / f"steelyard-{os.getuid() if hasattr(os, 'getuid') else 0}.lock"
        try:
            with FileLock(lock):
                path = folder / f"{self._next_num}_{save}.json"
                write_atomically(path, json.dumps(output_json, default=str))
        except CannotWrite as failure:
            self.failure = failure
        else:
            self.saved = path
            self.logger.info(f"Saved benchmark data in: {path}")
