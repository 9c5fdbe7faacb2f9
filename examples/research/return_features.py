# What the notebook trains on and the algorithm predicts from: one place for both.
import numpy as np

LOOKBACK = 5


def features_of(closes):
    """The newest LOOKBACK daily returns, as one row."""
    values = np.asarray(closes, dtype=float)[-(LOOKBACK + 1):]
    return (np.diff(values) / values[:-1]).reshape(1, -1)


def training_set(closes):
    """A row of features for each day, and whether the next day closed higher."""
    values = np.asarray(closes, dtype=float)
    days = range(LOOKBACK + 1, len(values))
    X = np.vstack([features_of(values[:day]) for day in days])
    y = np.array([values[day] > values[day - 1] for day in days])
    return X, y
