"""Interactive Brokers: brokerage and feed through ib_async or ib_insync. See docs/ibkr.md.

library.py     the client library, one handle for both      orders.py, instructions.py, refusals.py
wire.py        its client and decoder, traps closed             an order in IB's words, or why not
receiver.py    decoded messages, kept by nobody             reports.py     IB's words in the engine's
session.py     one socket: open, request, stream, end       contracts.py, resolver.py
link.py        1100 and the farms, as a fact                    symbols and contracts
throttle.py    IB's message limit                           feed.py, marketdata.py, livebars.py
requests.py    what can be asked, and its end                   market data
codes.py       what error codes mean                        history.py, historytimes.py, pacing.py
identifiers.py order ids, execution ids                         the past, at IB's pace
orderbook.py   what is news about an order                  schedule.py    when IB is away
news.py        messages become events                       config.py      what can be set
account.py     the whole account, or nothing                brokerage.py   the SPI
"""
