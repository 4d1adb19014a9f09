import clean
import scale

state = 2.5


def step(value):
    scale.state += value * 0.1
    return clean.step(value + state) if value < 30 else value
