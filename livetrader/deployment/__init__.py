"""Installs an account as a systemd service: what is to be done, and doing it."""
