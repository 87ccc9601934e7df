"""The package is built, and works where it alone is installed."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).parents[3] / "clients" / "python"


def test_the_wheel_holds_the_client(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    assert "event_bus_client/py.typed" in names
    assert not any("test" in name for name in names)
    code = (
        "import event_bus_client; assert 'installed' in event_bus_client.__file__;"
        "import sys; assert 'boto3' not in sys.modules and 'typer' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
