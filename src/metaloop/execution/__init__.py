"""Where untrusted code runs."""

from metaloop.execution.job import Ending, Job, Outcome, Sandbox, SandboxError
from metaloop.execution.sandbox import find_sandbox

__all__ = ["Ending", "Job", "Outcome", "Sandbox", "SandboxError", "find_sandbox"]
