"""`python -m event_bus_client.cli`."""

from event_bus_client.cli.main import main

main()
