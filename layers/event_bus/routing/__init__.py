"""From a stored event to the lanes of the subscriptions that it matches."""
