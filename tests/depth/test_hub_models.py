"""Depth models on the Hub, downloaded by the real client from a local server, and read from its cache without one."""

import http.server
import json
import os
import subprocess
import sys
import threading

import pytest
import tiny_models

from fgbg_depth.depth.model_files import locate
from fgbg_depth.errors import DepthError

SHA = "0123456789abcdef0123456789abcdef01234567"
PROBE = """
import json, sys
from fgbg_depth.depth.model_files import locate
from fgbg_depth.errors import DepthError
answers = []
for model, revision in json.loads(sys.argv[1]):
    try:
        files = locate(model, revision)
        names = sorted(path.name for path in files.folder.iterdir())
        answers.append([files.name, files.revision, files.license(), files.digest(), names])
    except DepthError as e:
        answers.append(str(e))
print(json.dumps(answers))
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers what `snapshot_download` of user/tiny requests; other names give the Hub's own errors."""

    folder = None

    def do_GET(self, body=True):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self.info("/".join(parts[2:4]), parts[4] if len(parts) > 4 else "", parts[5] if len(parts) > 5 else "main")
        else:
            self.file(parts[-1], body)

    def do_HEAD(self):
        self.do_GET(body=False)

    def info(self, repo, what, revision):
        if repo == "user/gated":
            self.answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif repo not in ("user/tiny", "user/bare"):
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("main", SHA):
            self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        else:
            paths = sorted(self.folder.iterdir()) if repo == "user/tiny" else []
            tree = [{"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "0" * 40} for p in paths]
            names = [{"rfilename": path.name} for path in paths]
            description = {"id": repo, "sha": SHA, "siblings": names}
            self.answer(200, json.dumps(tree if what == "tree" else description).encode())

    def file(self, name, body):
        path = self.folder / name
        data = path.read_bytes() if path.is_file() else b""
        headers = {"ETag": f'"{name}-1"', "X-Repo-Commit": SHA}
        self.answer(200 if path.is_file() else 404, data, headers, body)

    def answer(self, status, data, headers=(), body=True):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tiny_models.densedepth(tmp_path_factory.mktemp("hub") / "tiny")
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    (folder / "training.log").write_text("not part of the model")
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("TinyHub", (Hub,), {"folder": folder}))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def locate_in_a_process(home, *models, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTEST"))}
    kept |= {"HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", **environment}
    run = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(models)], env=kept, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_hub_model_is_pinned_to_its_commit_and_found_in_the_cache(hub, tmp_path):
    models = [
        ("user/tiny", ""),
        ("user/tiny", SHA),
        ("user/tiny", "v9"),
        ("user/none", ""),
        ("user/gated", ""),
        ("user/bare", ""),
    ]
    main, pinned, no_revision, none, gated, bare = locate_in_a_process(tmp_path, *models, HF_ENDPOINT=hub)
    assert main[:3] == ["user/tiny", SHA, "cc-by-nc-4.0"]
    assert pinned == main
    assert main[4] == ["README.md", "config.json", "model.safetensors", "preprocessor_config.json"]
    assert "has no revision 'v9'" in no_revision
    assert "depth model user/none is not on the Hub, or it is private" in none
    assert "hf auth login" in gated
    assert "is not a transformers model" in bare

    no_server = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    for environment in (no_server, {"HF_HUB_OFFLINE": "1"}):
        cached, missing = locate_in_a_process(tmp_path, ("user/tiny", ""), ("user/other", "v1"), **environment)
        assert cached == main
        assert "user/other at revision v1 is not in the local cache" in missing
        assert "hf download user/other --revision v1" in missing
        assert "densedepth-demo" in missing


def test_a_programming_error_is_not_reported_as_a_download_problem(monkeypatch):
    from fgbg_depth.depth import model_files

    def fail(model, revision):
        raise ValueError("a mistake in the code")

    monkeypatch.setattr(model_files, "_download_snapshot", fail)
    with pytest.raises(ValueError, match="a mistake in the code"):
        model_files.locate("user/tiny")


def test_a_name_that_the_hub_does_not_allow_is_an_error_with_advice():
    with pytest.raises(DepthError, match=r"user/a\.\.b is not in the local cache and could not be downloaded"):
        locate("user/a..b")
