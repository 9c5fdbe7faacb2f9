from AlgorithmImports import *
import tensorflow as tf
from tensorflow import keras
import json
import numpy as np

# One thread each: trading needs the other cores, and the order of sums stays the same
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

class KerasPersistenceAlgorithm(QCAlgorithm):
    """Keeps a network's architecture and weights as JSON in the object store: a later run starts with them."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol
        self.model = None
        self.LoadKerasModel()

        self.Train(self.DateRules.MonthStart(self.symbol), self.TimeRules.At(8, 0), self.TrainModel)

    def SaveKerasModel(self, model):
        # Save architecture
        architecture = model.to_json()
        self.ObjectStore.Save("model_architecture.json", architecture)

        # Save weights as JSON (alternative to .h5)
        weights = [w.tolist() for w in model.get_weights()]
        self.ObjectStore.Save("model_weights.json", json.dumps(weights))

    def LoadKerasModel(self):
        if not self.ObjectStore.ContainsKey("model_weights.json"):
            return

        # Load architecture
        architecture = self.ObjectStore.Read("model_architecture.json")
        model = keras.models.model_from_json(architecture)

        # Load weights
        weights_json = self.ObjectStore.Read("model_weights.json")
        weights = [np.array(w) for w in json.loads(weights_json)]
        model.set_weights(weights)
        self.model = model
        self.Log("Model loaded from the object store")

    def TrainModel(self):
        history = self.History(self.symbol, 253, Resolution.Daily)
        if len(history) < 100:
            return
        closes = history['close'].unstack(level=0).values.flatten()
        returns = 100 * np.diff(closes) / closes[:-1]
        X = np.array([returns[i - 4:i + 1] for i in range(4, len(returns) - 1)])
        y = (returns[5:] > 0).astype(int)

        keras.utils.set_random_seed(42)
        model = keras.Sequential([
            keras.layers.Input(shape=(5,)),
            keras.layers.Dense(16, activation='relu'),
            keras.layers.Dense(1, activation='sigmoid')
        ])
        model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss='binary_crossentropy')
        model.fit(X, y, epochs=20, batch_size=32, verbose=0)
        self.SaveKerasModel(model)
        self.model = model
        self.Log(f"Model trained with loss: {model.evaluate(X, y, verbose=0):.4f}")

    def OnData(self, data):
        if self.model is None or not data.Bars.ContainsKey(self.symbol):
            return

        closes = self.History(self.symbol, 6, Resolution.Daily)['close'].values
        returns = 100 * np.diff(closes) / closes[:-1]
        up = self.model.predict(np.array([returns]), verbose=0)[0][0]

        if up > 0.5 and not self.Portfolio[self.symbol].Invested:
            self.SetHoldings(self.symbol, 0.95, False, f"predicted {up:.5f}")
        elif up < 0.5 and self.Portfolio[self.symbol].Invested:
            self.Liquidate(self.symbol, f"predicted {up:.5f}")
