"""Who a caller is, and what is safe to call."""
