"""Tree-structured Parzen estimator (Bergstra et al., NIPS 2011), by Optuna.

It learns from all trials, whoever proposed them.
"""

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from metaloop.mechanism.api import Mechanism, Param, Params, Random, Space, Trial


class TPE(Mechanism):
    def __init__(self, space: Space, rng: Random) -> None:
        super().__init__(space, rng)
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=6, multivariate=True, seed=rng.getrandbits(32)
        )
        self.study = optuna.create_study(sampler=sampler)
        self.axes = {name: axis(param) for name, param in space.items()}
        self.told = 0

    def suggest(self, history: list[Trial]) -> Params:
        for trial in history[self.told :]:
            if trial.loss is not None:
                params = self.space.clip(trial.params)
                self.study.add_trial(
                    create_trial(params=params, distributions=self.axes, value=trial.loss)
                )
        self.told = len(history)
        asked = self.study.ask(self.axes)
        self.study.tell(asked, state=TrialState.FAIL)  # its loss comes with the history
        return asked.params


def axis(param: Param) -> BaseDistribution:
    if param.kind == "choice":
        return CategoricalDistribution(param.choices)
    if param.kind == "int":
        return IntDistribution(int(param.low), int(param.high), log=param.log)
    return FloatDistribution(param.low, param.high, log=param.log)
