"""A pipeline of the same hops as the bus, with handlers that do nothing else."""
