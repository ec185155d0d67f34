"""One place each: what is added to a project is one folder, one function, one entry."""

import json
import os
import subprocess
import sys

CONFIGURATION = """
[tool.steelyard.backends]
fractions = "fractions"

[tool.steelyard.profilers]
counter = "my_profiler:count"

[tool.steelyard.pages]
slowest = "my_page:render"
"""

PROFILER = '''
import sys
from collections import Counter

def count(subject, reports):
    """Count the events of one call."""
    events = Counter()
    sys.setprofile(lambda frame, event, argument: events.update([event]))
    subject.call()
    sys.setprofile(None)
    path = reports / "profiles" / "events.txt"
    path.write_text(str(dict(events)))
    return {"events": path}
'''

PAGE = '''
def render(run, project):
    """Name the slowest cell."""
    return "slowest: " + max(run.measurements, key=lambda m: m.time.value).cell
'''

FRACTIONS = """
import fractions
import numpy as np

__all__ = ["exact"]

def exact(x: list, s):
    return [float(fractions.Fraction(s) * fractions.Fraction(value)) for value in x]
"""


def test_one_of_each(write_project):
    """A workload, a variant, a backend, a profiler and a page, each in one place, all in one run."""
    root = write_project(
        {
            "double_fractions.py": FRACTIONS,  # a backend: an entry in the configuration, and its file
            "double_numpy.py": (  # a variant: a function and its name
                "import numpy as np\n__all__ = ['arrays', 'out']\n"
                "def arrays(x, s): return s * x\n"
                "def out(x, s): return np.multiply(x, s, out=np.empty_like(x))\n"
            ),
        },
        CONFIGURATION,
    )
    triple = root / "kernels" / "triple"  # a workload: a folder
    triple.mkdir()
    (triple / "__init__.py").write_text(
        (root / "kernels/double/__init__.py").read_text().replace("Doubl", "Tripl")
    )
    (triple / "triple_python.py").write_text((root / "kernels/double/double_python.py").read_text())
    (root / "my_profiler.py").write_text(PROFILER)
    (root / "my_page.py").write_text(PAGE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "--benchmark-max-time=0.02", "-p", "no:cacheprovider"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout
    cells = {
        entry["extra_info"]["cell"]
        for entry in json.loads((root / "reports/runs/last.json").read_text())["benchmarks"]
    }
    assert {"triple/python/loops/small", "double/numpy/out/small", "double/fractions/exact/small"} <= cells
    assert "call" in (root / "reports/profiles/events.txt").read_text()
    assert "slowest: double/fractions/exact/medium" in (root / "reports/html/slowest.html").read_text()
    assert 'href="slowest.html"' in (root / "reports/html/index.html").read_text()
