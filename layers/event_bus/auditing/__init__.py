"""The audit log: what was done, kept so that nobody can change it unseen."""
