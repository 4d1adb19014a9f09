import fit
import mix

state = 5.5


def step(value):
    fit.state += value * 0.1
    return mix.step(value + state) if value < 30 else value
