"""What is done every minute: retries that are due, and whatever was left lying."""
