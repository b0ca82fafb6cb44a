"""Xet's storage on the loopback Hub: it takes uploads over HTTP, so that tests can count their bytes and let them fail.

Files cannot be read back from it. `HubServer.use_xet` without `over_http` gives a folder instead, which can be read.
"""

from hub_store import HubRefusalError


def store_xorb(hub, request, name):
    """One block of chunks. Chunks that the storage has are not sent again."""
    size = len(request.read_body())
    inserted = name not in hub.store.xorbs
    hub.store.xorbs[name] = size
    request.send_json({"was_inserted": inserted})


def store_shard(hub, request):
    """The list of a file's chunks."""
    request.read_body()
    request.send_json({"result": 1})


def known_chunks(hub, request, name):
    raise HubRefusalError(404, "no such chunk")


def telemetry(hub, request):
    request.read_body()
    request.send_json({})


XET_ROUTES = [
    ("POST", r"/cas/v1/xorbs/default/(?P<name>[0-9a-f]{64})", store_xorb),
    ("POST", r"/cas/v1/shards", store_shard),
    ("GET", r"/cas/v1/chunks/[\w-]+/(?P<name>[0-9a-f]{64})", known_chunks),
    ("POST", r"/cas/v1/telemetry", telemetry),
]
