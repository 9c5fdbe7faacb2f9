from AlgorithmImports import *
from sklearn.ensemble import GradientBoostingRegressor
import numpy as np

class RegressionAlgorithm(QCAlgorithm):
    """Gradient boosting predicts the size of tomorrow's return; small ones are not worth an order."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = GradientBoostingRegressor(n_estimators=100, random_state=42)
        self.is_trained = False
        self.lookback = 20

        self.Schedule.On(
            self.DateRules.MonthStart(self.symbol),
            self.TimeRules.AfterMarketOpen(self.symbol, 30),
            self.TrainModel
        )

    def TrainModel(self):
        # Prepare data
        history = self.History(self.symbol, 252 + self.lookback, Resolution.Daily)
        if len(history) < 100:
            return
        X, y = self.PrepareData(history)

        # y is continuous (next day return)
        self.model.fit(X, y)
        self.is_trained = True
        self.Log(f"Model trained, R2: {self.model.score(X, y):.4f}")

    def PrepareData(self, history):
        """Return the features of each day and the return of the next."""
        closes = history['close'].unstack(level=0).values.flatten()
        X, y = [], []
        for i in range(self.lookback, len(closes) - 1):
            X.append(self.Features(closes[i - self.lookback:i + 1]))
            y.append(closes[i + 1] / closes[i] - 1)
        return np.array(X), np.array(y)

    def Features(self, closes):
        """Return the last five returns, the volatility, and the return of the whole period."""
        returns = np.diff(closes) / closes[:-1]
        return [*returns[-5:], returns.std(), closes[-1] / closes[0] - 1]

    def OnData(self, data):
        if not self.is_trained or not data.Bars.ContainsKey(self.symbol):
            return

        # Predict expected return
        history = self.History(self.symbol, self.lookback + 1, Resolution.Daily)
        closes = history['close'].unstack(level=0).values.flatten()
        predicted_return = self.model.predict([self.Features(closes)])[0]

        # Trade based on predicted return
        if predicted_return > 0.005:  # > 0.5% expected return
            if not self.Portfolio[self.symbol].Invested:
                self.SetHoldings(self.symbol, 0.95, False, f"predicted {predicted_return:.6f}")
        elif predicted_return < -0.005:
            if self.Portfolio[self.symbol].Invested:
                self.Liquidate(self.symbol, f"predicted {predicted_return:.6f}")
