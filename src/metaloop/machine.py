"""What the figures of a run may depend on, beyond task, models and settings."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Versions, processor, and which source of metaloop itself."""
    return {
        "metaloop": version("metaloop"),
        "source": _SOURCE,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
    }


def source(package: Path) -> str:
    """A digest of the Python files of `package`: one version number stands for many commits, and
    an installed copy does not know its own."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


_SOURCE = source(Path(__file__).parent)  # of what was imported: files may change in a long study
