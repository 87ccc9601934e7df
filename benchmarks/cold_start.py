"""The processor time and memory of a function before its first call, next to the bare minimum.

The bare minimum is an interpreter that imports boto3 and pydantic and makes one client, as any
function of this kind would. Each is measured in processes of its own, with bytecode as in the
layers. The processes take turns, so that other work on the machine slows them all alike. Run it
with `python -m benchmarks.cold_start`; it takes two or three minutes.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

from rich.console import Console
from rich.table import Table

from infra.built import ROOT
from localstack.assembly import assembly

RUNS = 5

_MINIMUM = "boto3, pydantic, one client"
_BARE = "import boto3, pydantic; boto3.client('dynamodb')"
_MEASURED = """
import resource, sys
def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
begin = spent()
{code}
took = spent() - begin
print(took * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(sys.modules))
"""


def environments() -> dict[str, dict[str, str]]:
    """Returns the environment of each function from its stack, by its name."""
    found = {}
    for template in assembly().glob("*.template.json"):
        for resource in json.loads(template.read_text())["Resources"].values():
            if resource["Type"] == "AWS::Lambda::Function":
                variables = resource["Properties"].get("Environment", {}).get("Variables", {})
                if function := variables.get("POWERTOOLS_SERVICE_NAME"):
                    # The start needs no values that only a deployment knows.
                    found[function] = {
                        name: value if isinstance(value, str) else "https://example.com/1/x"
                        for name, value in variables.items()
                    }
    return found


def measured(starts: dict[str, tuple[str, dict[str, str]]]) -> dict[str, tuple[float, ...]]:
    """Returns milliseconds, megabytes and modules of each start: the median of some runs.

    Args:
        starts: The code of each start and its environment, by name.
    """
    runs: dict[str, list[tuple[float, ...]]] = {name: [] for name in starts}
    # The first round writes the bytecode.
    for round_ in range(RUNS + 1):
        for name, (code, environment) in starts.items():
            run = _run(code, environment)
            if round_:
                runs[name].append(run)
    return {
        name: tuple(statistics.median(column) for column in zip(*found, strict=True))
        for name, found in runs.items()
    }


def _run(code: str, environment: dict[str, str]) -> tuple[float, ...]:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED.format(code=code)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'layers'}",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **environment,
        },
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(map(float, done.stdout.split()))


def main() -> None:
    """Measures, and prints the table."""
    starts = {_MINIMUM: (_BARE, dict[str, str]())}
    for function, environment in sorted(environments().items()):
        # The lanes share a folder.
        folder = "deliver" if "LANE" in environment else function
        starts[function] = (f"import functions.{folder}.handler", environment)
    rows = measured(starts)
    bare = rows[_MINIMUM]
    table = Table("", "ms", "of bare", "MB", "of bare", "modules", title="Before the first call")
    for name, (milliseconds, megabytes, modules) in rows.items():
        table.add_row(
            name,
            f"{milliseconds:.0f}",
            f"{milliseconds / bare[0]:.2f}x",
            f"{megabytes:.0f}",
            f"{megabytes / bare[1]:.2f}x",
            f"{modules:.0f}",
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
