import json
from pathlib import Path
from typing import Any

import pytest

from config.catalog import CatalogError, load_catalog
from config.mistakes import Mistake
from tests.config.samples import ENVIRONMENT, LANDING_ZONE, PLATFORM, bent, load, mistakes

LOCATION: dict[str, Any] = {
    "kind": "meshLocation",
    "apiVersion": "v1",
    "metadata": {"name": "dev"},
    "spec": {"displayName": "Development"},
}


def lines(*paths: Path) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        load_catalog(paths, ENVIRONMENT)
    assert str(caught.value).count("\n") == len(caught.value.mistakes)
    return [str(mistake) for mistake in caught.value.mistakes]


def written(folder: Path, content: str | bytes, name: str = "a.yaml") -> Path:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_directory_with_every_kind_of_file_is_read(tmp_path: Path) -> None:
    written(tmp_path, json.dumps([LOCATION]), "1.json")
    written(tmp_path, "---\n" + json.dumps(PLATFORM) + "\n---\n# nothing\n---\n" + json.dumps(LANDING_ZONE), "2.yml")
    written(tmp_path, "Resources: {A: !Ref B}\n", "template.yaml")
    written(tmp_path, "not: [read", ".hidden.yaml")
    written(tmp_path, "not: [read", "readme.md")
    catalog = load_catalog([tmp_path], ENVIRONMENT)
    assert (list(catalog.platforms), list(catalog.landing_zones)) == (["aws.dev"], ["basic"])
    assert catalog.locations["dev"].display_name == "Development"
    with pytest.raises(TypeError):
        catalog.platforms["x"] = catalog.platforms["aws.dev"]  # type: ignore[index]  # what is tried


def test_empty_directory_says_what_to_put_there(tmp_path: Path) -> None:
    (line,) = lines(tmp_path)
    assert "holds no documents; put meshPlatform and meshLandingZone documents here" in line


def test_missing_directory_is_a_mistake(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "nowhere")
    assert "nowhere: does not exist" in line
    assert "or set CONNECTOR_CONFIG_DIR to their directory" in line


def test_platform_of_another_type_is_skipped_with_a_note(tmp_path: Path) -> None:
    azure = bent(PLATFORM, "spec.config", {"type": "azure", "azure": {}}, metadata={"name": "azure"})
    catalog = load(tmp_path, PLATFORM, azure)
    assert list(catalog.platforms) == ["aws.dev"]
    assert any(
        note.endswith("(document 2): azure is of type azure, not aws, and was skipped") for note in catalog.notes
    )
    (line,) = mistakes(tmp_path, azure)
    assert "holds no meshPlatform document of type aws" in line


def test_identifier_may_stand_once(tmp_path: Path) -> None:
    found = mistakes(tmp_path, PLATFORM, PLATFORM, LANDING_ZONE, LANDING_ZONE, LOCATION, LOCATION)
    assert [line.split(": ")[1].split(" already")[0] for line in found] == [
        "metadata.name = 'aws.dev'",
        "metadata.name = 'basic'",
        "metadata.name = 'dev'",
    ]
    assert "(document 2): metadata.name" in found[0]
    assert found[0].endswith("(document 1)")


def test_location_must_exist_when_any_is_given(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, PLATFORM, bent(LOCATION, metadata={"name": "devel"}))
    assert "spec.locationRef = 'dev' is not the name of a meshLocation; did you mean 'devel'? known: devel" in line


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"kind": "meshProject"}, "kind = 'meshProject' is not read here;"),
        ({"kind": "meshPlatfrom"}, "did you mean 'meshPlatform'? allowed: meshLocation, meshPlatform, meshLandingZone"),
        ({"kind": 5}, "kind = 5 is not read here"),
        ({}, "kind is required; allowed: meshLocation"),
        (["a"], "must be a mapping with a kind"),
        ("text", "must be a mapping with a kind"),
        ({"kind": "meshPlatform"}, "apiVersion is required"),
    ],
)
def test_wrong_kind_is_refused(tmp_path: Path, document: Any, expected: str) -> None:
    assert any(expected in line for line in mistakes(tmp_path, document))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("kind: meshPlatform\nkind: meshLocation", "(document 1): line 2: the key 'kind' appears here a second time"),
        ("a: {b: {c: 1, c: hunter2}}", "line 1: the key 'c' appears here a second time"),
        ("kind: x\n---\nb: 1\nb: 2", "(document 2): line 4: the key 'b'"),
        ("a:\n\tb: 1", "line 2, column 1: is not YAML: indentation must be spaces, not tabs"),
        ("a: b: c", "line 1, column 5: is not YAML: mapping values are not allowed here"),
        ("a: [hunter2", "is not YAML"),
        ("a: *hunter2", "is not YAML: found undefined"),
        ("a: !!python/object:os.system {}", "unknown tag 'python/object:os.system'"),
        ("a: !Secret hunter2", "unknown tag '!Secret'"),
        ("a: 2026-99-99", "cannot be read, such as an impossible date"),
        ("? [a]\n: b", "a key must be a text"),
        ("a: &x {b: *x}", "an alias is inside what it names"),
        (BOMB, "expands to more than 50000 values through its aliases"),
        ("[" * 5000, "nested deeper than 40 levels"),
        (b"a: \xff", "is not UTF-8 text (byte 4)"),
        (b"a: \x00hunter2", "is not YAML"),
        (b"#" * 600_000, "has 600000 bytes; at most 524288"),
        ("plain text", "must be a mapping with a kind"),
    ],
)
def test_unreadable_yaml_is_told_without_its_content(tmp_path: Path, content: str | bytes, expected: str) -> None:
    found = lines(written(tmp_path, content))
    assert any(expected in line for line in found), found
    assert not any("hunter2" in line for line in found)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": "hunter2", "a": 2}', "the key 'a' appears twice in one object"),
        ('{"a": hunter2}', "line 1, column 7: is not JSON: Expecting value"),
        ('{"a": NaN}', "a number is out of range"),
        ("[" * 100_000, "is not JSON"),
        ("", "is not JSON"),
        ("5", "must be a mapping with a kind"),
    ],
)
def test_unreadable_json_is_told_without_its_content(tmp_path: Path, content: str, expected: str) -> None:
    found = lines(written(tmp_path, content, "a.json"))
    assert any(expected in line for line in found), found
    assert not any("hunter2" in line for line in found)


def test_mistakes_of_several_files_are_told_together(tmp_path: Path) -> None:
    written(tmp_path, "a: [", "1.yaml")
    written(tmp_path, json.dumps(bent(PLATFORM, "spec.config.aws.region", "eu")), "2.json")
    written(tmp_path, "kind: meshUser", "3.yaml")
    assert [line.split(" ")[0].rstrip(":")[-6:] for line in lines(tmp_path)] == ["1.yaml", "2.json", "3.yaml"]


def test_harmless_alias_is_allowed(tmp_path: Path) -> None:
    text = "x: &region us-east-1\n" + json.dumps(PLATFORM)[1:-1]
    content = (
        text.replace('"region": "us-east-1"', '"region": *region').replace(
            "x: &region us-east-1\n", '{"x": &region us-east-1, '
        )
        + "}"
    )
    assert load_catalog([written(tmp_path, content)], ENVIRONMENT).platforms["aws.dev"].region == "us-east-1"


def test_mistake_is_one_line() -> None:
    mistake = Mistake(Path("a.yaml"), 2, "spec.x", "'1'", "must be\n  a text")
    assert str(mistake) == "a.yaml (document 2): spec.x = '1' must be a text"
