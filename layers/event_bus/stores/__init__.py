"""What is kept, and where: one file for each table, and one for the bucket.

A store knows its table's keys, and holds no policy.
"""
