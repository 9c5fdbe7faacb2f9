"""The dashboard in a real browser, over a real daemon that trades on paper."""
