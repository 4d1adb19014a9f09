"""The arms of a study: what each one switches on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from metaloop.inner.settings import Control
from metaloop.mechanism.builtin import BUILTINS


@dataclass(frozen=True)
class Arm:
    """One treatment: settings of a run, and which of the two loops asks a model."""

    asks: Literal["both", "inner", "none"]
    levels: str = "1"
    control: Control = "none"
    first: tuple[str, ...] = ()


ARMS = {
    "A": Arm("inner"),
    "B": Arm("both", "1,1.5"),
    "C": Arm("both", "1,1.5,2"),
    "D": Arm("both", "1,2"),
    "restart": Arm("inner", control="restart"),
    "placebo": Arm("both", "1,1.5,2", control="placebo"),
    "no-llm": Arm("none", first=tuple(BUILTINS)),
    "random": Arm("none", first=("random_search",)),
    "tpe": Arm("none", first=("tpe",)),
    "cma-es": Arm("none", first=("cma_es",)),
    "gp": Arm("none", first=("gp",)),
}
"""By name. `restart` restarts at the trials at which C has its outer steps. `placebo` is C with an
inert mechanism in place of each generated one. `no-llm` has all built-in mechanisms under the
arbiter, the last four each have one."""
