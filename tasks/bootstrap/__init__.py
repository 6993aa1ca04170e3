"""What an AWS organization needs before the connector can work in it, as files that a person deploys."""
