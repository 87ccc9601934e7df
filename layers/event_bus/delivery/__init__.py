"""From a lane to the subscriber: attempts, ordered delivery, circuits and pacing."""
