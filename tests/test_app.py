"""The app's views: HTML in which names and cards of strangers cannot run, row and statistics pages, filters."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pytest
from app_outputs import encode, make_output

from fgbg_depth import schema
from fgbg_depth.app import card, view_filters, view_gallery, view_header, view_row, view_statistics
from fgbg_depth.app.images import Links
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.state import PageState
from fgbg_depth.app.templating import ENVIRONMENT, render
from fgbg_depth.errors import command
from fgbg_depth.read.reader import DatasetReader, StoredRow

APP = Path(card.__file__).parent

HOSTILE = ("<img src=x onerror=alert(1)>", '"><script>alert(2)</script>', "${alert(3)}{{alert}}'`")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> DatasetReader:
    return DatasetReader.open(make_output(tmp_path_factory.mktemp("app") / "out", names=HOSTILE, size=64))


@pytest.fixture(scope="module", params=["relative_disparity", None])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DatasetReader:
    folder = tmp_path_factory.mktemp("other") / "out"
    return DatasetReader.open(make_output(folder, 2, 2, 2, size=64, depth=request.param))


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, name: str, attributes: list) -> None:
        self.found.append((name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str, own: str = "") -> Tags:
    """Check that no name became markup. `own`: the beginning of the one form that the page itself has."""
    assert html.count(own) == 1 or not own
    parsed = Tags(html.replace(own, "<div")) if own else Tags(html)
    for name, attributes in parsed.found:
        assert name not in {"script", "iframe", "object", "style", "form", "base", "link", "meta"}
        assert not any(key.startswith("on") for key in attributes), (name, attributes)
        for key in ("src", "href"):
            safe = r"data:image/(png|jpeg);base64,|https?://|mailto:|/fgbg/image/0/[\w/.]+$|\?|$"
            assert re.match(safe, attributes.get(key) or ""), attributes
    return parsed


PICTURES = Links("", "0")
FORM = '<form class="fg-form" data-form aria-label="filters and order" autocomplete="off"'


def row_page(browser: DatasetReader, row: StoredRow) -> str:
    return view_row.page(browser, row, PageState(), PICTURES)


def gallery_values(browser: DatasetReader, state: PageState) -> dict[str, Any]:
    """Values of the template for a page without rows, with the filters of this state."""
    values: dict[str, Any] = dict.fromkeys(("first", "last", "total", "page", "num_pages"), 1)
    values |= dict.fromkeys(("previous", "next", "shuffle", "order"), "")
    return values | {"columns": [], "tiles": [], "chips": view_filters.chips(browser, state)}


def pages(browser: DatasetReader) -> dict[str, str]:
    hostile = PageState(bg=HOSTILE[0], texts=(("blend", HOSTILE[1]),), ranges=(("x", 0, 1),), seed=3)
    return {
        "header": view_header.header(browser),
        "filters": view_filters.form(browser),
        "chips": render("gallery.html", **gallery_values(browser, hostile)),
        "gallery": view_gallery.rows(browser, PageState(page=2), PICTURES)[0],
        "row": row_page(browser, browser.row("train", 3)),
        "statistics": view_statistics.page(browser),
        "backgrounds": view_gallery.sources(browser, "bg", PICTURES),
        "cutouts": view_gallery.sources(browser, "fg", PICTURES),
        "card": card.page(browser, PICTURES),
        "problem": view_header.problem(f"{HOSTILE[0]}\n  Build it: python builder.py {HOSTILE[1]}"),
    }


def test_no_name_becomes_markup(browser: DatasetReader) -> None:
    made = pages(browser)
    for name, html in made.items():
        assert_harmless(html, FORM if name == "filters" else "")
    shown = {name for name in HOSTILE if name in Tags(made["cutouts"]).text}
    assert shown == set(HOSTILE), "shown as text"


def test_every_kind_of_dataset_has_pages(other: DatasetReader) -> None:
    for name, html in pages(other).items():
        assert_harmless(html, FORM if name == "filters" else "")


def test_templates_escape_everything_but_the_cleaned_card() -> None:
    assert render("note.html", message="<b> & \"'") == '<p class="fg-note">&lt;b&gt; &amp; &#34;&#39;</p>'
    with pytest.raises(jinja2.UndefinedError):
        render("note.html")
    sources = {name: ENVIRONMENT.loader.get_source(ENVIRONMENT, name)[0] for name in ENVIRONMENT.list_templates()}
    assert {name for name, text in sources.items() if re.search(r"\|\s*safe|autoescape", text)} == {"card.html"}


def card_of(output: Path, text: str) -> Tags:
    (output / "README.md").write_text(text)
    return assert_harmless(card.clean_html(DatasetReader.open(output), PICTURES))


@pytest.fixture(scope="module")
def card_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = make_output(tmp_path_factory.mktemp("card") / "out", 2, 2, 2, size=64)
    (output / "assets").mkdir()
    (output / "assets" / "a.png").write_bytes(encode(np.zeros((2, 2), np.uint8)))
    (output / "assets" / "b.png").write_bytes(b"<svg onload=alert(1)>")
    return output


def test_a_card_contains_nothing_foreign(card_output: Path) -> None:
    parsed = card_of(
        card_output,
        "---\nlicense: x\n---\n# T\n<script>alert(1)</script>\n\n<details onclick=a><summary>S</summary>\n\nin\n\n"
        "</details>\n\n![a](assets/a.png) ![b](assets/b.png) ![c](https://evil.example/x.png) ![d](../../../etc/passwd)"
        " [l](javascript:alert(1)) [m](https://ok.example) <img src=x onerror=alert(1)>\n\n"
        "<details><summary>ok</summary>\n\ntext\n\n</details>\n\n<!-- a\n\ncomment -->\n",
    )
    sources = [attributes.get("src") for name, attributes in parsed.found if name == "img"]
    assert [bool(source) for source in sources] == [True, False, False, False, False]
    assert [attributes["href"] for name, attributes in parsed.found if name == "a"] == ["https://ok.example"]
    assert [name for name, _ in parsed.found].count("details") == 2
    assert "license" not in parsed.text and "comment" not in parsed.text


@pytest.mark.parametrize(
    "text",
    [
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
        '<a href="javascript:alert(1)">x</a> <a href="JaVa&#x09;Script:alert(1)">y</a> <a href="data:text/html,x">z',
        '<img src="data:image/svg+xml,<svg onload=alert(1)>"> ![x](data:image/png;base64,AAAA)',
        '<img src="assets/../../recipe.yaml"> <img src="//evil.example/a.png"> <img srcset="https://evil.example/a.png">',
        '<p style="background:url(https://evil.example/)" class="fg-row" id="fg-view" data-open="train/1">x</p>',
        '<form action="https://evil.example"><input name=a><button>go</button></form>',
        '<iframe src="https://evil.example"></iframe><object data="https://evil.example"></object><embed src=x>',
        '<meta http-equiv="refresh" content="0;url=https://evil.example"><base href="https://evil.example">',
        '<blockquote cite="javascript:alert(1)">x</blockquote><video src="https://evil.example/a.mp4"></video>',
        '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
        "`<script>` <style>body{display:none}</style>",
    ],
)
def test_hostile_html_in_a_card(card_output: Path, text: str) -> None:
    parsed = card_of(card_output, f"# T\n\n{text}\n")
    assert {name for name, _ in parsed.found} <= {"h1", "p", "a", "img", "code", "blockquote", "table", "tbody"}
    allowed = {"href", "rel", "target", "loading", "alt", "title", "src"}
    for _, attributes in parsed.found:
        assert set(attributes) <= allowed and "evil" not in str(attributes) and not attributes.get("src")


def test_what_a_card_may_contain(card_output: Path) -> None:
    parsed = card_of(
        card_output,
        "| a | b |\n|---|---:|\n| 1 | 2 |\n\nH<sub>2</sub>O <kbd>Ctrl</kbd> ~~x~~ [m](mailto:a@b.example) "
        '<img src="./assets/a.png" width="30%" alt="A">\n',
    )
    found = dict(parsed.found)
    assert found["td"] == {"align": "right"} and {"sub", "kbd", "s"} <= found.keys()
    assert found["a"] == {"href": "mailto:a@b.example", "rel": "noopener noreferrer nofollow", "target": "_blank"}
    assert re.fullmatch(r"/fgbg/image/0/shown/card/\d+/a\.png", found["img"]["src"]) and found["img"]["width"] == "30%"


def test_the_python_of_a_row_loads_exactly_this_row(
    browser: DatasetReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    row = browser.row("train", 17)
    scope: dict = {}
    exec(view_row.load_line(browser, row), scope)
    loaded = scope["rows"].cast_column("fg_bg", datasets.Image(decode=False))[row.shard_row]
    assert loaded["fg_bg"]["bytes"] == row.images["fg_bg"]
    assert {key: loaded[key] for key in row.facts} == row.facts


def test_the_app_needs_no_torch() -> None:
    check = (
        "import sys, fgbg_depth.app.launch; "
        "print([m for m in ('torch', 'transformers', 'datasets', 'h5py', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_rows_list_every_column_of_the_schema(browser: DatasetReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that is added to the schema is shown without a change of the app."""
    row = browser.row("train", 3)
    facts = {fact.name: fact for fact in view_row.column_facts(row, PageState())}
    assert list(facts) == list(schema.fact_columns(labels=()))
    declared = [column for column in schema.columns(labels=()) if column.type != "image"]
    assert all(facts[column.name].note == column.meaning for column in declared)
    assert facts["flip"].value in ("yes", "no") and facts["fg"].link and not facts["x"].link

    new = schema.Column("angle", "int32", "rotation of the cut-out in degrees", "scene")
    picture = schema.Column("fg_bg_extra", "image", "another picture", "render")
    monkeypatch.setitem(schema.COLUMNS, "default", (*schema.COLUMNS["default"], new, picture))
    images = row.images | {"fg_bg_extra": row.images["fg_bg"]}
    page = Tags(row_page(browser, replace(row, facts=row.facts | {"angle": 12}, images=images)))
    assert "rotation of the cut-out in degrees" in page.text and "another picture" in page.text


def test_nothing_in_the_app_compares_kinds_of_depth() -> None:
    for path in [*APP.glob("*.py"), *APP.glob("static/*"), *APP.glob("templates/*")]:
        assert not re.search(r"""["'](metric|relative_\w+)["']|\.kind [!=]=""", path.read_text()), path.name


def test_a_space_gets_templates_and_static_files() -> None:
    from fgbg_depth.hub.space_files import space_files

    files = space_files()
    expected = [p for folder in ("templates", "static") for p in (APP / folder).iterdir()]
    assert len(expected) > 15
    assert {f"fgbg_depth/app/{p.parent.name}/{p.name}" for p in expected} <= files.keys()


def test_errors_become_a_page_with_commands_to_copy() -> None:
    with pytest.raises(Exception, match="No dataset has been built yet") as caught:
        Opened(None)()
    page = view_header.problem(str(caught.value))
    assert f"<pre>{command('build')}</pre>" in page and f"<pre>{command('app DATASET')}</pre>" in page
    assert "<pre>" not in view_header.problem("Failed.\n  Run it again: it builds only what is missing.")
