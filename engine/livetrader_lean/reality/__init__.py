"""Models of LEAN that say how a security trades: fees, fills, slippage, margin, settlement, brokerages."""
