"""HTTP and WebSocket for peers of data vendors, by hand: a peer must be able to break every rule of them.

`lines` reads and writes the bytes of one connection, `outbox` keeps what a peer has to say and when, `faults`
says what goes wrong, `server` puts it on a socket. Only `server` and `threads` do I/O.
"""
