"""Reading back: which events a caller may see, and how they are found."""
