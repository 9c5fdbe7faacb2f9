from AlgorithmImports import *
import tensorflow as tf
from tensorflow import keras
import numpy as np

# One thread each: trading needs the other cores, and the order of sums stays the same
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

class LSTMAlgorithm(QCAlgorithm):
    """A recurrent network reads the last twenty returns; each month a new one takes the place of the old."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol

        self.sequence_length = 20
        self.model = None

        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def BuildLSTMModel(self):
        """Build LSTM model for sequence prediction."""
        model = keras.Sequential([
            keras.layers.LSTM(50, return_sequences=True,
                            input_shape=(self.sequence_length, 1)),
            keras.layers.Dropout(0.2),
            keras.layers.LSTM(50, return_sequences=False),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(25),
            keras.layers.Dense(1, activation='sigmoid')
        ])

        model.compile(
            optimizer='adam',
            loss='binary_crossentropy',
            metrics=['accuracy']
        )

        return model

    def PrepareSequenceData(self, history):
        """Prepare sequence data for LSTM."""
        prices = history['close'].unstack(level=0).values.flatten()
        returns = 100 * np.diff(prices) / prices[:-1]  # In percent: networks learn little from tiny numbers

        X, y = [], []
        for i in range(self.sequence_length, len(returns)):
            X.append(returns[i-self.sequence_length:i].reshape(-1, 1))
            y.append(1 if returns[i] > 0 else 0)

        return np.array(X), np.array(y)

    def TrainModel(self):
        history = self.History(self.symbol, 300, Resolution.Daily)
        if len(history) < 100:
            return
        X, y = self.PrepareSequenceData(history)

        keras.utils.set_random_seed(42)
        model = self.BuildLSTMModel()
        model.fit(X, y, epochs=self.GetParameter("epochs", 20), batch_size=32, verbose=0)
        loss, accuracy = model.evaluate(X, y, verbose=0)

        # Training runs beside OnData: the finished model takes the place of the old one at once
        self.model = model
        self.Log(f"Model trained with accuracy: {accuracy:.2%}")

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return

        history = self.History(self.symbol, self.sequence_length + 1, Resolution.Daily)
        prices = history['close'].unstack(level=0).values.flatten()
        returns = 100 * np.diff(prices) / prices[:-1]
        up = self.model.predict(returns.reshape(1, -1, 1), verbose=0)[0][0]

        if up > 0.55 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.5f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.5f}")
