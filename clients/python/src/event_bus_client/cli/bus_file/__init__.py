"""The declarative file of a bus: read, compared, applied and written.

`event-bus apply` and `event-bus export` use this package. It needs the extra `cli`.
"""
