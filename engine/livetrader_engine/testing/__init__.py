"""Contract kits for plugins: what every brokerage, feed and history must do, as tests that anyone can run.

`brokerage_contract`, `data_feed_contract` and `history_contract` each hold one class of numbered cases
and the harness Protocol that a plugin's author implements. Importing them needs pytest.
"""
