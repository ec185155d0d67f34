"""A picture of what a workload computes: a figure that the workload itself draws from an output."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.errors import SteelyardError, described
from steelyard.workload import Inputs, Outputs, Workload

LARGEST = 500_000
"""Characters that a picture may take in a run file."""

DIGITS = 5
"""Significant digits of what is drawn."""


class PictureFailed(SteelyardError):
    """A workload's picture could not be drawn; says where and why."""

    def __init__(self, init: Path, why: str) -> None:
        super().__init__(f"{init}: picture: {why}")


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as Plotly's JSON has it, in plain data, and what is seen on it."""

    figure: Mapping[str, Any]
    caption: str

    @classmethod
    def draw(cls, workload: Workload, init: Path, inputs: Inputs, outputs: Outputs) -> Picture | None:
        """Have a workload draw one of its outputs; None if it has no picture.

        Args:
            workload: whose picture it is.
            init: the file that a failure is blamed on.
            inputs: of one call, by name.
            outputs: of that call, by name.

        Raises:
            PictureFailed: it raises, draws no figure, or one too large for a run file.
        """
        if workload.picture is None:
            return None
        try:
            drawn = plain(workload.picture(inputs, outputs))
        except Exception as error:  # a workload is anybody's code
            raise PictureFailed(init, f"raises {described(error, init)}") from error
        if not isinstance(drawn, dict) or not isinstance(drawn.get("data"), list):
            raise PictureFailed(init, "should return {'data': [traces], 'layout': {...}, 'caption': '...'}")
        for trace in drawn["data"]:
            if not isinstance(trace, dict) or not isinstance(trace.get("type"), str):
                raise PictureFailed(
                    init, "each trace should be a dict with a type, such as {'type': 'scatter', ...}"
                )
        caption = drawn.pop("caption", "")
        size = len(json.dumps(drawn))
        if size > LARGEST:
            raise PictureFailed(
                init,
                f"takes {size:,} characters, more than {LARGEST:,}; draw fewer points, and say so in the caption",
            )
        return cls({"data": drawn["data"], "layout": drawn.get("layout", {})}, str(caption))


def plain(value: Any) -> Any:
    """Data as JSON has them: arrays as lists, numbers in :data:`DIGITS` digits, None for what is not finite.

    Raises:
        TypeError: JSON has no word for it.
    """
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"it holds {type(value).__name__}, which is no number, text, list or dict")
