from AlgorithmImports import *
from datetime import timedelta
from livetrader.training import progress
from sklearn.ensemble import GradientBoostingClassifier
import numpy as np

FEATURES = ["return_1", "return_2", "return_3", "volatility"]


def fit(X, y, days):
    """Train; runs in a process of its own, which may be killed without trading noticing."""
    model = GradientBoostingClassifier(n_estimators=10, max_depth=2, warm_start=True, random_state=42)
    while model.n_estimators < 50:
        model.set_params(n_estimators=model.n_estimators + 10).fit(X, y)
        progress(model.n_estimators / 50, f"{model.n_estimators} trees")
    return model, model.score(X, y), days


class ProcessTrainingAlgorithm(QCAlgorithm):
    """What livetrader has beyond LEAN: training in a process, versions of models, and no risk without a fresh one."""

    def initialize(self):
        self.set_start_date(2024, 1, 1)
        self.set_cash(100_000)
        self.symbol = self.add_equity("SPY", Resolution.DAILY).symbol

        # The newest good version: at once where an earlier run has left one, else as soon as one is trained
        self.model = self.models.load("direction", features=FEATURES, required=False)

        # Orders that add risk are refused, with the reason, while no model is at most 45 days old
        self.training.require(max_age=timedelta(days=45))
        self.train(
            self.date_rules.month_start(self.symbol), self.time_rules.at(8, 0), fit,
            process=True, prepare=self.prepare, then=self.adopt, deadline=timedelta(minutes=5),
        )

    def prepare(self):
        """Return what `fit` is given. Runs here, beside on_data, when the training starts."""
        closes = self.history(self.symbol, 260, Resolution.DAILY)["close"].unstack(level=0).iloc[:, 0]
        returns = closes.pct_change().dropna().values
        X = np.array([self.features(returns[i - 9:i + 1]) for i in range(9, len(returns) - 1)])
        return X, (returns[10:] > 0).astype(int), (closes.index[0], closes.index[-1])

    def adopt(self, result):
        """Take the trained model over. Runs between two steps: on_data sees the old one or the new one."""
        model, accuracy, days = result
        version = self.models.save(
            "direction", model, features=FEATURES, window=days, metrics={"accuracy": accuracy}
        )
        self.log(f"Model trained with accuracy: {accuracy:.2%}, version {version.number}")

    def features(self, returns):
        return [*returns[-3:][::-1], returns.std()]

    def on_data(self, data):
        if not self.model.ready or not data.bars.contains_key(self.symbol):
            return
        closes = self.history(self.symbol, 11, Resolution.DAILY)["close"].values
        features = np.array([self.features(np.diff(closes) / closes[:-1])])
        up = self.model.predict_proba(features)[0][1]

        if up > 0.5 and not self.portfolio[self.symbol].invested:
            self.set_holdings(self.symbol, 0.95, False, f"predicted {up:.6f}")
        elif up < 0.5 and self.portfolio[self.symbol].invested:
            self.liquidate(self.symbol, f"predicted {up:.6f}")
