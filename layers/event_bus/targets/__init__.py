"""One module for each type of target: how its events are delivered."""
