"""Run files and journals made up for tests."""

import json


def benchmark(cell="double/numpy/arrays/small", data=(1e-6, 2e-6)):
    workload, backend, variant, size = cell.split("/")
    names = {
        "cell": cell,
        "workload": workload,
        "backend": backend,
        "variant": variant,
        "size": size,
        "work": 8,
    }
    return {"extra_info": names, "stats": {"data": list(data), "iterations": 10}}


def header(id="20260101T000000-1", **ours):
    return {
        "machine_info": {},
        "commit_info": {"id": "abc"},
        "datetime": "2026-01-01T00:00:00+00:00",
        "steelyard": {
            "format": 1,
            "id": id,
            "started": "2026-01-01T00:00:00+00:00",
            "machine": {"cpu": "made up"},
            "state": {},
            "titles": {"double": "Doubling"},
            "missing": [],
            "warnings": [],
            **ours,
        },
    }


def write_run(path, **ours):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**header(**ours), "benchmarks": [benchmark()]}))
    return path
