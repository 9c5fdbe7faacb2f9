"""Seeded days of silence and lost connections: the real feed chain, plugin and history against the Polygon
peer, over real sockets, in time that jumps."""
