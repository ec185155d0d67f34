"""Which versions of which libraries are installed, without importing any of them."""

from __future__ import annotations

import importlib.metadata


def installed(distributions: tuple[str, ...]) -> dict[str, str]:
    """The versions of those distributions that are installed."""
    versions = {}
    for name in distributions:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
