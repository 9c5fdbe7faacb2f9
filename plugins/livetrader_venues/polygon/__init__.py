"""A peer of Polygon (now Massive): its WebSockets for stocks, options and indices, and its REST API.

    async with Peer(market, clock=clock) as peer:
        RESTClient("test-key", base=peer.url)
        WebSocketClient("test-key", feed=peer.host, secure=False)

`stream` is the WebSockets' side and `rest` the REST side of one market, both without I/O; `peer` puts them on
one port. What the venue does is known from its documentation (https://polygon.io/docs), from its two Python
clients, and from what people measured and wrote down; docstrings say where a fact is a trap.
"""
