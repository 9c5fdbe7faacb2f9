from AlgorithmImports import *
from sklearn.ensemble import GradientBoostingClassifier
import numpy as np
import pickle

class PicklePersistenceAlgorithm(QCAlgorithm):
    """Keeps its model in the object store: a later run trades with it from the first day.

    Whoever can write to the store can run code here when the pickle is read. `self.models` keeps models signed,
    with versions, and in formats that carry no code.
    """

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = None
        self.LoadModel()

        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def SaveModel(self, model):
        model_bytes = pickle.dumps(model)
        self.ObjectStore.SaveBytes("sklearn_model.pkl", model_bytes)

    def LoadModel(self):
        if self.ObjectStore.ContainsKey("sklearn_model.pkl"):
            model_bytes = self.ObjectStore.ReadBytes("sklearn_model.pkl")
            self.model = pickle.loads(model_bytes)
            self.Log("Model loaded from the object store")

    def TrainModel(self):
        history = self.History(self.symbol, 253, Resolution.Daily)
        if len(history) < 100:
            return
        returns = history['close'].unstack(level=0).pct_change().dropna().values.flatten()
        X = np.array([returns[i - 4:i + 1] for i in range(4, len(returns) - 1)])
        y = (returns[5:] > 0).astype(int)

        # Training runs beside OnData: the finished model takes the place of the old one at once
        model = GradientBoostingClassifier(n_estimators=30, random_state=42).fit(X, y)
        self.SaveModel(model)
        self.model = model
        self.Log(f"Model trained with accuracy: {model.score(X, y):.2%}")

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return

        closes = self.History(self.symbol, 6, Resolution.Daily)['close'].values
        up = self.model.predict_proba([np.diff(closes) / closes[:-1]])[0][1]

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.6f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.6f}")
