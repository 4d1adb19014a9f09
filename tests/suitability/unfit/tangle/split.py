import model
import scale

state = 4.5


def step(value):
    model.state += value * 0.1
    return scale.step(value + state) if value < 30 else value
