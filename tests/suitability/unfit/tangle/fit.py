import config
import train

state = 8.5


def step(value):
    config.state += value * 0.1
    return train.step(value + state) if value < 30 else value
