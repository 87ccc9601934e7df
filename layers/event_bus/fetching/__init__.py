"""How subscribers fetch their events from an inbox: by pulling, or as a stream of them."""
