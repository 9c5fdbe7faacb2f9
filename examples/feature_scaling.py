from AlgorithmImports import *
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler, MinMaxScaler
import numpy as np

class FeatureScalingAlgorithm(QCAlgorithm):
    """Fits the scaler on what the model is trained on, and uses the same one for predictions.

    The parameter `scaler` picks "standard" (mean 0, deviation 1) or "minmax" (0 to 1, for neural networks).
    """

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.scaler = StandardScaler()
        # Or MinMaxScaler for neural networks
        if self.GetParameter("scaler", "standard") == "minmax":
            self.scaler = MinMaxScaler()
        self.model = KNeighborsClassifier(n_neighbors=15)
        self.is_trained = False

        self.Schedule.On(
            self.DateRules.MonthStart(self.symbol),
            self.TimeRules.AfterMarketOpen(self.symbol, 30),
            self.TrainModel
        )

    def TrainModel(self):
        history = self.History(self.symbol, 272, Resolution.Daily)
        if len(history) < 100:
            return
        X, y = self.PrepareData(history)

        # Fit scaler on training data
        X_scaled = self.scaler.fit_transform(X)
        self.model.fit(X_scaled, y)
        self.is_trained = True
        self.Log(f"Model trained, {type(self.scaler).__name__}: features from {X_scaled.min():.2f} to {X_scaled.max():.2f}")

    def Predict(self, features):
        # Use same scaler for prediction
        features_scaled = self.scaler.transform(features)
        return self.model.predict_proba(features_scaled)[0][1]

    def PrepareData(self, history):
        """Return the features of each day and whether the next day rose."""
        closes = history['close'].unstack(level=0).values.flatten()
        days = range(20, len(closes) - 1)
        return np.array([self.Features(closes[i - 20:i + 1]) for i in days]), np.array(
            [1 if closes[i + 1] > closes[i] else 0 for i in days]
        )

    def Features(self, closes):
        """Return features of very different size: a return, a volatility, and dollars a day."""
        returns = np.diff(closes) / closes[:-1]
        return [returns[-1], returns.std(), np.mean(np.diff(closes))]

    def OnData(self, data):
        if not self.is_trained or not data.Bars.ContainsKey(self.symbol):
            return

        closes = self.History(self.symbol, 21, Resolution.Daily)['close'].values
        up = self.Predict([self.Features(closes)])

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.6f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.6f}")
