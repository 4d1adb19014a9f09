"""Who thinks: models by name, recorded, metered and seated in roles.

Importing this package is cheap; provider libraries and native code load with the first call.
"""

from metaloop.models.base import (
    Completion,
    Model,
    ModelError,
    ModelUnavailable,
    Request,
    Role,
)
from metaloop.models.cassette import Cassette
from metaloop.models.ledger import Budget, BudgetReached, Ledger, Metered, Usage
from metaloop.models.recorder import Call, CallStore, Recorded, ReplayMiss
from metaloop.models.reference import Reference, connect
from metaloop.models.roles import Roles
from metaloop.models.testing import ScriptedModel

__all__ = [
    "Budget",
    "BudgetReached",
    "Call",
    "CallStore",
    "Cassette",
    "Completion",
    "Ledger",
    "Metered",
    "Model",
    "ModelError",
    "ModelUnavailable",
    "Recorded",
    "Reference",
    "ReplayMiss",
    "Request",
    "Role",
    "Roles",
    "ScriptedModel",
    "Usage",
    "connect",
]
