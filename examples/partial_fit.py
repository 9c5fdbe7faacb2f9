from AlgorithmImports import *
from sklearn.linear_model import SGDClassifier
import numpy as np

class PartialFitAlgorithm(QCAlgorithm):
    """Learns from a long history in chunks, so that only one of them is prepared at a time."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = None

        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def TrainModel(self):
        # Process data in chunks
        chunk_size = 1000
        model = SGDClassifier(loss='log_loss', random_state=42)

        history = self.History(self.symbol, 5000, Resolution.Daily)
        chunks = 0

        for i in range(0, len(history), chunk_size):
            chunk = history.iloc[i:i+chunk_size]
            if len(chunk) < 10:
                continue
            X, y = self.PrepareData(chunk)

            # Partial fit for incremental learning
            model.partial_fit(X, y, classes=[0, 1])
            chunks += 1

        if chunks:
            self.model = model
            self.Log(f"Model trained on {len(history)} bars in {chunks} chunks")

    def PrepareData(self, history):
        """Return three returns up to each day, in percent, and whether the next day rose."""
        closes = history['close'].unstack(level=0).values.flatten()
        returns = 100 * np.diff(closes) / closes[:-1]
        X = np.array([returns[i - 2:i + 1] for i in range(2, len(returns) - 1)])
        return X, (returns[3:] > 0).astype(int)

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return

        closes = self.History(self.symbol, 4, Resolution.Daily)['close'].values
        up = self.model.predict_proba([100 * np.diff(closes) / closes[:-1]])[0][1]

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.6f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.6f}")
