"""What is true whatever comes: random orders, faults, losses and lags, judged by a model of a few lines.

model.py                      who may be where, by the newest orders alone
cloud.py                      who may be where, by what AWS has
house.py                      a connector in this process: takes what is due, runs step after step
machine.py                    what may happen, and what must be true after it
test_who_may_be_where.py      runs the machine
"""
