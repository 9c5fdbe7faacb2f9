"""Interactive Brokers: brokerage, feed and history through ib_async or ib_insync. See docs/ibkr.md.

From the socket up; docs/architecture.md has a line for each file.

    the wire      library, wire, receiver, sending, throttle: a library's client with its traps closed
    a session     session, questions, requests, asking, link, codes: what is asked is answered or fails
    orders        orders, instructions, refusals, reports, numbers, times: IB's words and the engine's
                  identifiers, numbering, tracked, orderbook, news: who an order is, and what is news of it
    contracts     contracts, exchanges, resolver, reference, tradinghours
    the account   account: the whole of it, or nothing; foreign: orders of others
    brokerage     brokerage, trading, schedule, config
    data          feed, intake, outlet, datalines, datawords, marketdata, seeds; bars are sdk.livebars
    the past      history, archive, historytimes, pacing, rows, rowbars, side_thread
"""
