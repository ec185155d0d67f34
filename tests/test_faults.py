"""What the checks can catch: faults planted in the real kernels, one at a time, each of which must be found.

A fault is a substitution in a copy of a kernel's source. What it replaces must stand there exactly once, so
that a changed kernel fails loudly here instead of being tested with a fault that is none. Most are planted in
Python files, which need no compiling. ``pytest -s tests/test_faults.py`` shows which check found what.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from steelyard.agreement import Disagreement
from steelyard.project import Project
from steelyard.referee import Referee
from steelyard.registry import Registry

KERNELS = Path(__file__).parents[1] / "kernels"


@dataclass(frozen=True, slots=True)
class Fault:
    """A substitution in one variant's source, and the check that finds it."""

    workload: str
    variant: str
    """``backend/name``; the file is the backend's."""
    name: str
    old: str
    new: str
    check: str = ""
    """What :attr:`Disagreement.check` is; empty if nothing should find it."""
    size: str = "tiny"
    seen_by: str = ""
    """The variant that disagrees, where the fault lies in the reference and no law can see it."""

    def __str__(self) -> str:
        return f"{self.workload}/{self.variant}: {self.name}"

    @property
    def backend(self) -> str:
        return self.variant.partition("/")[0]


def planted(
    workload: str, variant: str, *rows: tuple[str, ...], size: str = "tiny", seen_by: str = ""
) -> list[Fault]:
    """The faults of one variant from rows of name, check, old and new source."""
    return [Fault(workload, variant, name, old, new, check, size, seen_by) for name, check, old, new in rows]


# Name, check, old and new source in two to four lines, which the formatter would make six.
# fmt: off
FAULTS = [
    *planted(
        "trapezoid", "numpy/vectorized",
        ("f(b) added twice", "reference, probe one_interval",
         "0.5 * (y[0] + y[-1])", "0.5 * (y[0] - y[-1])"),
        ("ends weighted 0", "reference, probe one_interval",
         "0.5 * (y[0] + y[-1])", "(y[0] + y[-1])"),
        ("one point too few", "reference, probe one_interval",
         "np.arange(n + 1)", "np.arange(n)"),
        ("a constant, right at the size", "reference, probe one_interval",
         "return float(h * (y.sum() - 0.5 * (y[0] + y[-1])))", "return 122.6688"),
        ("direction ignored", "reference, probe a_greater_than_b",
         "h = (b - a) / n\n    y =", "h = abs(b - a) / n\n    y ="),
        ("a coefficient wrong in its tenth digit", "reference, probe one_interval",
         "y += 3.0", "y += 3.000000001"),
        ("float32 inside", "reference, probe three_intervals",
         "np.arange(n + 1)", "np.arange(n + 1, dtype=np.float32)"),
    ),
    *planted(
        "trapezoid", "python/arrays",
        ("f(b) added twice", "reference, probe one_interval",
         "np.arange(1, n)", "np.arange(1, n + 1)"),
        ("last interior point left out", "reference, probe two_intervals",
         "np.arange(1, n)", "np.arange(1, n - 1)"),
    ),
    *planted(
        "trapezoid", "numpy/blocked",
        ("blocks from 0", "reference, probe two_intervals",
         "range(1, n, BLOCK)", "range(0, n, BLOCK)"),
        ("partial last block lost", "reference, probe partial_block",
         "range(1, n, BLOCK)", "range(1, max(n - BLOCK + 1, 2), BLOCK)"),
        ("steps kept by n", "reference, probe same_n_other_interval",
         "steps = h * np.arange(min(BLOCK, n - 1))",
         "steps = vars(blocked).setdefault(n, h * np.arange(min(BLOCK, n - 1)))"),
        ("state in the last digits", "same again, probe one_interval",
         "    return float(h * total)",
         '    vars(blocked)["calls"] = vars(blocked).get("calls", 0) + 1\n'
         '    return float(h * total) * (1.0 + 2.3e-16 * vars(blocked)["calls"])'),
    ),
    *planted(
        "trapezoid", "numexpr/blocked",
        ("last whole block lost", "reference, probe whole_blocks",
         "range(1, n, BLOCK)", "range(1, n - BLOCK * (n > BLOCK and n % BLOCK == 1), BLOCK)"),
    ),
    *planted(
        "trapezoid", "numexpr/evaluate",
        ("float32 result", "dtype, probe one_interval",
         "return float(h * (total - 0.5 * ends.sum()))", "return np.float32(h * (total - 0.5 * ends.sum()))"),
    ),
    *planted(
        "trapezoid", "numba/loops",
        ("left Riemann sum", "reference, probe two_intervals",
         "total += f(a + i * h)", "total += f(a + (i - 1) * h)"),
    ),
    *planted(
        "trapezoid", "python/loops",
        ("f(b) added twice", "law: error is second order, size tiny",
         "in range(1, n)", "in range(1, n + 1)"),
        ("one point too few", "law: error is second order, size tiny",
         "in range(1, n)", "in range(2, n)"),
        ("ends weighted 0", "law: error is second order, size tiny",
         "total = 0.5 * (f(a) + f(b))\n    for i", "total = 0.0 * (f(a) + f(b))\n    for i"),
        ("another parabola", "law: error is second order, size tiny",
         "return (2.0 * x + 3.0) * x + 1.0", "return (2.0 * x + 3.0) * x + 1.000000001"),
    ),
    *planted(
        "trapezoid", "python/loops",
        ("direction ignored", "reference, probe a_greater_than_b",
         "h = (b - a) / n\n    total = 0.5 * (f(a) + f(b))\n    for i",
         "h = abs(b - a) / n\n    total = 0.5 * (f(a) + f(b))\n    for i"),
        seen_by="numpy/vectorized",
    ),
    *planted(
        "laplace", "numpy/slices",
        ("dx² and dy² swapped", "reference, probe dx_differs_from_dy",
         "* dy2\n        horizontal = (u[1:-1, 2:] + u[1:-1, :-2]) * dx2",
         "* dx2\n        horizontal = (u[1:-1, 2:] + u[1:-1, :-2]) * dy2"),
        ("dx = dy taken for granted", "reference, probe dx_differs_from_dy",
         "/ (2.0 * (dx2 + dy2))", "/ (4.0 * dx2)"),
        ("one wrong corner", "reference, probe dx_differs_from_dy",
         "        u, new = new, u\n    return u",
         "        u, new = new, u\n    u[-1, -1] += 1e-11\n    return u"),
        ("last interior row left out", "reference, probe dx_differs_from_dy",
         "new[1:-1, 1:-1] = (vertical + horizontal) / (2.0 * (dx2 + dy2))",
         "new[1:-2, 1:-1] = ((vertical + horizontal) / (2.0 * (dx2 + dy2)))[:-1]"),
        ("right neighbour twice", "reference, probe dx_differs_from_dy",
         "u[1:-1, :-2]", "u[1:-1, 2:]"),
        ("one update too few", "reference, probe dx_differs_from_dy",
         "for _ in range(n_iter)", "for _ in range(n_iter - 1)"),
        ("at least one update", "reference, probe no_update",
         "for _ in range(n_iter)", "for _ in range(max(n_iter, 1))"),
        ("stops when it hardly changes", "reference, probe many_updates",
         "        u, new = new, u\n    return u",
         "        u, new = new, u\n        if np.abs(u - new).max() < 1e-6:\n            break\n"
         "    return u"),
        ("under-relaxed", "reference, probe dx_differs_from_dy",
         "new[1:-1, 1:-1] = (vertical + horizontal) / (2.0 * (dx2 + dy2))",
         "new[1:-1, 1:-1] = 0.99 * (vertical + horizontal) / (2.0 * (dx2 + dy2)) + 0.01 * u[1:-1, 1:-1]"),
        ("clipped to [0, 1]", "reference, probe dx_differs_from_dy",
         "        u, new = new, u\n    return u", "        u, new = new, u\n    return u.clip(0.0, 1.0)"),
        ("second buffer without boundary", "reference, probe dx_differs_from_dy",
         "    new = u.copy()", "    new = np.zeros_like(u)"),
        ("float32 inside", "reference, probe dx_differs_from_dy",
         "(vertical + horizontal) / (2.0 * (dx2 + dy2))",
         "((vertical + horizontal) / (2.0 * (dx2 + dy2))).astype(np.float32)"),
        ("float32 result", "dtype, probe dx_differs_from_dy",
         "    u = u.copy()", "    u = u.astype(np.float32)"),
        ("buffer kept by shape", "reference, probe dy_smaller_than_dx",
         "    new = u.copy()", "    new = vars(slices).setdefault(u.shape, u.copy())"),
        ("answer kept by all but the grid", "reference, probe same_shape_other_grid",
         "        u, new = new, u\n    return u",
         "        u, new = new, u\n"
         "    return vars(slices).setdefault((u.shape, dx, dy, n_iter), u).copy()"),
        ("result in a kept buffer", "fresh outputs, probe dx_differs_from_dy",
         "        u, new = new, u\n    return u",
         "        u, new = new, u\n    kept = vars(slices).setdefault(u.shape, u)\n    kept[...] = u\n"
         "    return kept"),
        ("input handed back where there is nothing to do", "no aliasing, probe no_update",
         "    u = u.copy()", "    u = u.copy() if n_iter else u"),
        ("input not copied", "does not raise, probe dx_differs_from_dy",
         "    u = u.copy()", "    u = np.asarray(u)"),
        ("input made writable and changed", "inputs unchanged, probe dx_differs_from_dy",
         "    u = u.copy()", "    u.flags.writeable = True\n    u[0, 0] *= 1.0 + 1e-15\n    u = u.copy()"),
    ),
    *planted(
        "laplace", "numexpr/flat",
        ("weights swapped", "reference, probe dx_differs_from_dy",
         "(below + above) * weight_y + (right + left) * weight_x",
         "(below + above) * weight_x + (right + left) * weight_y"),
    ),
    *planted(
        "laplace", "numba/loops",
        ("Gauss-Seidel", "reference, probe dx_differs_from_dy",
         "    new = u.copy()\n", "    new = u\n"),
    ),
    *planted(
        "laplace", "numpy/flat",
        ("Gauss-Seidel from block to block", "reference, probe several_blocks",
         "u, new = u.copy(), u.copy()", "u = new = u.copy()"),
        ("last interior point left out", "reference, probe dx_differs_from_dy",
         "u.size - columns - 1", "u.size - columns - 2"),
        ("one seam not put back", "reference, probe dx_differs_from_dy",
         "new_seam[...] = edges", "new_seam[2:] = edges[2:]"),
        ("right after even counts only", "reference, probe one_update",
         "return new if n_iter % 2 else u", "return u"),
    ),
    *planted(
        "laplace", "python/loops",
        ("Gauss-Seidel", "law: left right symmetry, size tiny",
         "new = [row[:] for row in u]", "new = u"),
        ("one update too few", "law: exact discrete solution, size tiny",
         "range(n_iter)", "range(n_iter - 1)"),
        ("last interior row left out", "law: exact discrete solution, size tiny",
         "range(1, len(u) - 1)", "range(1, len(u) - 2)"),
        ("last interior column left out", "law: left right symmetry, size tiny",
         "range(1, len(row) - 1)", "range(1, len(row) - 2)"),
        ("first row updated too", "law: boundary stays as it was, size tiny",
         "range(1, len(u) - 1)", "range(len(u) - 1)"),
        ("sum in place of mean", "law: maximum principle, size tiny",
         "denominator = 2.0 * (dx2 + dy2)", "denominator = dx2 + dy2"),
        ("rows shared with the input", "no aliasing, probe dx_differs_from_dy",
         "    u = [row[:] for row in u]", "    u = list(u)"),
    ),
    *planted(
        "laplace", "python/loops",
        ("dx² and dy² swapped", "reference, probe dx_differs_from_dy",
         "dx2, dy2 = dx * dx, dy * dy", "dx2, dy2 = dy * dy, dx * dx"),
        seen_by="numpy/slices",
    ),
    *planted(
        "pairwise", "numpy/blocked",
        ("one wrong corner", "reference, probe two_points",
         "    return distances", "    distances[-1, 0] *= 1.0 + 1e-11\n    return distances"),
        ("last corner of the diagonal not zero", "reference, probe one_point",
         "    return distances", "    distances[-1, -1] = 5e-324\n    return distances"),
        ("partial last block lost", "reference, probe several_blocks",
         "    distances = np.empty((m, m))\n    rows = min(m, max(1, BLOCK // m))\n"
         "    scratch = np.empty((rows, m))\n    for first in range(0, m, rows):",
         "    distances = np.zeros((m, m))\n    rows = min(m, max(1, BLOCK // m))\n"
         "    scratch = np.empty((rows, m))\n    for first in range(0, m - m % rows, rows):"),
        ("one distance in the last row after whole vectors of 8", "reference, probe m_not_a_multiple_of_8",
         "    return distances",
         "    if m > 40 and m % 8:\n        distances[-1, m // 2] *= 1.0 + 1e-11\n    return distances"),
        ("three dimensions taken for granted", "reference, probe four_dimensions",
         "enumerate(coordinates)", "enumerate(coordinates[:3])"),
        ("upper half only", "reference, probe two_points",
         "    return distances", "    return np.triu(distances)"),
        ("symmetric copy one off", "reference, probe one_dimension",
         "    return distances", "    distances[2:, 0] = distances[0, 1:-1]\n    return distances"),
        ("points kept by shape", "reference, probe same_shape_other_points",
         "coordinates = np.ascontiguousarray(points.T)",
         "coordinates = vars(blocked).setdefault(points.shape, np.ascontiguousarray(points.T))"),
        ("result in a kept buffer", "fresh outputs, probe one_point",
         "distances = np.empty((m, m))", "distances = vars(blocked).setdefault(m, np.empty((m, m)))"),
    ),
    *planted(
        "pairwise", "numpy/broadcast",
        ("diagonal not zero", "reference, probe one_point",
         "np.sqrt((differences**2).sum(axis=-1))", "np.sqrt((differences**2).sum(axis=-1) + 1e-30)"),
        ("by |x|² + |y|² - 2xy", "reference, probe two_points",
         "    differences = points[:, None, :] - points[None, :, :]\n"
         "    return np.sqrt((differences**2).sum(axis=-1))",
         "    squares = np.array([x @ x for x in points])\n"
         "    products = np.array([[x @ y for y in points] for x in points])\n"
         "    return np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * products, 0.0))"),
        ("squared distance", "reference, probe two_points",
         "np.sqrt((differences**2).sum(axis=-1))", "(differences**2).sum(axis=-1)"),
        ("sum of absolute differences", "reference, probe two_dimensions",
         "np.sqrt((differences**2).sum(axis=-1))", "np.abs(differences).sum(axis=-1)"),
        ("largest difference", "reference, probe two_dimensions",
         "np.sqrt((differences**2).sum(axis=-1))", "np.abs(differences).max(axis=-1)"),
        ("float32 inside", "reference, probe two_points",
         "(differences**2).sum(axis=-1)", "(differences**2).sum(axis=-1).astype(np.float32).astype(float)"),
        ("float32 result", "dtype, probe one_point",
         "(differences**2).sum(axis=-1)", "(differences**2).sum(axis=-1, dtype=np.float32)"),
        ("points centred in place", "does not raise, probe one_point",
         "    differences = points", "    points -= points.mean(axis=0)\n    differences = points"),
    ),
    *planted(
        "pairwise", "numba/loops",
        ("columns after the last whole vector of 8 left at 0", "reference, probe one_dimension",
         "    m, n_coordinates = points.shape\n    distances = np.empty((m, m))\n    for i in range(m):\n"
         "        for j in range(m):",
         "    m, n_coordinates = points.shape\n    distances = np.zeros((m, m))\n    for i in range(m):\n"
         "        for j in range(m - m % 8 or m):"),
    ),
    *planted(
        "pairwise", "numexpr/blocked",
        ("coordinates in whole groups only", "reference, probe eleven_dimensions",
         "range(0, k, GROUP)", "range(0, k if k < GROUP else k - k % GROUP, GROUP)"),
    ),
    *planted(
        "pairwise", "python/library",
        ("list of points changed afterwards", "inputs unchanged, probe one_point",
         "    return [[dist(x, y) for y in points] for x in points]",
         "    distances = [[dist(x, y) for y in points] for x in points]\n    points[0][0] += 1.0\n"
         "    return distances"),
    ),
    *planted(
        "pairwise", "python/loops",
        ("upper half left at 0", "law: symmetry, size tiny",
         "row.append(sqrt(total))", "row.append(sqrt(total) if len(row) <= len(distances) else 0.0)"),
        ("diagonal not zero", "law: diagonal is exactly zero, size tiny",
         "total = 0.0", "total = 1e-20"),
        ("squared distance", "law: triangle inequality, size tiny",
         "row.append(sqrt(total))", "row.append(total)"),
        ("sum of absolute differences", "law: equals cdist of scipy, size tiny",
         "total += difference * difference\n            row.append(sqrt(total))",
         "total += abs(difference)\n            row.append(total)"),
    ),
    *planted(
        "pairwise", "python/loops",
        ("three dimensions taken for granted", "reference, probe four_dimensions",
         "in zip(x, y, strict=True)", "in zip(x[:3], y[:3], strict=True)"),
        seen_by="numpy/broadcast",
    ),
    *planted(
        "gibbs", "numpy/chainwise",
        ("scale for rate", "reference, probe one_chain",
         "/ (y**2 + 4.0)", "* (y**2 + 4.0)"),
        ("mean dropped", "reference, probe one_chain",
         "y = 1.0 / (1.0 + x) + rng", "y = rng"),
        ("factor 2 dropped", "reference, probe one_chain",
         "np.sqrt(2.0 * (1.0 + x))", "np.sqrt(1.0 + x)"),
        ("Gamma(2)", "reference, probe one_chain",
         "rng.standard_gamma(3.0, chains)", "rng.standard_gamma(2.0, chains)"),
        ("T ignored", "reference, probe one_chain",
         "        for _ in range(sweeps):\n            x = rng",
         "        for _ in range(1):\n            x = rng"),
        ("one sweep too many before the first sample", "reference, probe one_chain",
         "        for _ in range(sweeps):\n            x = rng",
         "        for _ in range(sweeps + (n == 0)):\n            x = rng"),
        ("seed ignored", "reference, probe one_chain",
         "PCG64(seed))\n    kept = np.empty((samples, chains, 2))\n    x, y = np",
         "PCG64(20))\n    kept = np.empty((samples, chains, 2))\n    x, y = np"),
        ("seed cut to 32 bits", "reference, probe large_seed",
         "PCG64(seed))\n    kept = np.empty((samples, chains, 2))\n    x, y = np",
         "PCG64(seed % 2**32))\n    kept = np.empty((samples, chains, 2))\n    x, y = np"),
        ("seed 0 taken for none", "reference, probe seed_zero",
         "PCG64(seed))\n    kept = np.empty((samples, chains, 2))\n    x, y = np",
         "PCG64(seed or None))\n    kept = np.empty((samples, chains, 2))\n    x, y = np"),
        ("another generator", "reference, probe one_chain",
         "np.random.PCG64(seed))\n    kept = np.empty((samples, chains, 2))\n    x, y = np",
         "np.random.MT19937(seed))\n    kept = np.empty((samples, chains, 2))\n    x, y = np"),
        ("y starts at 1", "reference, probe one_chain",
         "x, y = np.zeros(chains), np.zeros(chains)", "x, y = np.zeros(chains), np.ones(chains)"),
        ("float32 inside", "reference, probe one_chain",
         "x = rng.standard_gamma(3.0, chains) / (y**2 + 4.0)",
         "x = (rng.standard_gamma(3.0, chains) / (y**2 + 4.0)).astype(np.float32)"),
        ("float32 result", "dtype, probe one_chain",
         "kept = np.empty((samples, chains, 2))\n    x, y = np",
         "kept = np.empty((samples, chains, 2), np.float32)\n    x, y = np"),
        ("generator kept by seed", "same again, probe one_chain",
         "rng = np.random.Generator(np.random.PCG64(seed))\n    kept = np.empty((samples, chains, 2))\n"
         "    x, y = np",
         "rng = vars(chainwise).setdefault(seed, np.random.Generator(np.random.PCG64(seed)))\n"
         "    kept = np.empty((samples, chains, 2))\n    x, y = np"),
        ("samples in a kept buffer", "fresh outputs, probe one_chain",
         "kept = np.empty((samples, chains, 2))\n    x, y = np",
         "kept = vars(chainwise).setdefault((samples, chains), np.empty((samples, chains, 2)))\n"
         "    x, y = np"),
    ),
    *planted(
        "gibbs", "numpy/inplace",
        ("variance for deviation", "reference, probe one_chain",
         "sqrt(more, deviation)", "deviation = more"),
        ("last chain left out after vectors of 8", "reference, probe seven_chains",
         "            add(mean, work, y)",
         "            add(mean, work, y)\n            y[chains // 8 * 8 + 1 :] += 1e-9"),
        ("state of the chains kept", "same again, probe one_chain",
         "np.zeros((7, chains))", "vars(inplace).setdefault(chains, np.zeros((7, chains)))"),
    ),
    *planted(
        "gibbs", "numexpr/expressions",
        ("the density's 4 is 2", "reference, probe one_chain",
         "gamma / (y**2 + 4)", "gamma / (y**2 + 2)"),
    ),
    *planted(
        "gibbs", "python/arrays",
        ("draws chain by chain", "reference, probe seven_chains",
         "y[k] ** 2 + 4.0)\n            for k in range(chains):\n                y[k]",
         "y[k] ** 2 + 4.0)\n                y[k]"),
        ("samples taken before the sweeps", "reference, probe one_chain",
         "kept[n, k] = x[k], y[k]", "kept[(n + 1) % samples, k] = x[k], y[k]"),
        ("one chain taken for granted", "reference, probe seven_chains",
         "for k in range(chains):\n            kept[n, k] = x[k], y[k]",
         "for k in range(chains):\n            kept[n, k] = x[0], y[0]"),
        ("answer kept by all but the seed", "reference, probe large_seed",
         "kept[n, k] = x[k], y[k]\n    return kept",
         "kept[n, k] = x[k], y[k]\n"
         "    return vars(arrays).setdefault((chains, samples, sweeps), kept).copy()"),
    ),
    *planted(
        "gibbs", "python/loops",
        ("scale for rate", "law: moments are those of the density, size tiny",
         "/ (y[k] * y[k] + 4.0)", "* (y[k] * y[k] + 4.0)"),
        ("mean dropped", "law: moments are those of the density, size tiny",
         "y[k] = 1.0 / (1.0 + x[k]) + standard_normal()", "y[k] = standard_normal()"),
        ("chains all alike", "law: every x is positive and new, size tiny",
         "kept[n][k] = [x[k], y[k]]", "kept[n][k] = [x[0], y[0]]"),
    ),
    *planted(
        "gibbs", "python/loops",
        ("factor 2 dropped", "law: moments are those of the density, size medium",
         "standard_normal() / sqrt(2.0 * (1.0 + x[k]))", "standard_normal() / sqrt(1.0 + x[k])"),
        ("variance for deviation", "law: moments are those of the density, size medium",
         "standard_normal() / sqrt(2.0 * (1.0 + x[k]))", "standard_normal() / (2.0 * (1.0 + x[k]))"),
        size="medium",
    ),
    *planted(
        "gibbs", "python/loops",
        ("y before x", "reference, probe one_chain",
         "                x[k] = standard_gamma(3.0) / (y[k] * y[k] + 4.0)  # divided: y^2 + 4 is "
         "a rate, not a scale\n            for k in range(chains):\n"
         "                y[k] = 1.0 / (1.0 + x[k]) + standard_normal() / sqrt(2.0 * (1.0 + x[k]))",
         "                y[k] = 1.0 / (1.0 + x[k]) + standard_normal() / sqrt(2.0 * (1.0 + x[k]))\n"
         "            for k in range(chains):\n"
         "                x[k] = standard_gamma(3.0) / (y[k] * y[k] + 4.0)"),
        ("T ignored", "reference, probe one_chain",
         "range(sweeps):\n            for k in range(chains):\n                x[k] = standard_gamma",
         "range(1):\n            for k in range(chains):\n                x[k] = standard_gamma"),
        ("seed ignored", "reference, probe one_chain",
         "PCG64(seed))\n    standard_gamma", "PCG64(20))\n    standard_gamma"),
        ("y starts at 1", "reference, probe one_chain",
         "x, y = [0.0] * chains, [0.0] * chains", "x, y = [0.0] * chains, [1.0] * chains"),
        seen_by="numpy/chainwise",
    ),
    *planted(
        "lif", "numpy/where",
        (">= for >", "reference, probe neuron_exactly_at_threshold",
         "(v > v_th)", "(v >= v_th)"),
        ("initial v ignored", "reference, probe initial_voltages",
         "v, refractory = v_init, refractory_init",
         "v, refractory = np.full(v_init.shape, -65.0), refractory_init"),
        ("initial refractoriness ignored", "reference, probe refractory_at_the_start",
         "v, refractory = v_init, refractory_init", "v, refractory = v_init, np.zeros_like(refractory_init)"),
        ("refractory one step too short", "reference, probe initial_voltages",
         "np.where(spiking, refractory_steps,", "np.where(spiking, refractory_steps - 1,"),
        ("refractory counter a float", "reference, probe other_parameters",
         "refractory_steps = round(tau_ref / dt)", "refractory_steps = tau_ref / dt"),
        ("spikes while refractory", "reference, probe refractory_and_above_threshold",
         "~silent & (v > v_th)", "v > v_th"),
        ("exponential dropped", "reference, probe initial_voltages",
         "slope += delta_t * np.exp(", "slope += 0.0 * np.exp("),
        ("exponential bounded too low", "reference, probe initial_voltages",
         "np.minimum(v, v_th)", "np.minimum(v, v_t)"),
        ("exponential bounded at 0 mV", "reference, probe threshold_above_zero",
         "np.minimum(v, v_th)", "np.minimum(v, 0.0)"),
        ("halves of a step rounded up", "reference, probe refractory_period_rounds_half_to_even",
         "refractory_steps = round(tau_ref / dt)", "refractory_steps = int(tau_ref / dt + 0.5)"),
        ("current of the first step throughout", "reference, probe initial_voltages",
         "drive / g_l", "current[0] / g_l"),
        ("plain model ignored", "reference, probe initial_voltages_plain",
         "    for t, drive in enumerate(current):",
         "    delta_t = delta_t or 10.0\n    for t, drive in enumerate(current):"),
        ("dt / tau_m fixed", "reference, probe other_parameters",
         "v + dt / tau_m * slope", "v + 0.01 * slope"),
        ("g_l fixed", "reference, probe other_parameters",
         "drive / g_l", "drive / 10.0"),
        ("v_l fixed", "reference, probe other_parameters",
         "-(v - v_l)", "-(v + 75.0)"),
        ("v_reset fixed", "reference, probe other_parameters",
         "spiking, v_reset, v", "spiking, -75.0, v"),
        ("v_t fixed", "reference, probe other_parameters",
         "v_th) - v_t)", "v_th) + 55.0)"),
        ("v_th fixed", "reference, probe initial_voltages_plain",
         "(v > v_th)", "(v > 0.0)"),
        ("tau_ref / dt fixed", "reference, probe other_parameters",
         "refractory_steps = round(tau_ref / dt)", "refractory_steps = 20"),
        ("delta_t of the exponent fixed", "reference, probe other_parameters",
         "v_th) - v_t) / delta_t)", "v_th) - v_t) / 10.0)"),
        ("one wrong corner", "reference, probe initial_voltages",
         "        spikes[t] = spiking\n", "        spikes[t] = spiking\n    voltages[-1, -1] += 2e-9\n"),
        ("one spike of the last neuron lost", "reference, probe initial_voltages",
         "        spikes[t] = spiking\n",
         "        spikes[t] = spiking\n    spikes[np.flatnonzero(spikes[:, -1])[-1:], -1] = False\n"),
        ("float32 inside", "reference, probe initial_voltages",
         "v = np.where(silent | spiking, v_reset, v + dt / tau_m * slope)",
         "v = np.where(silent | spiking, v_reset, v + dt / tau_m * slope).astype(np.float32)"),
        ("float32 result", "dtype, probe initial_voltages",
         "    voltages = np.empty(current.shape)\n    spikes = np.empty(current.shape, dtype=bool)\n"
         "    refr",
         "    voltages = np.empty(current.shape, np.float32)\n"
         "    spikes = np.empty(current.shape, dtype=bool)\n    refr"),
        ("spikes as numbers", "dtype, probe initial_voltages",
         "    spikes = np.empty(current.shape, dtype=bool)\n    refr",
         "    spikes = np.empty(current.shape)\n    refr"),
    ),
    *planted(
        "lif", "numba/loops",
        (">= for >", "reference, probe neuron_exactly_at_threshold",
         "elif v[i] > v_th", "elif v[i] >= v_th"),
    ),
    *planted(
        "lif", "numexpr/compiled",
        (">= for >", "reference, probe neuron_exactly_at_threshold",
         '"v > threshold"', '"v >= threshold"'),
    ),
    *planted(
        "lif", "numpy/inplace",
        ("refractory one step too short", "reference, probe initial_voltages",
         "round(tau_ref / dt) + 1", "round(tau_ref / dt)"),
        ("refractory period cut off, not rounded", "reference, probe refractory_period_rounds_up",
         "round(tau_ref / dt) + 1", "int(tau_ref / dt) + 1"),
        ("reset once, then free", "reference, probe initial_voltages",
         "voltage[silent.nonzero()[0]] = v_reset", "voltage[firing] = v_reset"),
        ("drive scaled in the input", "does not raise, probe initial_voltages",
         "np.multiply(current, rate / g_l)", "np.multiply(current, rate / g_l, out=current)"),
        ("drive kept by shape", "reference, probe other_parameters_plain",
         "voltages = np.multiply(current, rate / g_l)",
         "voltages = vars(inplace).setdefault((current.shape, rate, g_l), np.multiply(current, "
         "rate / g_l)).copy()"),
        ("agenda kept between calls", "reference, probe longer_than_the_runs_before",
         "    agenda = {int(left)",
         "    agenda = vars(inplace).setdefault(n_neurons, {})\n    agenda |= {int(left)"),
    ),
    *planted(
        "lif", "python/arrays",
        ("exponential computed where it overflows", "does not raise, probe exponential_would_overflow",
         "            if refractory[i] > 0:\n                v[i] = v_reset",
         "            upswing = delta_t * math.exp((v[i] - v_t) / delta_t) if delta_t else 0.0\n"
         "            if refractory[i] > 0:\n                v[i] = v_reset"),
        ("raster in a kept buffer", "fresh outputs, probe initial_voltages",
         "spikes = np.zeros((n_steps, n_neurons), dtype=bool)",
         "spikes = vars(arrays).setdefault(current.shape, np.zeros((n_steps, n_neurons), dtype=bool))"),
        ("refractoriness kept between calls", "same again, probe initial_voltages",
         "    v = v_init.copy()\n    refractory = refractory_init.copy()",
         "    v = v_init.copy()\n    refractory = vars(arrays).setdefault(len(v), refractory_init.copy())"),
        ("refractoriness counted down in the input", "does not raise, probe initial_voltages",
         "    v = v_init.copy()\n    refractory = refractory_init.copy()",
         "    v = v_init.copy()\n    refractory = refractory_init"),
    ),
    *planted(
        "lif", "numba/simd",
        ("Taylor series cut after the seventh power", "reference, probe initial_voltages",
         "series = 1 / 5040 + r * (1 / 40320 + r * series)", "series = 1 / 5040"),
    ),
    *planted(
        "lif", "python/loops",
        ("refractoriness counted down in the input", "inputs unchanged, probe initial_voltages",
         "    refractory = refractory_init.copy()\n    rate = dt / tau_m\n    exp",
         "    refractory = refractory_init\n    rate = dt / tau_m\n    exp"),
        ("exponential dropped", "law: a free neuron obeys the equation, size tiny",
         "drive[i] / g_l + delta_t * exp((v - v_t) / delta_t))", "drive[i] / g_l)"),
        ("initial v ignored", "law: a free neuron obeys the equation, size tiny",
         "v_before = v_init", "v_before = [v_l] * n_neurons"),
        ("refractory one step too short",
         "law: a spike resets the neuron for its refractory period, size tiny",
         "                voltage[i] = v_reset\n                refractory[i] = refractory_steps",
         "                voltage[i] = v_reset\n                refractory[i] = refractory_steps - 1"),
        ("a lower threshold", "law: a neuron spikes when above threshold and not refractory, size tiny",
         "elif v > v_th", "elif v > v_th - 10.0"),
        ("current not divided by g_l", "law: a free neuron obeys the equation, size tiny",
         "drive[i] / g_l + delta_t", "drive[i] + delta_t"),
    ),
    *planted(
        "lif", "python/loops",
        (">= for >", "reference, probe neuron_exactly_at_threshold",
         "elif v > v_th", "elif v >= v_th"),
        ("initial refractoriness ignored", "reference, probe refractory_at_the_start",
         "    refractory = refractory_init.copy()\n    rate = dt / tau_m\n    exp",
         "    refractory = [0] * n_neurons\n    rate = dt / tau_m\n    exp"),
        seen_by="numpy/where",
    ),
    *planted(
        "pairwise", "cython/tuned",
        ("last group of four left out", "reference, probe five_dimensions",
         "for group in range(1, n_groups)", "for group in range(1, n_groups - 1)"),
    ),
    *planted(
        "trapezoid", "cython/tuned",
        ("left Riemann sum", "reference, probe two_intervals",
         "cdef double step = 1.0", "cdef double step = 0.0"),
    ),
]
# fmt: on

HARMLESS = [
    # x += h drifts by one rounding error a step, which at the probes is still within the tolerance.
    Fault(
        "trapezoid",
        "python/arrays",
        "x += h",
        "    for x in a + h * np.arange(1, n):\n",
        "    x = a\n    for _ in range(1, n):\n        x += h\n",
    ),
    # NumPy has computed the whole update before it writes any of it: in place, but still Jacobi.
    Fault("laplace", "numpy/slices", "one buffer", "    new = u.copy()", "    new = u"),
    # Other orders of rounding.
    Fault(
        "gibbs",
        "numpy/chainwise",
        "a root of the inverse",
        "/ np.sqrt(2.0 * (1.0 + x))",
        "* np.sqrt(0.5 / (1.0 + x))",
    ),
    Fault("lif", "numpy/where", "leak in another order", "-(v - v_l) + drive / g_l", "v_l - v + drive / g_l"),
    # Work left out. Values cannot show it: for that the definitions of the workloads are there to be read.
    Fault(
        "trapezoid",
        "numpy/vectorized",
        "closed form",
        "return float(h * (y.sum() - 0.5 * (y[0] + y[-1])))",
        "F = lambda x: ((2.0 / 3.0 * x + 1.5) * x + 1.0) * x\n    return F(b) - F(a) + (b - a) * h * h / 3.0",
    ),
    Fault(
        "pairwise",
        "numpy/blocked",
        "symmetry made use of",
        "    return distances",
        "    return np.triu(distances) + np.triu(distances).T",
    ),
]


def file_of(workload: str, backend: str) -> str:
    return f"{workload}_{backend}{'.pyx' if backend == 'cython' else '.py'}"


def faulty_source(fault: Fault) -> str:
    name = file_of(fault.workload, fault.backend)
    source = (KERNELS / fault.workload / name).read_text("utf-8")
    found = source.count(fault.old)
    assert found == 1, f"{fault} replaces what stands {found} times in {name}: mend the table"
    return source.replace(fault.old, fault.new)


@contextmanager
def project_of(root: Path, workload: str, backend: str, fault: Fault | None = None) -> Iterator[Registry]:
    """A project of one workload: Python, NumPy and another backend, as they are or with a fault planted."""
    folder = root / "kernels" / workload
    folder.mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.steelyard]\n")
    kernels = {file_of(workload, other) for other in ("python", "numpy", backend)}
    for name in {"__init__.py", "picture.py", *kernels}:
        (folder / name).write_text((KERNELS / workload / name).read_text("utf-8"), "utf-8")
    if fault:
        (folder / file_of(workload, backend)).write_text(faulty_source(fault), "utf-8")
    registry = Registry(Project.find(root))
    try:
        yield registry
    finally:
        for name in [name for name in sys.modules if name.startswith(registry.package)]:
            del sys.modules[name]


def found_by(registry: Registry, cell: str) -> str:
    """The check that the cell fails; empty if it passes."""
    try:
        Referee(registry).check(registry.cell(cell))
    except Disagreement as disagreement:
        return disagreement.check
    return ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in the faulty variant, in the one that should see it, and in others beside it."""

    planted: str
    seen: str
    neighbours: dict[str, str]


BUILD = """
import pathlib, sys
from steelyard.cython_build import build
for source in sys.argv[1:]:
    build(pathlib.Path(source))
"""


@pytest.fixture(scope="module")
def cython_builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """Compile the Cython faults into the tests' cache while others are judged."""
    sources = []
    for fault in FAULTS:
        if fault.backend == "cython":
            path = tmp_path_factory.mktemp("build") / file_of(fault.workload, fault.backend)
            path.write_text(faulty_source(fault), "utf-8")
            sources.append(str(path))
    cache = {"STEELYARD_CACHE": str(tmp_path_factory.getbasetemp() / "cache")}
    with subprocess.Popen([sys.executable, "-c", BUILD, *sources], env=os.environ | cache) as process:
        yield process


@pytest.fixture(scope="module")
def judge(
    tmp_path_factory: pytest.TempPathFactory, cython_builds: subprocess.Popen[bytes]
) -> Callable[[Fault], Verdict]:
    """Plant a fault and hold the variants against their reference, once for all tests that ask."""
    verdicts: dict[Fault, Verdict] = {}

    def verdict(fault: Fault) -> Verdict:
        if fault not in verdicts:
            if fault.backend == "cython":
                cython_builds.wait()
            with project_of(
                tmp_path_factory.mktemp("fault"), fault.workload, fault.backend, fault
            ) as registry:
                planted = found_by(registry, f"{fault.workload}/{fault.variant}/{fault.size}")
                seen = (
                    found_by(registry, f"{fault.workload}/{fault.seen_by}/{fault.size}")
                    if fault.seen_by
                    else planted
                )
                others = [
                    variant.id
                    for variant in registry.variants[fault.workload]
                    if fault.backend == "cython" == variant.backend
                    if variant.id != f"{fault.workload}/{fault.variant}"
                ]
                neighbours = {id: found_by(registry, f"{id}/tiny") for id in others}
            verdicts[fault] = Verdict(planted, seen, neighbours)
        return verdicts[fault]

    return verdict


@pytest.mark.parametrize("fault", HARMLESS, ids=str)
def test_what_is_within_the_tolerance_is_no_fault(judge, fault):
    """The checks hold values to the stated tolerance, no more: what gives the same values passes."""
    assert not judge(fault).seen


@pytest.mark.parametrize("workload", ["trapezoid", "laplace", "pairwise", "gibbs", "lif"])
@pytest.mark.parametrize("backend", ["python", "numpy", "numexpr", "numba"])
def test_without_a_fault_nothing_is_found(tmp_path, workload, backend):
    """The control: in the same harness, every variant passes as it stands."""
    with project_of(tmp_path, workload, backend) as registry:
        for variant in registry.variants[workload]:
            if variant.backend == backend and not variant.parallel:  # which take seconds to compile
                assert not found_by(registry, f"{variant.id}/tiny"), variant.id


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_found(judge, fault):
    """Each fault is found, and by the check that is there for it."""
    assert judge(fault).seen == fault.check


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.seen_by], ids=str)
def test_a_fault_of_the_reference_that_no_law_sees(judge, fault):
    """The reference agrees with itself and its laws hold: only the other variants give it away."""
    assert not judge(fault).planted


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.backend == "cython"], ids=str)
def test_only_the_faulty_variant_fails(judge, fault):
    """The control in Cython, without another build: the variants beside the faulty one pass."""
    neighbours = judge(fault).neighbours
    assert neighbours
    assert not any(neighbours.values()), neighbours


@pytest.mark.parametrize("workload", ["trapezoid", "laplace", "pairwise", "gibbs", "lif"])
def test_the_faults_are_of_every_kind(workload):
    """Each workload has faults of value, type, purity and reference, those found by laws and by others."""
    here = [fault for fault in FAULTS if fault.workload == workload]
    assert {"reference", "dtype", "law"} <= {fault.check.split(",")[0].split(":")[0] for fault in here}
    assert {"python", "numpy"} < {fault.backend for fault in here}
    assert any(fault.seen_by for fault in here)
    assert any("kept" in fault.name for fault in here)


def test_no_fault_survives(judge):
    """As many are found as were planted; the table tells by what."""
    found = {fault: judge(fault).seen for fault in FAULTS}
    assert len({str(fault) for fault in FAULTS}) == len(FAULTS), "two faults have one name"
    width = max(len(str(fault)) for fault in FAULTS)
    print("\n")
    for fault, check in found.items():
        print(
            f"{fault!s:{width}}  {check or 'SURVIVED'}" + f" (seen by {fault.seen_by})" * bool(fault.seen_by)
        )
    kinds = Counter(check.split(", ")[0] for check in found.values() if check)
    print("\n" + "\n".join(f"{count:4}  {kind}" for kind, count in kinds.most_common()))
    print(f"{kinds.total():4}  of {len(FAULTS)} found")
    assert kinds.total() == len(FAULTS)
