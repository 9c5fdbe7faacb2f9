"""Notifier `apprise`: mail, chat, SMS and a hundred more services by URL, through the Apprise library."""
