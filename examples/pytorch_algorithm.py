from AlgorithmImports import *
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)  # Trading needs the other cores, and the order of sums stays the same

class PyTorchAlgorithm(QCAlgorithm):
    """A small PyTorch network over ten returns, trained at the start and each month."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = None

        self.Train(self.TrainModel)
        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def BuildModel(self):
        return nn.Sequential(
            nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(32, 16), nn.ReLU(),
            nn.Linear(16, 1),
        )

    def TrainModel(self):
        history = self.History(self.symbol, 300, Resolution.Daily)
        if len(history) < 100:
            return
        closes = history['close'].unstack(level=0).values.flatten()
        returns = 100 * np.diff(closes) / closes[:-1]
        X = np.array([returns[i - 9:i + 1] for i in range(9, len(returns) - 1)])
        X = torch.tensor(X, dtype=torch.float32)
        y = torch.tensor((returns[10:] > 0).astype(float), dtype=torch.float32).reshape(-1, 1)

        torch.manual_seed(42)
        model = self.BuildModel()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        loss_function = nn.BCEWithLogitsLoss()
        for epoch in range(60):
            optimizer.zero_grad()
            loss = loss_function(model(X), y)
            loss.backward()
            optimizer.step()
        model.eval()

        # Training runs beside OnData: the finished model takes the place of the old one at once
        self.model = model
        self.Log(f"Model trained with loss: {loss.item():.4f}")

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return

        closes = self.History(self.symbol, 11, Resolution.Daily)['close'].values
        returns = 100 * np.diff(closes) / closes[:-1]
        with torch.no_grad():
            logit = self.model(torch.tensor(np.array([returns]), dtype=torch.float32))
        up = torch.sigmoid(logit).item()

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.5f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.5f}")
