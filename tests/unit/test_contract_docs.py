"""docs/contract is what the message types say, and its examples are what its schemas allow."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from telemetry.contract.commands import COMMANDS, Command
from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import read_down, read_up
from telemetry.contract_docs.asyncapi import asyncapi
from telemetry.contract_docs.docs import examples, files, main, schemas
from telemetry.hub.ledger import HubLedger

FILES, SCHEMAS, EXAMPLES = files(), schemas(), examples()  # once: they are made anew each time
DOCS = Path(__file__).parents[2] / "docs" / "contract"


def schema_of(example: str) -> str:
    return max((name for name in SCHEMAS if example.startswith(name)), key=len)


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_documents_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == FILES[name], "run: make docs"


def test_there_are_no_leftovers() -> None:
    there = {str(path.relative_to(DOCS)) for path in DOCS.glob("[es]*s/*")}

    assert there == {name for name in FILES if "/" in name}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_each_schema_is_a_schema_and_lets_unknown_fields_pass(name: str) -> None:
    schema = SCHEMAS[name]

    Draft202012Validator.check_schema(schema)
    assert "additionalProperties" not in schema


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_example_fits_its_schema_and_can_be_read(name: str) -> None:
    example, schema = EXAMPLES[name], SCHEMAS[schema_of(name)]
    if "specversion" in example:
        Draft202012Validator(SCHEMAS["envelope"]).validate(example)
        Draft202012Validator(schema).validate(example["data"])
        received = read_up(json.dumps(example).encode())
        assert received.data is not None
    elif name.startswith("command."):
        Draft202012Validator(SCHEMAS["command"]).validate(example)
        Draft202012Validator(schema).validate(example["args"])
        read_down(Command, json.dumps(example).encode())
    else:
        Draft202012Validator(schema).validate(example)
        model = {"ack": Ack, "hub": HubState}.get(name.partition("-")[0])
        if model is not None:
            read_down(model, json.dumps(example).encode())


def test_each_command_has_a_schema_and_an_example_and_stands_in_asyncapi() -> None:
    names = {f"command.{name}" for name in COMMANDS}
    assert names == {name for name in SCHEMAS if name.startswith("command.")}
    assert names == {name for name in EXAMPLES if name.startswith("command.")}
    text = json.dumps(asyncapi())
    assert all(f'"./schemas/{name}.json"' in text for name in names)


def test_the_schemas_refuse_what_the_models_refuse() -> None:
    position = EXAMPLES["position"]["data"] | {"lat_deg": 91}

    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMAS["position"]).validate(position)


def test_every_schema_has_an_example() -> None:
    assert {schema_of(name) for name in EXAMPLES} == set(SCHEMAS) - {
        "envelope",
        "command",  # of which there is one example for each name
    }


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [ref for value in part.values() for ref in references(value)]
    return [ref for value in part for ref in references(value)] if isinstance(part, list) else []


def test_the_references_of_asyncapi_lead_somewhere() -> None:
    document = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))

    assert document["asyncapi"] == "3.0.0"
    found = references(document)
    assert found
    for reference in found:
        if reference.startswith("./"):
            assert (DOCS / reference).is_file()
            continue
        part = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        assert part


def test_making_them_anew_removes_what_is_no_longer_made(tmp_path: Path) -> None:
    folder = tmp_path / "contract"
    shutil.copytree(DOCS, folder)
    (folder / "schemas" / "old.json").write_text("{}")

    assert main([str(folder)]) == 0
    assert not (folder / "schemas" / "old.json").exists()
    assert main([]) == 2


BEFORE = Path(__file__).parents[1] / "data" / "contract" / "before"


@pytest.mark.parametrize("path", sorted(BEFORE.glob("*.json")), ids=lambda path: path.stem)
def test_messages_of_the_version_before_are_still_read(path: Path) -> None:
    """As they were written before tasks, duty and commands came."""
    message = json.loads(path.read_text(encoding="utf-8"))
    name = message["type"].removeprefix("patrol.").rpartition(".")[0]
    Draft202012Validator(SCHEMAS["envelope"]).validate(message)
    Draft202012Validator(SCHEMAS[name]).validate(message["data"])
    received = read_up(json.dumps(message).encode())

    assert received.data is not None
    leaf = received.data.LEAF
    verdict = HubLedger("patrol/v1").receive(
        f"patrol/v1/{received.envelope.unit}/{leaf}", json.dumps(message).encode()
    )
    assert verdict.verdict == "accepted"
