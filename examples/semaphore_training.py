from AlgorithmImports import *


class SemaphoreTrainingAlgorithm(QCAlgorithm):
    """Trains a small model at the start and every Sunday; uses it only while it is not being trained."""

    # Model Object
    model = None
    # Model State Flag
    modelIsTraining = False

    def Initialize(self):
        self.SetStartDate(2013, 1, 1)
        self.SetEndDate(2013, 12, 31)
        self.SetCash(100000)
        self.symbol = self.AddEquity(self.GetParameter("symbol", "SPY"), Resolution.Daily).Symbol

        # Train at once, then every Sunday at 8:00 am.
        self.Train(self.MyTraining)
        self.Train(self.DateRules.Every(DayOfWeek.Sunday), self.TimeRules.At(8, 0), self.MyTraining)

    def MyTraining(self):
        self.modelIsTraining = True
        # A line through the last 60 returns: next return = slope * last return + intercept.
        history = self.History(self.symbol, 61, Resolution.Daily)
        if len(history) == 61:
            returns = history['close'].unstack(level=0).pct_change().dropna().values.flatten()
            self.model = np.polyfit(returns[:-1], returns[1:], 1)
        self.modelIsTraining = False

    def OnData(self, data):
        # Do not use model while its being trained.
        if self.modelIsTraining or self.model is None:
            return
        if not data.ContainsKey(self.symbol):
            return
        # Once training is complete; use the model safely.
        closes = self.History(self.symbol, 2, Resolution.Daily)['close'].values
        result = np.polyval(self.model, closes[-1] / closes[-2] - 1)
        if result > 0 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95)
        elif result < 0 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol)
