"""Interactive Brokers: brokerage and feed through ib_async or ib_insync. See docs/ibkr.md.

library.py      the client library, one handle for both       codes.py        what error codes mean
session.py      one socket: open, request, stream, end        identifiers.py  order ids, execution ids
receiver.py     decoded messages, kept by nobody              account.py      the whole account, or nothing
brokerage.py    the SPI                                       config.py       what can be set
"""
