"""`croissant.json` and `fiftyone.yml` on the Hub: right for the repository, and what people added stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_client import NAME, QUICK, delete_on_hub, edit_on_hub, files_of, send
from hub_outputs import build_again, grow
from hub_server import HubServer

from fgbg_depth.card.croissant import HubPlace, describe
from fgbg_depth.hub.metadata_merge import merge_croissant
from fgbg_depth.hub.rollback import rollback
from fgbg_depth.manifest import Manifest
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.check import verify

pytest_plugins = ["hub_fixtures"]
PAGE = f"https://huggingface.co/datasets/{NAME}"


def croissant_on_hub(hub: HubServer) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(files_of(hub)["croissant.json"])
    return described


def manifest_of(output: Path) -> Manifest:
    manifest = Manifest.read(Storage(output))
    assert manifest is not None
    return manifest


def test_a_push_describes_the_version_in_its_repository(hub: HubServer, work: Path) -> None:
    assert "url" not in json.loads((work / "out/croissant.json").read_bytes())
    send(work / "out", tag="v1.2.0")
    described = croissant_on_hub(hub)
    assert described["url"] == PAGE and described["version"] == "1.2.0" and PAGE in described["citeAs"]
    assert described["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert described["datePublished"] == described["dateModified"] == manifest_of(work / "out").history[0].date
    assert described["distribution"][0]["contentUrl"] == f"{PAGE}/tree/refs%2Ftags%2Fv1.2.0"
    assert yaml.safe_load(files_of(hub)["fiftyone.yml"])["splits"] == list(manifest_of(work / "out").splits)
    for name in ("croissant.json", "fiftyone.yml"):
        assert (work / "out" / name).read_bytes() == files_of(hub)[name]
    assert verify(work / "out").ok
    assert send(work / "out").commit is None


def test_the_next_version_and_another_branch_have_their_own(hub: HubServer, work: Path) -> None:
    send(work / "out", tag="v1.0.0")
    first = croissant_on_hub(hub)
    grow(work)
    send(work / "out")
    assert croissant_on_hub(hub)["distribution"][0]["contentUrl"] == PAGE
    assert croissant_on_hub(hub)["version"].startswith("0.0.0+") and first["version"] == "1.0.0"
    send(work / "out", revision="trial")
    on_branch = json.loads(files_of(hub, "trial")["croissant.json"])
    assert on_branch["distribution"][0]["contentUrl"] == f"{PAGE}/tree/refs%2Fheads%2Ftrial"
    assert verify(work / "out").ok


@pytest.mark.slow
def test_what_people_added_on_the_hub_is_kept(hub: HubServer, work: Path) -> None:
    send(work / "out", tag="v1.0.0")
    described = croissant_on_hub(hub)
    described["@context"]["ex"] = "https://example.org/"
    described |= {"creator": {"@type": "sc:Person", "name": "Ann"}, "ex:note": "x"}
    edit_on_hub(hub, "croissant.json", json.dumps(described).encode())
    for tag in ("v1.1.0", "v1.2.0"):
        build_again(work, placements=2 if tag == "v1.1.0" else 3)
        report = send(work / "out", tag=tag)
        assert "croissant.json: creator, ex:note" in report.kept and not report.warnings
        found = croissant_on_hub(hub)
        assert found["creator"]["name"] == "Ann" and found["ex:note"] == "x" and "ex" in found["@context"]
        assert found["version"] == tag[1:]
    assert send(work / "out").commit is None and verify(work / "out").ok


def test_generated_texts_that_people_changed_are_replaced_with_a_warning(hub: HubServer, work: Path) -> None:
    send(work / "out", tag="v1.0.0")
    described = croissant_on_hub(hub) | {"rai:dataSocialImpact": "None at all."}
    edit_on_hub(hub, "croissant.json", json.dumps(described).encode())
    report = send(work / "out")
    assert any("rai:dataSocialImpact" in text and "recipe" in text for text in report.warnings)
    assert "Not stated" in croissant_on_hub(hub)["rai:dataSocialImpact"]
    edit_on_hub(hub, "croissant.json", b"no JSON")
    assert any("not a JSON object" in text for text in send(work / "out").warnings)


def test_rollback_brings_back_the_description_of_the_version(hub: HubServer, work: Path) -> None:
    send(work / "out", tag="v1.0.0")
    first = files_of(hub)["croissant.json"]
    grow(work)
    send(work / "out", tag="v1.1.0")
    assert files_of(hub)["croissant.json"] != first
    rollback(NAME, "v1.0.0", retry_policy=QUICK)
    assert files_of(hub)["croissant.json"] == first


def test_rollback_to_a_version_without_description_leaves_none(hub: HubServer, work: Path) -> None:
    send(work / "out", tag="v1.0.0")
    before = delete_on_hub(hub, "croissant.json")
    grow(work)
    send(work / "out", tag="v1.1.0")
    rollback(NAME, before, retry_policy=QUICK)
    assert "croissant.json" not in files_of(hub)


def test_a_key_that_an_earlier_push_wrote_does_not_stay(work: Path) -> None:
    manifest, place = manifest_of(work / "out"), HubPlace(NAME)
    with_creators = manifest.replace(recipe=manifest.recipe.replace(creators=["Ann"]))
    remote = json.dumps(describe(with_creators, place)).encode()
    merged = merge_croissant(with_creators, manifest, place, remote)
    assert "creator" not in json.loads(merged.text) and not merged.kept and not merged.replaced
