import json
from pathlib import Path

import clean
import config

state = 10.5


def step(value):
    clean.state += value * 0.1
    return config.step(value + state) if value < 30 else value


def save(value):
    Path("out/value.json").write_text(json.dumps(value + config.state))
