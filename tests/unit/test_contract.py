"""The contract as it is published: equal to the code, and compatible with each release."""

from __future__ import annotations

import json
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from api.asyncapi import CHANNELS
from api.contract import broken, bundle, written
from infra.errors import TonnageError
from infra.published import RELEASED, check, export, read

TOPICS = Path(__file__).parents[2] / "docs" / "topics"
WEEK = "schemas/training.weekly-stats.v1"


def test_the_files_are_what_the_code_makes() -> None:
    stale = [
        name
        for name, content in bundle().items()
        if (TOPICS / name).read_text() != written(content)
    ]
    assert stale == [], "run `tonnage topics export`"
    assert read(TOPICS).keys() == bundle().keys()


def test_it_is_compatible_with_each_release() -> None:
    found = check(TOPICS)
    assert not any(found.values()), found
    assert version("tonnage") in found, f"run `tonnage topics export {TOPICS / RELEASED}/VERSION`"


@pytest.mark.parametrize("name", [name for name in bundle() if name.startswith("schemas/")])
def test_each_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(bundle()[name])


def test_every_topic_has_a_key_a_value_and_headers() -> None:
    wanted = {
        f"schemas/{channel.topic}/{part}.json"
        for channel in CHANNELS
        for part in ("key", "value", "headers")
    }
    assert wanted == bundle().keys() - {"asyncapi.json"}


def test_a_value_may_grow_and_a_key_may_not() -> None:
    old, new = bundle(), deepcopy(bundle())
    for part, name in (("value", "WeekValue"), ("key", "WeekKey")):
        new[f"{WEEK}/{part}.json"]["$defs"][name]["properties"]["more"] = {"type": "integer"}
    assert list(broken(old, new)) == [
        "training.weekly-stats.v1 key: is another one; a key never changes"
    ]


def test_what_is_gone_is_named() -> None:
    new = deepcopy(bundle())
    del new["schemas/training.exercises.v1/key.json"]
    del new[f"{WEEK}/value.json"]["$defs"]["WeekValue"]["properties"]["set_count"]
    assert sorted(broken(bundle(), new)) == [
        "training.exercises.v1 key: is gone",
        "training.weekly-stats.v1 value.set_count: is gone",
    ]


def test_every_release_counts(tmp_path: Path) -> None:
    assert list(export(tmp_path / RELEASED / "1.0.0"))
    assert list(export(tmp_path / RELEASED / "0.9.0"))
    path = tmp_path / RELEASED / "0.9.0" / f"{WEEK}/value.json"
    schema = json.loads(path.read_text())
    schema["$defs"]["WeekValue"]["properties"]["total_volume"] = {"type": "string"}
    path.write_text(json.dumps(schema))
    assert {name: bool(breaks) for name, breaks in check(tmp_path).items()} == {
        "0.9.0": True,
        "1.0.0": False,
    }


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "asyncapi.json").write_text("{")
    with pytest.raises(TonnageError, match=r"asyncapi\.json is no JSON"):
        read(tmp_path)
