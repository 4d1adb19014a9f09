import mix
import split

state = 3.5


def step(value):
    mix.state += value * 0.1
    return split.step(value + state) if value < 30 else value
