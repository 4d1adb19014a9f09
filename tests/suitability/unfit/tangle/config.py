import load
import split

state = 1.5


def step(value):
    split.state += value * 0.1
    return load.step(value + state) if value < 30 else value
