"""From a lane to the subscriber: one file for each protocol, and what all of them share."""
