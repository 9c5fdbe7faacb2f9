from AlgorithmImports import *
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
import numpy as np

class SVMAlgorithm(QCAlgorithm):
    """A support vector machine says whether tomorrow is an up day; it is trained anew each month."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol

        # SVM with RBF kernel. From scikit-learn 1.11 on: CalibratedClassifierCV(SVC(), ensemble=False)
        self.model = SVC(kernel='rbf', C=1.0, probability=True, random_state=42)
        # Or linear SVM
        # self.model = SVC(kernel='linear', probability=True)
        self.scaler = StandardScaler()
        self.is_trained = False

        self.lookback = 20
        self.training_period = 252

        self.Schedule.On(
            self.DateRules.MonthStart(self.symbol),
            self.TimeRules.AfterMarketOpen(self.symbol, 30),
            self.TrainModel
        )

    def TrainModel(self):
        """Train on the last year of daily closes."""
        history = self.History(self.symbol, self.training_period + self.lookback, Resolution.Daily)
        if history.empty:
            return

        X, y = self.PrepareData(history)
        if len(X) < 50 or len(set(y)) < 2:
            return

        X_scaled = self.scaler.fit_transform(X)
        self.model.fit(X_scaled, y)
        self.is_trained = True
        self.Log(f"Model trained with accuracy: {self.model.score(X_scaled, y):.2%}")

    def PrepareData(self, history):
        """Return the features of each day and whether the next day rose."""
        closes = history['close'].unstack(level=0).values.flatten()
        X, y = [], []
        for i in range(self.lookback, len(closes) - 1):
            X.append(self.Features(closes[i - self.lookback:i + 1]))
            y.append(1 if closes[i + 1] > closes[i] else 0)
        return np.array(X), np.array(y)

    def Features(self, closes):
        """Return the features of the last day of some closes."""
        returns = np.diff(closes) / closes[:-1]
        return [
            returns[-1],                  # Last return
            returns.mean(),               # Mean return
            returns.std(),                # Volatility
            returns[-5:].mean(),          # 5-day momentum
            closes[-1] / closes[0] - 1,   # Period return
        ]

    def OnData(self, data):
        if not self.is_trained or not data.Bars.ContainsKey(self.symbol):
            return

        history = self.History(self.symbol, self.lookback + 1, Resolution.Daily)
        closes = history['close'].unstack(level=0).values.flatten()
        feature_scaled = self.scaler.transform([self.Features(closes)])
        prediction = self.model.predict(feature_scaled)[0]
        up = self.model.predict_proba(feature_scaled)[0][1]

        if prediction == 1 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {prediction}, probability {up:.6f}")
        elif prediction == 0 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {prediction}, probability {up:.6f}")
