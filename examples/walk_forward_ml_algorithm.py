from AlgorithmImports import *
from sklearn.linear_model import LogisticRegression
import numpy as np

class WalkForwardMLAlgorithm(QCAlgorithm):
    """Retrains each month on the twelve months before it: no prediction sees a day that it was trained on."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.training_months = 12
        self.model = LogisticRegression(C=1000.0, random_state=42)
        self.trained_until = None

        # Monthly
        self.Schedule.On(
            self.DateRules.MonthStart(self.symbol),
            self.TimeRules.AfterMarketOpen(self.symbol, 30),
            self.RetrainModel
        )

    def RetrainModel(self):
        """Walk-forward retraining."""
        # Use last N months for training
        history = self.History(
            self.symbol,
            self.training_months * 21,  # ~21 trading days per month
            Resolution.Daily
        )
        if len(history) < self.training_months * 21:
            return

        X, y = self.PrepareData(history)

        # Train on rolling window
        self.model.fit(X, y)
        self.trained_until = history.index.get_level_values('time')[-1]
        self.Log(f"Model trained at {self.Time}, on data until {self.trained_until}")

    def PrepareData(self, history):
        """Return three returns up to each day, in percent, and whether the next day rose."""
        closes = history['close'].unstack(level=0).values.flatten()
        returns = 100 * np.diff(closes) / closes[:-1]
        X = np.array([returns[i - 2:i + 1] for i in range(2, len(returns) - 1)])
        return X, (returns[3:] > 0).astype(int)

    def OnData(self, data):
        if self.trained_until is None or not data.Bars.ContainsKey(self.symbol):
            return

        closes = self.History(self.symbol, 4, Resolution.Daily)['close'].values
        returns = 100 * np.diff(closes) / closes[:-1]
        up = self.model.predict_proba([returns])[0][1]

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.6f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.6f}")
