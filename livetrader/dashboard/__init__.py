"""The dashboard: files that a browser runs, and nothing that decides. The control server serves them."""
