"""A deployed bus of which every call to AWS and every call of a function is counted."""
