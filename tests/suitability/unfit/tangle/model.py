import fit
import write

state = 7.5


def step(value):
    write.state += value * 0.1
    return fit.step(value + state) if value < 30 else value
