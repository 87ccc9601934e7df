"""A deployed bus that counts every call to AWS and every call of a function."""
