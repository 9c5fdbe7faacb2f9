from AlgorithmImports import *
import tensorflow as tf
from tensorflow import keras
import numpy as np

# One thread each: trading needs the other cores, and the order of sums stays the same
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

class CNNAlgorithm(QCAlgorithm):
    """A convolutional network looks for patterns in the last twenty returns; trained at the start and monthly."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol

        self.sequence_length = 20
        self.model = None

        self.Train(self.TrainModel)
        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def BuildCNNModel(self):
        """Build CNN for pattern recognition."""
        model = keras.Sequential([
            keras.layers.Conv1D(32, 3, activation='relu',
                              input_shape=(self.sequence_length, 1)),
            keras.layers.MaxPooling1D(2),
            keras.layers.Conv1D(64, 3, activation='relu'),
            keras.layers.MaxPooling1D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(50, activation='relu'),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1, activation='sigmoid')
        ])

        model.compile(optimizer='adam', loss='binary_crossentropy')
        return model

    def TrainModel(self):
        history = self.History(self.symbol, 500, Resolution.Daily)
        if len(history) < 100:
            return
        prices = history['close'].unstack(level=0).values.flatten()
        returns = 100 * np.diff(prices) / prices[:-1]  # In percent: networks learn little from tiny numbers
        days = range(self.sequence_length, len(returns))
        X = np.array([returns[i-self.sequence_length:i].reshape(-1, 1) for i in days])
        y = np.array([1 if returns[i] > 0 else 0 for i in days])

        keras.utils.set_random_seed(42)
        model = self.BuildCNNModel()
        model.fit(X, y, epochs=20, batch_size=32, verbose=0)
        loss = model.evaluate(X, y, verbose=0)

        # Training runs beside OnData: the finished model takes the place of the old one at once
        self.model = model
        self.Log(f"Model trained with loss: {loss:.4f}")

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return

        history = self.History(self.symbol, self.sequence_length + 1, Resolution.Daily)
        prices = history['close'].unstack(level=0).values.flatten()
        returns = 100 * np.diff(prices) / prices[:-1]
        up = self.model.predict(returns.reshape(1, -1, 1), verbose=0)[0][0]

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.5f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.5f}")
