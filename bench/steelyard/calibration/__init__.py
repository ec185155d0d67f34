"""How good the gate is on this machine, measured with the gate itself.

A repository is made of the kernels in ``project``, which lie ready here: each works through a fixed number of
rounds, has converged long before the last, and so returns the same if it is given more. In a suite of the kind
*same* a revision is compared with itself. In one of the kind *slowed* a second revision gives some cells, drawn by
lot, a share more rounds in every call; all its files differ, so that the gate cannot tell which, and what the
interpreter loads lies elsewhere, as after a real change. What each suite found is appended to a file as it ends; the summary is made of the file alone, so that a calibration can
be stopped and gone on with.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path

import psutil

from steelyard.errors import CannotWrite, SteelyardError
from steelyard.gate import compare
from steelyard.judgement import Judgement
from steelyard.machine import Machine
from steelyard.project import Project
from steelyard.sides import Options
from steelyard.verdict import Verdict

CELLS = (
    "heron/python/loops/tiny",
    "relax/python/passes/small",
    "bisection/python/loops/large",
    "heron/numpy/arrays/small",
    "relax/numpy/arrays/medium",
    "bisection/numpy/arrays/small",
    "heron/numba/loops/tiny",
    "relax/numba/passes/large",
    "bisection/numba/loops/medium",
    "heron/cython/loops/large",
    "relax/cython/passes/small",
    "bisection/cython/loops/tiny",
)
"""Twelve, from 5 µs to 20 ms a call, each in a file of its own."""

ROUNDS = 200
"""The rounds of every kernel; a share more of it must be a whole number."""

EFFECTS = (0.02, 0.03, 0.05, 0.10)
"""Shares more work, as drawn in slowed suites."""

UNUSED = """


def unused(value, factors=(1.5, 2.5, "head")):
    \"\"\"Called by nothing.\"\"\"
    for factor in factors[:-1]:
        value = value * factor + len(factors)
    return [value] * len(factors)"""
"""What every Python file of head has more: it moves what is loaded after it to other places in memory."""

QUIET = 0.1
"""Other processes' share of the machine's cores up to which a suite counts as measured on a quiet machine."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell of one suite."""

    cell: str
    effect: float
    """The share more work that head does."""
    verdict: str
    ratio: float | None
    low: float | None
    high: float | None
    pairs: int
    reason: str
    log_ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """What one suite found."""

    kind: str
    """``same`` or ``slowed``."""
    neighbour: bool
    """Whether a process of ours burned a core in bursts beside it."""
    load: float
    """The share of the machine's cores that processes other than ours used meanwhile."""
    seconds: float
    budget: float
    tolerance: float
    started: str
    machine: str
    cells: tuple[Outcome, ...]

    @classmethod
    def from_judgement(
        cls,
        judgement: Judgement,
        kind: str,
        effects: dict[str, float],
        *,
        neighbour: bool,
        load: float,
        tolerance: float,
    ) -> Suite:
        """The record of one gate."""
        return cls(
            kind=kind,
            neighbour=neighbour,
            load=load,
            seconds=judgement.seconds,
            budget=judgement.budget or 0.0,
            tolerance=tolerance,
            started=judgement.started.isoformat(timespec="seconds"),
            machine=Machine.here().key,
            cells=tuple(
                Outcome(
                    cell.cell,
                    effects.get(cell.cell, 0.0),
                    cell.verdict,
                    cell.ratio,
                    cell.low,
                    cell.high,
                    cell.pairs,
                    cell.reason,
                    cell.log_ratios,
                )
                for cell in judgement.cells
            ),
        )

    @classmethod
    def from_json(cls, line: str) -> Suite:
        """The record in a line of the file.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        data = json.loads(line)
        cells = tuple(
            Outcome(**{**cell, "log_ratios": tuple(cell["log_ratios"])}) for cell in data.pop("cells")
        )
        return cls(**data, cells=cells)

    @property
    def quiet(self) -> bool:
        """Whether nothing else worked the machine."""
        return not self.neighbour and self.load <= QUIET


def calibrate(
    path: Path,
    kinds: Sequence[str],
    *,
    budget: float,
    tolerance: float,
    effects: Sequence[float] = EFFECTS,
    neighbour: bool = False,
    progress: Callable[[str], None] = lambda line: None,
    rng: random.Random | None = None,
) -> None:
    """Run one suite for each of ``kinds``, and append what it found to ``path``.

    Raises:
        CannotSetUp: the gate cannot be run here.
        CannotWrite: ``path`` cannot be written to.
    """
    rng = rng or random.Random()
    for number, kind in enumerate(kinds, 1):
        drawn = lots(effects, rng) if kind == "slowed" else {}
        label = f"suite {number} of {len(kinds)}, {kind}: "
        with tempfile.TemporaryDirectory(prefix="steelyard-calibration-") as folder:
            project = make_repository(Path(folder), drawn)
            before, began = own_and_all_cpu(), time.monotonic()
            # A cache of its own: compiling belongs to what a gate takes.
            with cache_in(Path(folder) / "cache"), burning(neighbour):
                judgement = compare(
                    project,
                    "base",
                    "head",
                    Options(patterns=CELLS, budget=budget, tolerance=tolerance, all=True, profiles=False),
                    partial(prefixed, progress, label),
                )
            load = others_share(before, own_and_all_cpu(), time.monotonic() - began)
        if judgement.interrupted:
            raise KeyboardInterrupt
        append(
            path,
            Suite.from_judgement(judgement, kind, drawn, neighbour=neighbour, load=load, tolerance=tolerance),
        )


def mixed(same: int, slowed: int) -> list[str]:
    """The kinds of so many suites of the same code and so many with slowed cells, evenly mixed."""
    whole = max(1, same + slowed)
    return [
        "slowed" if (i + 1) * slowed // whole > i * slowed // whole else "same" for i in range(same + slowed)
    ]


def prefixed(progress: Callable[[str], None], label: str, line: str) -> None:
    """Tell what goes on, and in which suite."""
    progress(label + line)


def lots(effects: Sequence[float], rng: random.Random) -> dict[str, float]:
    """Which cells do how much more work: two of each effect, the rest nothing, drawn by lot."""
    cells = rng.sample(CELLS, len(CELLS))
    return dict(zip(cells, [effect for effect in effects for _ in range(8 // len(effects))], strict=False))


def make_repository(folder: Path, effects: dict[str, float]) -> Project:
    """A git repository with the kernels as tag ``base``, and as tag ``head`` with more rounds in some."""
    root = folder / "repository"
    with as_file(files(__package__) / "project") as source:
        shutil.copytree(source, root, ignore=shutil.ignore_patterns("__pycache__"))
    git(root, "init", "--quiet")
    commit(root, "base")
    if effects:
        for cell in CELLS:
            path = kernel_file(root, cell)
            # A comment for Cython: where its compiler puts the machine code would be a difference for good.
            more = UNUSED if path.suffix == ".py" else "  # head"
            changed = with_rounds(path.read_text("utf-8"), effects.get(cell, 0.0), more)
            path.write_text(changed, "utf-8")
        commit(root, "head")
    else:
        git(root, "tag", "head")
    return Project.find(root)


def kernel_file(root: Path, cell: str) -> Path:
    """The file that holds a cell's kernel."""
    workload, backend, *_ = cell.split("/")
    suffix = ".pyx" if backend == "cython" else ".py"
    return root / "kernels" / workload / f"{workload}_{backend}{suffix}"


def with_rounds(source: str, effect: float, more: str) -> str:
    """A kernel's source that does a share ``effect`` more rounds, and has some text more in any case."""
    rounds = round(ROUNDS * (1 + effect))
    changed, count = re.subn(rf"^ROUNDS = {ROUNDS}$", f"ROUNDS = {rounds}{more}", source, flags=re.MULTILINE)
    if count != 1 or not math.isclose(rounds, ROUNDS * (1 + effect)):
        raise SteelyardError(f"{effect:.3%} of {ROUNDS} rounds is no whole number")
    return changed


def git(root: Path, *arguments: str) -> None:
    """Run a git command that must succeed, whatever the user has configured."""
    plain = [
        "-c",
        "user.name=steelyard",
        "-c",
        "user.email=steelyard@localhost",
        "-c",
        "commit.gpgsign=false",
    ]
    subprocess.run(["git", *plain, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path, tag: str) -> None:
    """Commit everything, and tag it."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--no-verify", "--message", tag)
    git(root, "tag", tag)


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Compile into an empty cache."""
    before = os.environ.get("STEELYARD_CACHE")
    os.environ["STEELYARD_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["STEELYARD_CACHE"]
        else:
            os.environ["STEELYARD_CACHE"] = before


NEIGHBOUR = """
import os, random, time
parent = os.getppid()
while os.getppid() == parent:
    end = time.monotonic() + random.uniform(0.05, 2.0)
    while time.monotonic() < end:
        sum(range(1000))
    time.sleep(random.uniform(0.05, 2.0))
"""
"""Burns a core in bursts."""


@contextmanager
def burning(neighbour: bool) -> Iterator[None]:
    """Have another process burn a core in bursts, if asked for."""
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR]) if neighbour else None
    try:
        yield
    finally:
        if process:
            process.kill()
            process.wait()


def own_and_all_cpu() -> tuple[float, float]:
    """CPU seconds of this process with its ended children, and of the whole machine."""
    own = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    whole = psutil.cpu_times()
    return own, whole.user + whole.system + getattr(whole, "nice", 0.0)


def others_share(before: tuple[float, float], after: tuple[float, float], seconds: float) -> float:
    """What other processes used of all cores, between two readings of :func:`own_and_all_cpu`."""
    own, whole = after[0] - before[0], after[1] - before[1]
    return max(0.0, whole - own) / (seconds * (os.cpu_count() or 1))


def append(path: Path, suite: Suite) -> None:
    """Add a suite to the file.

    Raises:
        CannotWrite: the disk is full or the folder read-only.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(suite)) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CannotWrite(path, error) from error


def read(path: Path) -> list[Suite]:
    """The suites in the file; a line that was cut short is passed over, and none is there before the first has ended.

    Raises:
        SteelyardError: it cannot be read.
    """
    suites = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SteelyardError(f"{path}: {error.strerror}") from None
    for line in lines:
        try:
            suites.append(Suite.from_json(line))
        except (ValueError, KeyError, TypeError):
            continue
    return suites


def summary(suites: Sequence[Suite]) -> str:
    """What the suites have shown, in words and counts with exact binomial intervals."""
    if not suites:
        return "no suite has ended yet"
    paragraphs = []
    for title, chosen in (
        ("on a quiet machine", [suite for suite in suites if suite.quiet]),
        ("with another process burning a core in bursts", [suite for suite in suites if suite.neighbour]),
        ("while other work went on", [suite for suite in suites if not suite.quiet and not suite.neighbour]),
    ):
        for budget, tolerance in sorted({(suite.budget, suite.tolerance) for suite in chosen}):
            same_conditions = [
                suite for suite in chosen if (suite.budget, suite.tolerance) == (budget, tolerance)
            ]
            paragraphs.append(
                "\n".join(
                    [
                        f"{title}, budget {budget:g} s, tolerance {100 * tolerance:g} %",
                        *lines_of(same_conditions),
                    ]
                )
            )
    return "\n\n".join(paragraphs)


def lines_of(suites: Sequence[Suite]) -> Iterator[str]:
    """The figures of suites that were measured under the same conditions."""
    kinds = {kind: [suite for suite in suites if suite.kind == kind] for kind in ("same", "slowed")}
    took = [suite.seconds for suite in suites]
    yield (
        f"  suites of the same code: {len(kinds['same'])}; with slowed cells: {len(kinds['slowed'])}; "
        f"{sum(took) / len(took):.0f} s each on average, {max(took):.0f} s at most"
    )
    alarm = (Verdict.SLOWER, Verdict.FASTER)
    if kinds["same"]:
        alarmed = sum(any(cell.verdict in alarm for cell in suite.cells) for suite in kinds["same"])
        yield f"  suites of the same code with a false alarm: {share_of(alarmed, len(kinds['same']))}"
    cells = [cell for suite in suites for cell in suite.cells]
    for effect in sorted({cell.effect for cell in cells}):
        here = [cell for cell in cells if cell.effect == effect]
        counts = {word: sum(cell.verdict == word for cell in here) for word in Verdict}
        failed = len(here) - sum(counts.values())
        name = "same code" if effect == 0 else f"+{100 * effect:g} %"
        yield f"  {name}:" + (f" ({failed} could not be judged)" if failed else "")
        for word, count in counts.items():
            yield f"    {word:<10} {share_of(count, len(here))}"
        with_interval = [cell for cell in here if cell.low is not None and cell.high is not None]
        covered = sum(cell.low <= 1 + effect <= cell.high for cell in with_interval)  # type: ignore[operator]
        yield f"    interval holds the nominal ratio: {share_of(covered, len(with_interval))}"


def share_of(count: int, whole: int) -> str:
    """``3 of 720 (0.4 %, 0.1 to 1.2 %)``: with the exact binomial interval of 95 % (Clopper & Pearson 1934)."""
    if not whole:
        return "0 of 0"
    from scipy import stats

    interval = stats.binomtest(count, whole).proportion_ci(0.95, method="exact")
    return f"{count} of {whole} ({100 * count / whole:.1f} %, {100 * interval.low:.1f} to {100 * interval.high:.1f} %)"


def true_ratios(effect: float = 0.10, seconds: float = 4.0) -> dict[str, float]:
    """For each cell the ratio of CPU time that a share ``effect`` more rounds really costs, measured in one process.

    Calls of both revisions alternate; the lower half of either's CPU times is averaged. What a call costs beside
    its rounds makes it a little less than 1 + effect.
    """
    with tempfile.TemporaryDirectory(prefix="steelyard-calibration-") as folder:
        project = make_repository(Path(folder), dict.fromkeys(CELLS, effect))
        head = project.root
        base = Path(folder) / "base"
        git(head, "worktree", "add", "--quiet", str(base), "base")
        return {cell: cpu_ratio(base, head, cell, seconds) for cell in CELLS}


def cpu_ratio(base: Path, head: Path, cell: str, seconds: float) -> float:
    """Head's CPU time over base's for one cell, its calls alternating."""
    from steelyard.registry import Registry

    calls = []
    for root in (base, head):
        registry = Registry(Project.find(root))
        found = registry.cell(cell)
        kernel = registry.load(found.variant)
        arguments = kernel.arguments(registry.inputs(found.variant.workload, found.size))
        kernel.function(*arguments)
        calls.append((kernel.function, arguments))
    taken: tuple[list[float], list[float]] = ([], [])
    count = 1
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(taken[0]) < 10:
        for (function, arguments), times in zip(calls, taken, strict=True):
            start = time.process_time()
            for _ in range(count):
                function(*arguments)
            times.append((time.process_time() - start) / count)
        if count * taken[0][-1] < 2e-3:  # blocks too short for the clock do not count
            count *= 2
            taken[0].clear()
            taken[1].clear()
    halves = [sorted(times)[: len(times) // 2] for times in taken]
    return (sum(halves[1]) / len(halves[1])) / (sum(halves[0]) / len(halves[0]))
