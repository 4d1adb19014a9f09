import train

train.train()
