"""To come with the Slack channel."""
