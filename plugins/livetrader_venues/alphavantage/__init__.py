"""A peer of Alpha Vantage: its REST API at /query, as far as prices and what companies announce.

Errors, limits and refusals come with status 200 and a JSON object of one entry ("Error Message", "Note" or
"Information"), whatever format was asked for: that is how the venue does it, and what its clients trip over.
Documentation: https://www.alphavantage.co/documentation/
"""
