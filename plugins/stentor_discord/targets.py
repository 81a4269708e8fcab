"""To come with the Discord channel."""
