from AlgorithmImports import *
from importlib.metadata import PackageNotFoundError, version
from sklearn.linear_model import LinearRegression
import json
import numpy as np
import sklearn

class LibraryVersionsAlgorithm(QCAlgorithm):
    """Logs the versions it runs with, and stores that of its model's library beside the model's numbers.

    A model that another version made is not read: it is trained anew.
    """

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)
        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = None

        # Check library versions
        self.Log(f"sklearn version: {sklearn.__version__}")
        for library in ("numpy", "pandas", "torch", "tensorflow-cpu", "xgboost-cpu"):
            try:
                self.Log(f"{library} version: {version(library)}")
            except PackageNotFoundError:
                self.Log(f"{library} is not installed")

        self.LoadModel()
        if self.model is None:
            self.Train(self.TrainModel)
        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def LoadModel(self):
        """Take the stored model, if the same version of its library made it."""
        if not self.ObjectStore.ContainsKey("linear.json"):
            return
        stored = json.loads(self.ObjectStore.Read("linear.json"))
        if stored["sklearn"] != sklearn.__version__:
            self.Log(f"The stored model is of sklearn {stored['sklearn']}: not used")
            return
        model = LinearRegression()
        model.coef_, model.intercept_ = np.array(stored["coef"]), stored["intercept"]
        self.model = model
        self.Log("Model loaded from the object store")

    def TrainModel(self):
        history = self.History(self.symbol, 253, Resolution.Daily)
        if len(history) < 100:
            return
        returns = history['close'].unstack(level=0).pct_change().dropna().values.flatten()
        X = np.array([returns[i - 2:i + 1] for i in range(2, len(returns) - 1)])
        model = LinearRegression().fit(X, returns[3:])
        self.ObjectStore.Save("linear.json", json.dumps({
            "sklearn": sklearn.__version__,
            "coef": model.coef_.tolist(),
            "intercept": float(model.intercept_),
        }))
        self.model = model
        self.Log(f"Model trained, R2: {model.score(X, returns[3:]):.4f}")

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return
        closes = self.History(self.symbol, 4, Resolution.Daily)['close'].values
        predicted_return = self.model.predict([np.diff(closes) / closes[:-1]])[0]
        if predicted_return > 0 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {predicted_return:.6f}")
        elif predicted_return < 0 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {predicted_return:.6f}")
