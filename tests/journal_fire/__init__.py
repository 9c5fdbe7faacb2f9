"""The journal on a disk that loses power, fails, fills up or lies."""
