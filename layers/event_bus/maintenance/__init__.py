"""What runs every minute."""
