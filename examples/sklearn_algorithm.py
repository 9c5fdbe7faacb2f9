from AlgorithmImports import *
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler
import numpy as np

class SKLearnAlgorithm(QCAlgorithm):

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol

        # Initialize model
        self.model = RandomForestClassifier(n_estimators=100, random_state=42)
        self.scaler = StandardScaler()
        self.is_trained = False

        # Lookback for features
        self.lookback = 20
        self.training_period = 252

        # Schedule training
        self.Schedule.On(
            self.DateRules.MonthStart(),
            self.TimeRules.AfterMarketOpen(self.symbol, 30),
            self.TrainModel
        )

        # Warm up
        self.SetWarmUp(self.training_period + self.lookback)

    def TrainModel(self):
        """Train the model on historical data."""
        # Get historical data
        history = self.History(self.symbol, self.training_period + self.lookback, Resolution.Daily)

        if history.empty:
            return

        # Prepare features
        X, y = self.PrepareData(history)

        if len(X) < 50:
            return

        # Scale features
        X_scaled = self.scaler.fit_transform(X)

        # Train model
        self.model.fit(X_scaled, y)
        self.is_trained = True

        # Log training accuracy
        accuracy = self.model.score(X_scaled, y)
        self.Log(f"Model trained with accuracy: {accuracy:.2%}")

    def PrepareData(self, history):
        """Prepare features and labels."""
        df = history['close'].unstack(level=0)

        # Features: technical indicators
        features = []
        labels = []

        for i in range(self.lookback, len(df) - 1):
            window = df.iloc[i-self.lookback:i]

            # Calculate features
            returns = window.pct_change().dropna()
            feature = [
                returns.iloc[-1].values[0],      # Last return
                returns.mean().values[0],        # Mean return
                returns.std().values[0],         # Volatility
                returns.iloc[-5:].mean().values[0],  # 5-day momentum
                (window.iloc[-1] / window.iloc[0] - 1).values[0],  # Period return
            ]
            features.append(feature)

            # Label: 1 if next day return > 0
            next_return = (df.iloc[i+1] / df.iloc[i] - 1).values[0]
            labels.append(1 if next_return > 0 else 0)

        return np.array(features), np.array(labels)

    def OnData(self, data):
        if self.IsWarmingUp or not self.is_trained:
            return

        if not data.ContainsKey(self.symbol):
            return

        # Get recent data for prediction
        history = self.History(self.symbol, self.lookback + 1, Resolution.Daily)

        if history.empty:
            return

        # Prepare features for prediction
        df = history['close'].unstack(level=0)
        returns = df.pct_change().dropna()

        feature = [[
            returns.iloc[-1].values[0],
            returns.mean().values[0],
            returns.std().values[0],
            returns.iloc[-5:].mean().values[0],
            (df.iloc[-1] / df.iloc[0] - 1).values[0],
        ]]

        # Scale and predict
        feature_scaled = self.scaler.transform(feature)
        prediction = self.model.predict(feature_scaled)[0]
        probability = self.model.predict_proba(feature_scaled)[0]

        # Trade based on prediction
        if prediction == 1 and probability[1] > 0.6:
            if not self.Portfolio[self.symbol].Invested:
                self.SetHoldings(self.symbol, 0.95)
        elif prediction == 0 and probability[0] > 0.6:
            if self.Portfolio[self.symbol].Invested:
                self.Liquidate(self.symbol)
