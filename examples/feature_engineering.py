from AlgorithmImports import *
from sklearn.ensemble import RandomForestClassifier

class FeatureEngineeringAlgorithm(QCAlgorithm):
    """Returns, volatility, averages, RSI, MACD and Bollinger position as a forest's features."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = None

        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def CalculateFeatures(self, history):
        """Calculate technical features."""
        df = history['close'].unstack(level=0)
        symbol_col = df.columns[0]

        features = pd.DataFrame(index=df.index)

        # Price-based
        features['return_1d'] = df[symbol_col].pct_change(1)
        features['return_5d'] = df[symbol_col].pct_change(5)
        features['return_20d'] = df[symbol_col].pct_change(20)

        # Volatility
        features['volatility_5d'] = features['return_1d'].rolling(5).std()
        features['volatility_20d'] = features['return_1d'].rolling(20).std()

        # Moving averages
        features['sma_ratio'] = df[symbol_col].rolling(5).mean() / df[symbol_col].rolling(20).mean()

        # RSI
        delta = df[symbol_col].diff()
        gain = (delta.where(delta > 0, 0)).rolling(14).mean()
        loss = (-delta.where(delta < 0, 0)).rolling(14).mean()
        rs = gain / loss
        features['rsi'] = 100 - (100 / (1 + rs))

        # MACD
        ema12 = df[symbol_col].ewm(span=12).mean()
        ema26 = df[symbol_col].ewm(span=26).mean()
        features['macd'] = ema12 - ema26

        # Bollinger Band position
        sma20 = df[symbol_col].rolling(20).mean()
        std20 = df[symbol_col].rolling(20).std()
        features['bb_position'] = (df[symbol_col] - sma20) / (2 * std20)

        return features.dropna()

    def TrainModel(self):
        history = self.History(self.symbol, 300, Resolution.Daily)
        if len(history) < 100:
            return
        features = self.CalculateFeatures(history)
        closes = history['close'].unstack(level=0).iloc[:, 0]
        next_return = closes.pct_change().shift(-1).reindex(features.index)

        # The newest day has no next day yet
        X, y = features.iloc[:-1], (next_return.iloc[:-1] > 0).astype(int)
        model = RandomForestClassifier(n_estimators=30, max_depth=4, random_state=42, n_jobs=1).fit(X, y)
        self.model = model
        best = X.columns[model.feature_importances_.argmax()]
        self.Log(f"Model trained on {X.shape[1]} features of {X.shape[0]} days; {best} counts most")

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return

        # As many bars as in training: averages that are weighted exponentially depend on where they start
        features = self.CalculateFeatures(self.History(self.symbol, 300, Resolution.Daily))
        up = self.model.predict_proba(features.iloc[-1:])[0][1]

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.6f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.6f}")
