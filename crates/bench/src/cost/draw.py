"""Draws 12 panels of SAMPLES values, REPEAT times; writes the seconds that each time took."""

import sys
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy

samples, repeat = int(sys.argv[1]), int(sys.argv[2])
times = numpy.arange(samples, dtype=float)
chance = numpy.random.default_rng(1)
series = [
    numpy.clip(numpy.cumsum(chance.uniform(-0.02, 0.02, samples)) + 0.5, 0, None)
    for _ in range(12)
]
with open(sys.argv[3], "w") as said:
    for _ in range(repeat):
        start = time.perf_counter()
        figure, axes = plt.subplots(6, 2, figsize=(12, 14), dpi=100)
        for axis, values in zip(axes.flat, series):
            axis.plot(times, values)
        figure.savefig(sys.argv[4])
        plt.close(figure)
        print(time.perf_counter() - start, file=said)
