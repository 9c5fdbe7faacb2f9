"""A simulated stock market: securities, ticks made from a seed or given, bars made the slow and obvious way.

Several peers of data vendors show the same market, each in its own protocol. No module here does I/O, and
none knows a protocol. Times are UTC nanoseconds.
"""
