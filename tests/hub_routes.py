"""What the loopback Hub does for each URL. `ROUTES` at the end lists them.

A route is called as `route(hub, request, **named groups of its pattern)`.
"""

import hashlib
import json
from urllib.parse import parse_qs

import yaml
from hub_store import LFS_SUFFIXES, Entry, HubRefusalError, Repo

ORGANISATIONS = {"alice": ["lab"], "bob": []}


def who_am_i(hub, request):
    if request.user is None:
        raise HubRefusalError(401, "Invalid username or password.")
    name, role = request.user
    orgs = [{"name": org, "type": "org", "roleInOrg": "write"} for org in ORGANISATIONS[name]]
    token = {"role": role, "displayName": "test"}
    request.send_json({"type": "user", "name": name, "orgs": orgs, "auth": {"accessToken": token}})


def may_write(user, namespace: str) -> bool:
    return user is not None and user[1] == "write" and namespace in (user[0], *ORGANISATIONS[user[0]])


def find(hub, request, kind: str, repo: str, write: bool = False) -> Repo:
    """The repository; raises HubRefusalError without access. A private one looks missing to other users."""
    user, namespace = request.user, repo.split("/")[0]
    found = hub.store.repos.get((kind, repo))
    member = user is not None and namespace in (user[0], *ORGANISATIONS[user[0]])
    if found is None or (found.private and not member):
        raise HubRefusalError(404 if user else 401, "Repository not found", "RepoNotFound")
    if write and user is None:
        raise HubRefusalError(401, "Invalid username or password.")
    if write and not may_write(user, namespace):
        role = "" if user[1] == "write" else ": you must use a write token"
        raise HubRefusalError(403, f"Forbidden{role}. You don't have the rights to write to {repo}")
    return found


def create_repo(hub, request):
    body, user = request.read_json(), request.user
    if user is None:
        raise HubRefusalError(401, "Invalid username or password.")
    namespace, kind = body.get("organization") or user[0], body.get("type") or "model"
    if not may_write(user, namespace):
        raise HubRefusalError(403, f'You don\'t have the rights to create a {kind} under the namespace "{namespace}"')
    repo_id = f"{namespace}/{body['name']}"
    made = hub.store.create(kind, repo_id, body.get("visibility") == "private", user[0])
    made.variables.update({pair["key"]: pair["value"] for pair in body.get("variables", [])})
    request.send_json({"url": f"{hub.url}/{kind}s/{repo_id}", "name": repo_id})


def repo_info(hub, request, kind, repo, revision="main"):
    found = find(hub, request, kind, repo)
    commit = found.resolve(revision)
    siblings = [{"rfilename": path} for path in sorted(commit.files)]
    request.send_json({"id": repo, "sha": commit.oid, "private": found.private, "siblings": siblings, "tags": []})


def auth_check(hub, request, kind, repo, write):
    find(hub, request, kind, repo, write=bool(write))
    request.send_json({"ok": True})


def refs(hub, request, kind, repo):
    found = find(hub, request, kind, repo)

    def listed(prefix: str, names: dict) -> list[dict]:
        return [{"name": str(n), "ref": f"{prefix}{n}", "targetCommit": oid} for n, oid in names.items()]

    request.send_json(
        {
            "branches": listed("refs/heads/", found.branches),
            "converts": [],
            "tags": listed("refs/tags/", found.tags),
            "pullRequests": listed("refs/pr/", found.pull_requests),
        }
    )


def discussions(hub, request, kind, repo):
    """Pull requests, newest first; there are no other discussions."""
    found = find(hub, request, kind, repo)
    listed = [
        {
            "title": found.commits[oid].title,
            "num": number,
            "author": {"name": found.commits[oid].author},
            "createdAt": "2026-01-01T00:00:00.000Z",
            "status": "closed" if number in found.closed_pull_requests else "open",
            "repo": {"name": repo, "type": kind},
            "isPullRequest": True,
        }
        for number, oid in sorted(found.pull_requests.items(), reverse=True)
    ]
    start = int(request.query.get("p", 0)) * hub.page_size
    request.send_json({"discussions": listed[start : start + hub.page_size], "count": len(listed), "start": start})


def create_branch(hub, request, kind, repo, branch):
    found = find(hub, request, kind, repo, write=True)
    start = request.read_json().get("startingPoint", "main")
    with hub.store.lock:
        if branch in found.branches:
            raise HubRefusalError(409, f"Branch {branch} already exists")
        found.branches[branch] = found.resolve(start).oid
    request.send_json({"ok": True})


def create_tag(hub, request, kind, repo, revision):
    found, tag = find(hub, request, kind, repo, write=True), request.read_json()["tag"]
    with hub.store.lock:
        if tag in found.tags:
            raise HubRefusalError(409, f"Tag {tag} already exists")
        found.tags[tag] = found.resolve(revision).oid
    request.send_json({"ok": True})


def commits(hub, request, kind, repo, revision):
    found = find(hub, request, kind, repo)
    listed = [
        {
            "id": commit.oid,
            "title": commit.title,
            "message": commit.description,
            "date": "2026-01-01T00:00:00.000Z",
            "authors": [{"user": commit.author}],
        }
        for commit in found.history(revision)
    ]
    request.send_json(listed)


def _path_info(path: str, entry: Entry) -> dict:
    info: dict = {"type": "file", "path": path, "size": entry.size, "oid": entry.oid}
    if entry.sha256:
        info["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": 130}
    return info


def _folder_info(path: str) -> dict:
    return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}


def tree(hub, request, kind, repo, revision, path=""):
    commit = find(hub, request, kind, repo).resolve(revision)
    prefix = f"{path}/" if path else ""
    recursive = request.query.get("recursive", "").lower() == "true"
    infos: dict[str, dict] = {}
    for name, entry in sorted(commit.files.items()):
        if not name.startswith(prefix):
            continue
        parents = name.removeprefix(prefix).split("/")[:-1]
        for depth in range(1, len(parents) + 1 if recursive else min(2, len(parents) + 1)):
            folder = prefix + "/".join(parents[:depth])
            infos.setdefault(folder, _folder_info(folder))
        if recursive or not parents:
            infos[name] = _path_info(name, entry)
    if path and not infos:
        raise HubRefusalError(404, f"{path} does not exist", "EntryNotFound")
    start = int(request.query.get("cursor", 0))
    stop = start + hub.page_size
    headers = {}
    if stop < len(infos):
        rest = request.path.split("?")[0] + f"?recursive={recursive}&cursor={stop}"
        headers["Link"] = f'<{hub.url}{rest}>; rel="next"'
    request.send_json(list(infos.values())[start:stop], headers=headers)


def paths_info(hub, request, kind, repo, revision):
    commit = find(hub, request, kind, repo).resolve(revision)
    body = request.read_body()
    paths = parse_qs(body.decode()).get("paths", []) if not body.startswith(b"{") else json.loads(body)["paths"]
    infos = []
    for path in paths:
        if path in commit.files:
            infos.append(_path_info(path, commit.files[path]))
        elif any(name.startswith(f"{path}/") for name in commit.files):
            infos.append(_folder_info(path))
    request.send_json(infos)


def preupload(hub, request, kind, repo, revision):
    as_pull_request = "create_pr" in request.query
    commit = find(hub, request, kind, repo, write=not as_pull_request).resolve(revision)
    answers = []
    for file in request.read_json()["files"]:
        mode = "lfs" if file["path"].endswith(LFS_SUFFIXES) or file["size"] > 10 << 20 else "regular"
        existing = commit.files.get(file["path"])
        answers.append(
            {
                "path": file["path"],
                "uploadMode": mode,
                "shouldIgnore": False,
                "oid": existing.blob if existing else None,
            }
        )
    request.send_json({"files": answers})


def lfs_batch(hub, request, kind, repo):
    find(hub, request, kind, repo)
    objects = request.read_json()["objects"]
    missing = [o for o in objects if not hub.store.blob_path(o["oid"]).is_file()]
    if hub.storage_limit is not None and sum(o["size"] for o in missing) > hub.storage_limit - hub.stored_bytes():
        raise HubRefusalError(403, "Private repository storage limit reached, please upgrade your plan")
    for item in missing:
        url, size = f"{hub.url}/storage/{item['oid']}", item["size"]
        upload: dict = {"href": url}
        if size > hub.multipart_above:
            chunk = hub.multipart_above
            parts = {str(n + 1): f"{url}/part/{n + 1}" for n in range(-(-size // chunk))}
            upload = {"href": f"{url}/complete", "header": {"chunk_size": str(chunk), **parts}}
        item["actions"] = {"upload": upload, "verify": {"href": f"{url}/verify"}}
    request.send_json({"transfer": "basic", "objects": objects})


def store_object(hub, request, oid, part=""):
    target = hub.store.blob_path(oid if not part else f"{oid}.part{part}")
    if not part and target.is_file():
        request.send_json({}, headers={"ETag": f'"{oid}"'})
        return
    received = target.with_name(f"{target.name}.{next(hub.counter)}.received")
    digest = request.save_body(received)
    if not part and digest != oid:
        received.unlink()
        raise HubRefusalError(400, f"the content's sha256 is {digest}, not {oid}")
    received.replace(target)
    request.send_json({}, headers={"ETag": f'"{digest}"'})


def complete_object(hub, request, oid):
    numbers = sorted(part["partNumber"] for part in request.read_json()["parts"])
    digest, whole = hashlib.sha256(), hub.store.blob_path(f"{oid}.whole.{next(hub.counter)}")
    with open(whole, "wb") as file:
        for number in numbers:
            data = hub.store.blob_path(f"{oid}.part{number}").read_bytes()
            digest.update(data)
            file.write(data)
    if digest.hexdigest() != oid:
        raise HubRefusalError(400, "the parts do not make the object")
    whole.replace(hub.store.blob_path(oid))
    request.send_json({})


def verify_object(hub, request, oid):
    body = request.read_json()
    path = hub.store.blob_path(oid)
    if not path.is_file() or path.stat().st_size != body["size"]:
        raise HubRefusalError(404, "object not found")
    request.send_json({})


def commit(hub, request, kind, repo, revision):
    as_pull_request = "create_pr" in request.query
    found = find(hub, request, kind, repo, write=not as_pull_request)
    if request.user is None or request.user[1] != "write":
        raise HubRefusalError(403, "Forbidden: you must use a write token")
    lines = [json.loads(line) for line in request.read_body().splitlines() if line.strip()]
    made, number = hub.store.commit(found, revision, lines, request.user[0], as_pull_request)
    url = f"{hub.url}/{kind}s/{repo}"
    answer = {"success": True, "commitOid": made.oid, "commitUrl": f"{url}/commit/{made.oid}"}
    if number is not None:
        answer["pullRequestUrl"] = f"{url}/discussions/{number}"
    request.send_json(answer)


def resolve(hub, request, kind, repo, revision, path):
    head = find(hub, request, kind, repo).resolve(revision)
    if path not in head.files:
        raise HubRefusalError(404, f"{path} does not exist on {revision}", "EntryNotFound")
    entry = head.files[path]
    headers = {"ETag": f'"{entry.blob}"', "X-Repo-Commit": head.oid}
    if entry.sha256:
        headers |= {"X-Linked-Etag": f'"{entry.blob}"', "X-Linked-Size": str(entry.size)}
        if hub.store.xet_hashes and entry.sha256 in hub.store.xet_hashes:
            refresh = f"{hub.url}/api/{kind}s/{repo}/xet-read-token/{head.oid}"
            headers |= {"X-Xet-Hash": hub.store.xet_hashes[entry.sha256], "X-Xet-Refresh-Route": refresh}
            request.send_json({}, headers=headers)
            return
    request.send_file(hub.store.blob_path(entry.blob), headers)


def validate_yaml(hub, request):
    text = request.read_json()["content"]
    try:
        found = yaml.safe_load(text.split("---")[1]) if text.startswith("---") else None
    except (yaml.YAMLError, IndexError) as e:
        request.send_json({"errors": [{"message": str(e)}], "warnings": []}, 400)
        return
    warnings = [] if found else [{"message": "empty or missing yaml metadata in repo card"}]
    request.send_json({"errors": [], "warnings": warnings})


def variables(hub, request, kind, repo):
    found = find(hub, request, kind, repo, write=request.command == "POST")
    if request.command == "POST":
        body = request.read_json()
        found.variables[body["key"]] = body["value"]
    request.send_json({key: {"key": key, "value": value} for key, value in found.variables.items()})


def xet_token(hub, request, kind, repo, mode, revision):
    """The address of Xet's chunks: a folder, which its library accepts instead of a server, or this server."""
    find(hub, request, kind, repo, write=mode == "write" and "create_pr" not in request.query)
    if hub.store.xet_hashes is None:
        raise HubRefusalError(404, "no Xet here", "EntryNotFound")
    where, until = f"local://{hub.store.root}/cas", "4102444800"
    if hub.store.xet_over_http:
        where = f"{hub.url}/cas"
    headers = {"X-Xet-Cas-Url": where, "X-Xet-Access-Token": "x", "X-Xet-Token-Expiration": until}
    request.send_json({"casUrl": where, "accessToken": "x", "exp": int(until)}, headers=headers)


_REPO = r"(?P<kind>dataset|space|model)s/(?P<repo>[\w.-]+/[\w.-]+)"
_REVISION = r"(?P<revision>[^/]+)"
_OBJECT = r"/storage/(?P<oid>[0-9a-f]{64})"
ROUTES = [
    ("GET", r"/api/whoami-v2", who_am_i),
    ("POST", r"/api/repos/create", create_repo),
    ("POST", r"/api/validate-yaml", validate_yaml),
    ("GET", rf"/api/{_REPO}", repo_info),
    ("GET", rf"/api/{_REPO}/revision/{_REVISION}", repo_info),
    ("GET", rf"/api/{_REPO}/auth-check(?P<write>/write)?", auth_check),
    ("GET", rf"/api/{_REPO}/refs", refs),
    ("GET", rf"/api/{_REPO}/discussions", discussions),
    ("POST", rf"/api/{_REPO}/branch/(?P<branch>[^/]+)", create_branch),
    ("POST", rf"/api/{_REPO}/tag/{_REVISION}", create_tag),
    ("GET", rf"/api/{_REPO}/commits/{_REVISION}", commits),
    ("GET", rf"/api/{_REPO}/tree/{_REVISION}(?:/(?P<path>.+))?", tree),
    ("POST", rf"/api/{_REPO}/paths-info/{_REVISION}", paths_info),
    ("POST", rf"/api/{_REPO}/preupload/{_REVISION}", preupload),
    ("POST", rf"/api/{_REPO}/commit/{_REVISION}", commit),
    ("GET POST", rf"/api/{_REPO}/variables", variables),
    ("GET", rf"/api/{_REPO}/xet-(?P<mode>read|write)-token/{_REVISION}", xet_token),
    ("POST", rf"/{_REPO}\.git/info/lfs/objects/batch", lfs_batch),
    ("PUT", _OBJECT + r"(?:/part/(?P<part>\d+))?", store_object),
    ("POST", _OBJECT + r"/complete", complete_object),
    ("POST", _OBJECT + r"/verify", verify_object),
    ("GET HEAD", rf"/{_REPO}/resolve/{_REVISION}/(?P<path>.+)", resolve),
]
