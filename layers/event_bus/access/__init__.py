"""Who a caller is, and what it may do.

`authenticator.py` and `iam_callers.py` find the caller. `event_visibility.py` decides which events
it may read, `payload_readers.py` which sensitive parts of them, and `type_visibility.py` which
event types. `receive_rights.py` decides what its subscriptions may receive, and `ownership.py`
whose resources it may use.
"""
