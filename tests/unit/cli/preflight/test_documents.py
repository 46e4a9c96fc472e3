"""Hostile and broken files end with a sentence that names the file, never with a traceback or a full memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from medic_cli.preflight import documents
from medic_cli.preflight.documents import read_document
from medic_cli.preflight.symbols import ACCOUNT, is_plain
from tests.unit.cli.support import medic

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("\0\1\2\3", "is binary data"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is nested more than"),
        ("a:\n" + "".join(" " * n + "a:\n" for n in range(1, 300)), "is nested more than"),
        ('{"a":' * 100_000, "is not JSON"),
        (BOMB, "holds more than"),
        ("a: &a [*a]\n", "is nested more than"),
        ("a: [\n", "is neither JSON nor YAML"),
        ("a: *missing\n", "is neither JSON nor YAML"),
        ("? [a, b]\n: c\n", "has a key that is no text"),
        ("version: 1\nfrontend: {}\n", "no CloudFormation template"),
        ('{"Resources": []}', "no CloudFormation template"),
        ("just a text", "no CloudFormation template"),
        ("a: \xff", "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_template_exits_with_3_and_says_why(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "template"
    path.write_bytes(content.encode("latin-1"))
    result = medic("preflight", str(path))
    assert result.exit_code == 3
    assert says in result.output
    assert str(path) in result.output.replace("\n", "")


def test_a_tag_of_another_language_constructs_nothing(tmp_path: Path) -> None:
    path, proof = tmp_path / "t.yaml", tmp_path / "proof"
    path.write_text(f"Resources:\n  App: !!python/object/apply:os.mkdir ['{proof}']\n")
    assert medic("preflight", str(path)).exit_code == 0
    assert not proof.exists()


def test_files_that_are_too_long_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_YAML_BYTES", 100)
    monkeypatch.setattr(documents, "MAX_JSON_BYTES", 200)
    for size in (150, 250):
        (tmp_path / "t.yaml").write_text("a: " + "x" * size)
        assert "is longer than" in medic("preflight", str(tmp_path / "t.yaml")).output


def test_short_forms_and_scalars_are_read_as_cloudformation_does(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        "Version: 2012-10-17\nid: 012345678901\nyes: true\nnothing: ~\nref: !Ref A\natt: !GetAtt A.B.C\n"
        "list: !GetAtt [A, B]\nsub: !Sub ['${a}', {a: !Ref B}]\nif: !If [C, 1, 2]\n"
    )
    assert read_document(str(path)).value == {
        "Version": "2012-10-17",
        "id": "012345678901",
        "yes": True,
        "nothing": None,
        "ref": {"Ref": "A"},
        "att": {"Fn::GetAtt": ["A", "B.C"]},
        "list": {"Fn::GetAtt": ["A", "B"]},
        "sub": {"Fn::Sub": ["${a}", {"a": {"Ref": "B"}}]},
        "if": {"Fn::If": ["C", "1", "2"]},
    }


@pytest.mark.parametrize("opening", ["\ufdd0", r"\ufdd0", r"\uFDD0"])
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_no_text_of_a_file_can_pass_for_a_symbol(opening: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{ending}"
    fake = str(ACCOUNT).replace("\ufdd0", opening).replace("\ufdd1", opening.replace("0", "1"))
    path.write_text(f'{{"Resources": {{"a": "{fake}"}}}}' if ending == "json" else f'Resources: {{a: "{fake}"}}')
    assert is_plain(read_document(str(path)).value)


def test_lines_of_resources_are_found_in_yaml_and_json(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("Resources:\n\n  App:\n    Type: X\n  Main: {Type: Y}\n")
    (tmp_path / "t.json").write_text('{\n "Resources": {\n  "App": {\n   "Type": "X"\n  },\n  "Main": {}\n }\n}\n')
    assert read_document(str(tmp_path / "t.yaml")).lines == {"App": 3, "Main": 5}
    assert read_document(str(tmp_path / "t.json")).lines == {"App": 3, "Main": 6}
