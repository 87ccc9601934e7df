"""Builds clients, stores and services for the functions."""
