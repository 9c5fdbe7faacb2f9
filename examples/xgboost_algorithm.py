from AlgorithmImports import *
import numpy as np
import xgboost

class XGBoostAlgorithm(QCAlgorithm):
    """Boosted trees over five returns and a volatility, trained anew each month."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = None

        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def Features(self, returns):
        """Return what a model sees of ten returns."""
        return [*returns[-5:], returns.std()]

    def TrainModel(self):
        history = self.History(self.symbol, 300, Resolution.Daily)
        if len(history) < 100:
            return
        closes = history['close'].unstack(level=0).values.flatten()
        returns = np.diff(closes) / closes[:-1]
        X = np.array([self.Features(returns[i - 9:i + 1]) for i in range(9, len(returns) - 1)])
        y = (returns[10:] > 0).astype(int)

        # One thread: trading needs the other cores
        model = xgboost.XGBClassifier(n_estimators=40, max_depth=3, n_jobs=1, random_state=42)
        model.fit(X, y)
        self.model = model
        self.Log(f"Model trained with accuracy: {model.score(X, y):.2%}")

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return

        closes = self.History(self.symbol, 11, Resolution.Daily)['close'].values
        returns = np.diff(closes) / closes[:-1]
        up = self.model.predict_proba(np.array([self.Features(returns)]))[0][1]

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.5f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.5f}")
