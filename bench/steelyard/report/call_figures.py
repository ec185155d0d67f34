"""A call graph drawn as SnakeViz draws it: an icicle, its root on top, and a sunburst, its root in the middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from steelyard.call_graph import DEEPEST, LEAST, MOST, CallGraph, Frame
from steelyard.report import numbers
from steelyard.report.figures import MORE_COLOURS, Figure, colour, text
from steelyard.report.functions import BUILT_IN, REPEATING, is_end_of, kernel_s, place, sees_kernel

NEUTRAL = "#868c96"
"""Of what is built in, and of the row that has all."""

BORDER = "rgba(252, 251, 248, 0.55)"
"""Between boxes, on light and dark paper."""

LONGEST_NAME = 60
"""Characters of a name in a box."""

WHOLE = "all calls"
"""What the root is called: the name of a cell is too long for the middle of a sunburst."""

LAYOUT: Mapping[str, Any] = {
    "margin": {"l": 0, "r": 0, "t": 4, "b": 4},
    "uniformtext": {"minsize": 9, "mode": "hide"},
}
"""Of both figures: a name that can only be read with a lens is not drawn; its box still tells it to the pointer."""

FEWEST = 3
"""Frames below which a picture says nothing: the row of the cell, and its kernel."""

NOTE = (
    "A box is as wide as its time, with what it calls below it; what is free below a box is its own time. "
    "cProfile keeps calls between two functions, not whole stacks: the time of a function that several call is "
    f"apportioned among them. Left out is what has less than {numbers.percent(LEAST)} of the whole, or lies more than "
    f"{DEEPEST} calls deep, or comes after the largest {MOST}; so is {REPEATING}, where that is told from the kernel. "
    "A click shows a box alone, and one on the topmost goes back."
)


def drawn(graph: CallGraph, size: str, anchor: str, own: str | None, backend: str) -> Sequence[Figure]:
    """The two figures of a cell; none if there is nothing below its kernel.

    Args:
        graph: the profile.
        size: of the cell.
        anchor: what the figures' anchors end with.
        own: the kernel's own file, relative to the project's root.
        backend: gives the colour of the kernel's own file.
    """
    frames = graph.frames()
    if len(frames) < FEWEST:
        return ()
    trace = boxes(graph, frames, own, backend)
    depth = deepest(frames)
    what = f"Where the time goes at size {size}; the table of functions has the figures."
    return (
        Figure(
            id=f"icicle-{anchor}",
            title=f"Icicle, size {size}",
            description=what,
            data=[{"type": "icicle", "tiling": {"orientation": "v"}, "pathbar": {"visible": False}, **trace}],
            layout=LAYOUT,
            height=max(220, min(520, 40 * depth)),
        ),
        Figure(
            id=f"sunburst-{anchor}",
            title=f"Sunburst, size {size}",
            description=what,
            data=[{"type": "sunburst", "insidetextorientation": "auto", **trace}],
            layout=LAYOUT,
            height=320,
        ),
    )


def deepest(frames: Sequence[Frame]) -> int:
    """How many frames stand above one another at most."""
    depths: list[int] = []
    for frame in frames:
        depths.append(1 if frame.above is None else depths[frame.above] + 1)
    return max(depths)


def boxes(graph: CallGraph, frames: Sequence[Frame], own: str | None, backend: str) -> dict[str, Any]:
    """The frames as Plotly's traces of a hierarchy take them."""
    total = kernel_s(graph)
    frames = [replace(frames[0], seconds=total), *frames[1:]]
    values = whole_nanoseconds(frames)
    functions = [graph.functions[frame.function] for frame in frames]
    packages = {
        name: place for place, name in enumerate(dict.fromkeys(map(package, (f.file for f in functions))))
    }
    colours = []
    for frame, function in zip(frames, functions, strict=True):
        if frame.above is None or function.file == BUILT_IN:
            colours.append(NEUTRAL)
        elif own and is_end_of(own, function.file):
            colours.append(colour(backend))
        else:
            colours.append(MORE_COLOURS[packages[package(function.file)] % len(MORE_COLOURS)])
    return {
        "ids": [str(number) for number in range(len(frames))],
        "labels": [
            WHOLE if frame.above is None else text(function.name[:LONGEST_NAME])
            for frame, function in zip(frames, functions, strict=True)
        ],
        "parents": ["" if frame.above is None else str(frame.above) for frame in frames],
        "values": values,
        "branchvalues": "total",
        "customdata": [
            [
                f"without {REPEATING}"
                if frame.above is None and sees_kernel(graph)
                else text(place(function.file, function.line, own) or "built in"),
                numbers.seconds(frame.seconds),
                numbers.percent(min(1.0, frame.seconds / total) if total else 0.0),
            ]
            for frame, function in zip(frames, functions, strict=True)
        ],
        "hovertemplate": "<b>%{label}</b><br>%{customdata[0]}<br>%{customdata[1]}, %{customdata[2]}<extra></extra>",
        "texttemplate": "%{label} %{customdata[2]}",
        "textfont": {"color": [readable(ground) for ground in colours]},
        "marker": {"colors": colours, "line": {"width": 1, "color": BORDER}},
        "leaf": {"opacity": 1},
    }


def readable(ground: str) -> str:
    """Black or white, whichever is read better on a colour: where its luminance is 0.18 both are alike."""
    red, green, blue = (int(ground[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return "#000000" if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 > 0.18 else "#ffffff"


def package(file: str) -> str:
    """What a file belongs to: the package that was installed, else its folder."""
    parts = PurePosixPath(file).parts
    if "site-packages" in parts[:-1]:
        return parts[parts.index("site-packages") + 1]
    return "/".join(parts[:-1])


def whole_nanoseconds(frames: Sequence[Frame]) -> list[int]:
    """The time of each frame; those below a frame never have more than it has, or nothing would be drawn."""
    values: list[int] = []
    left: list[int] = []
    for frame in frames:
        value = int(frame.seconds * 1e9)
        if frame.above is not None:
            value = min(value, left[frame.above])
            left[frame.above] -= value
        values.append(value)
        left.append(value)
    return values
