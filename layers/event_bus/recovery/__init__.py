"""What people do about deliveries: dead letters looked at, tried anew or discarded, and replays."""
