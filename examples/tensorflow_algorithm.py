from AlgorithmImports import *
import tensorflow as tf
import numpy as np

# One thread each: trading needs the other cores, and the order of sums stays the same
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

class TensorFlowAlgorithm(QCAlgorithm):
    """A dense network says how likely tomorrow is an up day; it learns on each month."""

    def Initialize(self):
        self.SetStartDate(2024, 1, 1)
        self.SetCash(100000)

        self.symbol = self.AddEquity("SPY", Resolution.Daily).Symbol

        # Build model
        tf.keras.utils.set_random_seed(42)
        self.model = self.BuildModel()
        self.is_trained = False

        self.Schedule.On(
            self.DateRules.MonthStart(self.symbol),
            self.TimeRules.AfterMarketOpen(self.symbol, 30),
            self.TrainModel
        )

    def BuildModel(self):
        """Build TensorFlow model."""
        model = tf.keras.Sequential([
            tf.keras.layers.Dense(64, activation='relu', input_shape=(10,)),
            tf.keras.layers.Dropout(0.2),
            tf.keras.layers.Dense(32, activation='relu'),
            tf.keras.layers.Dropout(0.2),
            tf.keras.layers.Dense(16, activation='relu'),
            tf.keras.layers.Dense(1, activation='sigmoid')
        ])

        model.compile(
            optimizer=tf.keras.optimizers.Adam(learning_rate=0.001),
            loss='binary_crossentropy',
            metrics=['accuracy']
        )

        return model

    def TrainModel(self):
        """Train the TensorFlow model."""
        history = self.History(self.symbol, 500, Resolution.Daily)

        if len(history) < 100:
            return

        X, y = self.PrepareData(history)

        # Train with validation split
        self.model.fit(
            X, y,
            epochs=50,
            batch_size=32,
            validation_split=0.2,
            verbose=0
        )

        self.is_trained = True

        # Evaluate
        loss, accuracy = self.model.evaluate(X, y, verbose=0)
        self.Log(f"Model trained with accuracy: {accuracy:.2%}")

    def PrepareData(self, history):
        """Prepare features with technical indicators."""
        df = history['close'].unstack(level=0).values.flatten()

        features = []
        labels = []

        for i in range(30, len(df) - 1):
            features.append(self.FeaturesOf(df, i))

            # Label: up day
            labels.append(1 if df[i+1] > df[i] else 0)

        return np.array(features), np.array(labels)

    def GetLatestFeature(self, df):
        """Get features for latest data point."""
        return self.FeaturesOf(df, len(df) - 1)

    def FeaturesOf(self, df, i):
        """Get features for the data point at a position."""
        window = df[i-30:i]

        return [
            (df[i] - df[i-1]) / df[i-1],         # 1-day return
            (df[i] - df[i-5]) / df[i-5],         # 5-day return
            (df[i] - df[i-10]) / df[i-10],       # 10-day return
            (df[i] - df[i-20]) / df[i-20],       # 20-day return
            np.std(window[-5:]),                  # 5-day volatility
            np.std(window[-20:]),                 # 20-day volatility
            np.mean(window[-5:]) / np.mean(window[-20:]) - 1,  # MA ratio
            (df[i] - np.min(window)) / (np.max(window) - np.min(window) + 1e-8),  # Position in range
            np.sum(np.diff(window[-5:]) > 0) / 4,  # Up days ratio
            np.mean(np.diff(window[-10:])),       # Trend strength
        ]

    def OnData(self, data):
        if self.IsWarmingUp or not self.is_trained or not data.Bars.ContainsKey(self.symbol):
            return

        # Get prediction
        history = self.History(self.symbol, 31, Resolution.Daily)
        df = history['close'].unstack(level=0).values.flatten()

        feature = self.GetLatestFeature(df)
        prediction = self.model.predict(np.array([feature]), verbose=0)[0][0]

        # Trade
        if prediction > 0.6:
            if not self.Portfolio[self.symbol].Invested:
                self.SetHoldings(self.symbol, 0.95, False, f"predicted {prediction:.5f}")
        elif prediction < 0.4:
            if self.Portfolio[self.symbol].Invested:
                self.Liquidate(self.symbol, f"predicted {prediction:.5f}")
