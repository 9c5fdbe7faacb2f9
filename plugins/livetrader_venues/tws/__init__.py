"""A peer of Trader Workstation and IB Gateway: the socket protocol of the TWS API, server versions 100 to
178.

The layers, inside out: `exchange` decides about orders and fills, `gateway` is one running TWS without I/O,
`server` puts it on a socket, `cli` on the command line. Time and chance come in as arguments everywhere.
What the protocol is, is known from IB's public API documentation
(https://ibkrcampus.com/campus/ibkr-api-page/twsapi-doc/) and from what the clients ib_insync, ib_async and
ibapi send and accept; docstrings say where a fact is a trap.
"""
