"""The stores: the only package that uses DynamoDB. They hold no policy.

A store owns a `Table`, or one kind of item in it, and builds its keys. The attributes of the keys
and the indexes of each table are declared in `infra/tables.py`. A store takes and returns the
dataclasses of the model. No item, expression or part of a transaction leaves the package.
"""
