"""Callbacks: what is sent to URLs that anyone may have chosen."""
