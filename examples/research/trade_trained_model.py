# region imports
from AlgorithmImports import *
import pickle
from return_features import LOOKBACK, features_of
# endregion


class TradeTrainedModel(QCAlgorithm):
    """Trades on the model that train.ipynb has left in the object store."""

    def Initialize(self):
        self.SetStartDate(2015, 1, 1)
        self.SetEndDate(2015, 6, 30)
        self.SetCash(100000)
        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol

        if not self.ObjectStore.ContainsKey("trained_model.pkl"):
            raise ValueError("run train.ipynb first: there is no trained_model.pkl in the object store")
        self.model = pickle.loads(self.ObjectStore.ReadBytes("trained_model.pkl"))
        self.closes = RollingWindow[float](LOOKBACK + 1)

    def OnData(self, data):
        if self.symbol not in data.Bars:
            return
        self.closes.Add(data.Bars[self.symbol].Close)
        if not self.closes.IsReady:
            return
        X = features_of(list(self.closes)[::-1])
        rises = bool(self.model.predict(X)[0])
        if rises and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 1.0, tag="the model says up")
        elif not rises and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, tag="the model says down")
