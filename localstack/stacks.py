"""Deploys a synthesised app through CloudFormation's API, without Node and the CDK command line.

It does what `cdk bootstrap` and `cdk deploy` do on an emulator that starts empty: it uploads the
assets of the cloud assembly, and creates the stacks in their order. A stack that exists is updated.
"""

import io
import json
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3

from localstack.emulator import ACCOUNT, CREDENTIALS, REGION, Emulator
from localstack.errors import LocalError

_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "30"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_STACK_SECONDS = 300
_UNCHANGED = "No updates are to be performed"


def create_stacks(emulator: Emulator, assembly: Path) -> dict[str, str]:
    """Deploys a cloud assembly.

    Args:
        emulator: The emulator.
        assembly: The folder of the assembly.

    Returns:
        The outputs of all stacks.

    Raises:
        LocalError: A stack cannot be deployed.
    """
    session: Any = boto3.Session(
        CREDENTIALS["AWS_ACCESS_KEY_ID"],
        CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )

    def client(service: str) -> Any:
        return session.client(
            service,
            endpoint_url=emulator.endpoint_url,
            verify=str(emulator.certificate) if emulator.strict else None,
        )

    client("ssm").put_parameter(
        Name=_BOOTSTRAP_PARAMETER, Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
    )
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    _upload(client("s3"), assembly, artifacts)
    cloudformation = client("cloudformation")
    outputs: dict[str, str] = {}
    for artifact in artifacts.values():
        if artifact["type"] == "aws:cloudformation:stack":
            outputs |= _deploy(cloudformation, emulator, artifact["properties"])
    return outputs


def _upload(s3: Any, assembly: Path, artifacts: Mapping[str, Any]) -> None:
    """Uploads the assets that are not there yet; the key of each is a hash of its content."""
    present: dict[str, set[str]] = {}
    for source, bucket, key in _assets(assembly, artifacts):
        if bucket not in present:
            s3.create_bucket(Bucket=bucket)
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            present[bucket] = {each["Key"] for page in pages for each in page.get("Contents", ())}
        if key not in present[bucket]:
            present[bucket].add(key)
            s3.put_object(Bucket=bucket, Key=key, Body=_content(source))


def _assets(assembly: Path, artifacts: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """Yields the assets, with the bucket and the key of each."""
    for artifact in artifacts.values():
        if artifact["type"] != "cdk:asset-manifest":
            continue
        manifest = json.loads((assembly / artifact["properties"]["file"]).read_text())
        for file in manifest["files"].values():
            for place in file["destinations"].values():
                source = assembly / file["source"]["path"]
                yield source, _filled(place["bucketName"]), _filled(place["objectKey"])


def _content(source: Path) -> bytes:
    """Returns a file as it is, or a folder as an archive."""
    if source.is_file():
        return source.read_bytes()
    packed = io.BytesIO()
    # Not compressed: it stays on this machine, and to compress it takes a processor 1.3 s.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(source.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(source))
    return packed.getvalue()


def _deploy(client: Any, emulator: Emulator, properties: Mapping[str, Any]) -> dict[str, str]:
    """Creates a stack, or updates it; returns its outputs."""
    name = properties["stackName"]
    template = _filled(properties["stackTemplateAssetObjectUrl"])
    request = {
        "StackName": name,
        "TemplateURL": template.replace("s3://", f"{emulator.endpoint_url}/"),
        "Capabilities": _CAPABILITIES,
    }
    try:
        if _exists(client, name):
            client.update_stack(**request)
        else:
            client.create_stack(**request)
    except client.exceptions.ClientError as error:
        if _UNCHANGED not in str(error):
            raise LocalError(f"The stack {name} cannot be deployed: {error}") from error
    stack = _settled(client, name)
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        reason = stack.get("StackStatusReason", "no reason is given")
        raise LocalError(f"The stack {name} is {stack['StackStatus']}: {reason}")
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}


def _exists(client: Any, name: str) -> bool:
    try:
        client.describe_stacks(StackName=name)
    except client.exceptions.ClientError:
        return False
    return True


def _settled(client: Any, name: str) -> dict[str, Any]:
    """Waits until nothing of a stack is in progress, and returns the stack."""
    deadline = time.monotonic() + _STACK_SECONDS
    while time.monotonic() < deadline:
        stack: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        time.sleep(0.1)
    raise LocalError(f"The stack {name} is not deployed after {_STACK_SECONDS} s.")


def _filled(text: str) -> str:
    """Fills the pseudo parameters of AWS in a text of the assembly."""
    pseudo = {"AccountId": ACCOUNT, "Region": REGION, "Partition": "aws"}
    for name, value in pseudo.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    return text
