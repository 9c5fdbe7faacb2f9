"""Polygon (Massive): live feed over WebSocket, past and reference data over REST. See docs/polygon.md.

From the socket up; docs/architecture.md has a line for each file.

    names         symbols: tickers and symbols; conditions: what a trade's codes let it change
    the wire      protocol: frames and what they say; line: a connection, by line_picows or line_client
    live          requests: what is asked for and answered; ladder: what a stream is made of; outlet: bars and
                  ticks; session: one connection and its streams; words: statuses for people; feed, config
    the past      rest: the official client behind a door of ours; rows, points: answers become bars, ticks;
                  catalog: former tickers, announcements, contracts; history
"""
