"""The records of the bus (events, publishers, subscriptions, deliveries and more) and their rules.

The package is pure: it calls no AWS service and reads no setting. What clients send is in
`requests`.
"""
