"""To come with the Telegram channel."""
