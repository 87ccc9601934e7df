"""Who a caller is, and what it may do.

`authenticator.py` and `iam_callers.py` find the caller. `event_visibility.py` decides which events
it may read, `payload_readers.py` which sensitive parts of them, and `type_visibility.py` which
event types. `type_owners.py` decides which types it may publish and define, `receive_rights.py`
what its subscriptions may receive, and `ownership.py` whose resources it may use.
"""
