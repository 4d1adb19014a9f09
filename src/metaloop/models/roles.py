"""Which model fills which role."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast, get_args

from metaloop.models.base import Model, Role
from metaloop.models.reference import Reference, connect, members

ROLES: tuple[Role, ...] = get_args(Role)
"""All roles. The proposer is filled by the inner model, every other by the outer one."""


class Roles(Mapping[Role, Model]):
    """The model of every role: one connection per distinct reference, shared by its roles.

    `inner`, `outer` and the values of `overrides` are references (`provider:name[@URL]`) or
    models. `wrap` is applied once to each distinct model: recording, metering.

    Raises ValueError for an unknown role or a bad reference.
    """

    def __init__(
        self,
        inner: str | Model,
        outer: str | Model,
        overrides: Mapping[str, str | Model] | None = None,
        *,
        wrap: Callable[[Model], Model] = lambda model: model,
    ) -> None:
        overrides = overrides or {}
        if unknown := sorted(set(overrides) - set(ROLES)):
            raise ValueError(f"no such role: {', '.join(unknown)}; roles are {', '.join(ROLES)}")
        chosen: dict[Role, str | Model] = dict.fromkeys(ROLES, outer) | {"proposer": inner}
        chosen |= {cast(Role, role): model for role, model in overrides.items()}
        # Distinct references connect once, distinct objects (no two alike) wrap once.
        wrapped: dict[str | int, Model] = {}
        self._models: dict[Role, Model] = {}
        for role, model in chosen.items():
            key = model if isinstance(model, str) else id(model)
            if key not in wrapped:
                wrapped[key] = wrap(connect(model) if isinstance(model, str) else model)
            self._models[role] = wrapped[key]
        self.references = {role: m for role, m in chosen.items() if isinstance(m, str)}
        """Role -> reference, for those roles whose model was given by name."""

    def __getitem__(self, role: Role) -> Model:
        return self._models[role]

    def __iter__(self) -> Iterator[Role]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def missing(self) -> list[str]:
        """What the user must do before all models can answer (keys, weights); empty when ready."""
        named = (ref for name in self.references.values() for ref in members(name))
        parsed = (Reference.parse(ref) for ref in dict.fromkeys(named))
        return [mend for reference in parsed if (mend := reference.missing())]
