"""A model that is several: each query goes to the one whose answers to its like earned most.

`fit` learns from a table of outcomes, `save` and `load` keep what it learned, `Router` answers
with it as any other model does.
"""

from metaloop.models.router.evaluate import Evaluation, evaluate
from metaloop.models.router.file import load, save
from metaloop.models.router.fit import Fitted, fit
from metaloop.models.router.policy import Decision, Evidence, Policy
from metaloop.models.router.table import Row, Table, load_table

__all__ = [
    "Decision",
    "Evaluation",
    "Evidence",
    "Fitted",
    "Policy",
    "Row",
    "Table",
    "evaluate",
    "fit",
    "load",
    "load_table",
    "save",
]
