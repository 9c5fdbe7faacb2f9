"""Alpha Vantage: past days and minutes of US equities, splits and dividends. See docs/alphavantage.md.

client asks and judges answers, rows reads them (pure), history is the plugin; config is what can be set.
"""
