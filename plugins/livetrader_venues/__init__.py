"""Simulated venues that speak the real wire protocols, for tests and for trying things by hand.

Nothing that trades imports this package: a daemon reaches a simulated venue over a socket, as it would a
real one.
"""
