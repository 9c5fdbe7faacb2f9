from AlgorithmImports import *
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier
import numpy as np

class CrossValidationAlgorithm(QCAlgorithm):
    """Logs what five folds say of a model before it is trained on all of them."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = DecisionTreeClassifier(max_depth=3, random_state=42)
        self.is_trained = False

        self.Schedule.On(
            self.DateRules.MonthStart(self.symbol),
            self.TimeRules.AfterMarketOpen(self.symbol, 30),
            self.TrainModel
        )

    def TrainModel(self):
        history = self.History(self.symbol, 253, Resolution.Daily)
        if len(history) < 100:
            return
        X, y = self.PrepareData(history)

        # Use cross-validation
        scores = cross_val_score(self.model, X, y, cv=5)
        self.Log(f"CV Score: {scores.mean():.2%} (+/- {scores.std():.2%})")

        # Train on full data
        self.model.fit(X, y)
        self.is_trained = True
        self.Log(f"Model trained with accuracy: {self.model.score(X, y):.2%}")

    def PrepareData(self, history):
        """Return three returns up to each day and whether the next day rose."""
        closes = history['close'].unstack(level=0).values.flatten()
        returns = np.diff(closes) / closes[:-1]
        X = np.array([returns[i - 2:i + 1] for i in range(2, len(returns) - 1)])
        return X, (returns[3:] > 0).astype(int)

    def OnData(self, data):
        if not self.is_trained or not data.Bars.ContainsKey(self.symbol):
            return

        closes = self.History(self.symbol, 4, Resolution.Daily)['close'].values
        up = self.model.predict_proba([np.diff(closes) / closes[:-1]])[0][1]

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.6f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.6f}")
