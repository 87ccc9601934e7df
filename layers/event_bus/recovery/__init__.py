"""Recovery: dead letters, replays of past events, and the backlogs of paused subscriptions.

`replays.py` starts a replay, and `replay_runner.py` runs it a page of events at a time. The replay
of a backlog has a runner of its own (`backlog_runner.py`), and so has that of the event streams
which a new subscription follows (`catch_up.py`). `replay_steps.py` ends each step; the item of a
replay, with its position, is in `stores/replays.py`.
"""
