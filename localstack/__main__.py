"""Runs the command line."""

from localstack.cli import app

app(prog_name="localstack")
