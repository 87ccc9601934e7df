"""HTTP requests to URLs that anyone may have chosen."""
