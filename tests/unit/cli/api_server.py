"""The few paths of a Kubernetes API server that `kubectl nas` uses: over HTTP, so that its real client is tested."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from paretonas.api import NASExperiment, NASTrial

GROUP = "/apis/paretonas.io/v1alpha1"
KINDS = {"nasexperiments": "NASExperiment", "nastrials": "NASTrial"}

Body = dict[str, Any]
Key = tuple[str, str, str]
"""Plural, namespace, name."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that watches goes away in the middle of an answer."""


class ApiServer:
    """Resources, pods with their logs, and what is to be refused. Every change is an event for those who watch."""

    def __init__(self) -> None:
        self.stored: dict[Key, Body] = {}
        self.logs: dict[str, list[str]] = {}
        """What each pod printed, in the pieces in which it is sent."""
        self.waiting: set[str] = set()
        """Pods whose container has not started."""
        self.refused: dict[str, int] = {}
        """Status codes by a part of the path."""
        self.refused_patches: int | None = None
        self.requests: list[str] = []
        self.patches: list[tuple[str, str, Any]] = []
        """Path, content type and body."""
        self.events: list[tuple[str, Key, Body]] = []
        self.news = threading.Condition()
        self.expired: set[int] = set()
        """Versions from which nothing can be watched any more."""
        self.dropped: set[int] = set()
        """Versions from which a watch breaks off, once."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, document: NASExperiment | NASTrial | Body, namespace: str = "team") -> None:
        """Create a resource, or change it."""
        body = dict(document) if isinstance(document, dict) else document.to_dict()
        plural = next(plural for plural, kind in KINDS.items() if kind == body["kind"])
        key = (plural, namespace, body["metadata"]["name"])
        with self.news:
            event = "MODIFIED" if key in self.stored else "ADDED"
            metadata = {"uid": f"uid of {key}", "managedFields": [{"manager": "kubectl"}]}
            version = str(len(self.events) + 1)
            metadata |= {**body["metadata"], "namespace": namespace, "resourceVersion": version}
            self.stored[key] = {**body, "metadata": metadata}
            self._tell(event, key)

    def delete(self, plural: str, name: str, namespace: str = "team") -> None:
        with self.news:
            key = (plural, namespace, name)
            self._tell("DELETED", key)
            del self.stored[key]

    def _tell(self, event: str, key: Key) -> None:
        self.events.append((event, key, self.stored[key]))
        self.news.notify_all()

    def spec(self, name: str) -> Body:
        spec: Body = self.stored["nasexperiments", "team", name]["spec"]
        return spec


def _matches(query: dict[str, str], body: Body) -> bool:
    """Whether a resource is what the field selector asks for."""
    selector = query.get("fieldSelector")
    if not selector:
        return True
    path, _, wanted = selector.partition("=")
    value: Any = body
    for part in path.split("."):
        value = value.get(part)
    return bool(value == wanted)


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            server.requests.append(self.path)
            if not self._refused():
                parts = url.path.removeprefix(GROUP).strip("/").split("/")
                if url.path.startswith("/api/v1"):
                    self._core(url.path.strip("/").split("/")[4:], query)
                else:
                    self._custom(parts, query)

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.patches.append((self.path, self.headers["Content-Type"], body))
            if self._refused():
                return
            _, namespace, plural, name = self.path.removeprefix(GROUP).strip("/").split("/")
            known = server.stored[plural, namespace, name]
            server.put({**known, "spec": {**known["spec"], **body["spec"]}}, namespace)
            self._json(200, server.stored[plural, namespace, name])

        def _refused(self) -> bool:
            code = next((code for part, code in server.refused.items() if part in self.path), None)
            if self.command == "PATCH":
                code = code or server.refused_patches
            if code == 404:  # as for a resource that the server does not know
                self._text(404, "404 page not found\n")
            elif code == 403:
                verb = "patch" if self.command == "PATCH" else "list"
                self._status(403, f'forbidden: User "jane" cannot {verb} resource "nasexperiments"')
            elif code:
                self._status(code, "refused")
            return code is not None

        def _custom(self, parts: list[str], query: dict[str, str]) -> None:
            namespace = parts[1] if parts[0] == "namespaces" else None
            plural, *name = parts[2:] if namespace else parts
            if name:
                body = server.stored.get((plural, str(namespace), name[0]))
                self._json(200, body) if body else self._status(404, f'{plural} "{name[0]}" not found')
            elif query.get("watch"):
                self._watch(plural, namespace, query)
            else:
                with server.news:
                    items = [
                        body
                        for (of, where, _), body in sorted(server.stored.items())
                        if of == plural and namespace in {None, where} and _matches(query, body)
                    ]
                    version = str(len(server.events))
                self._json(200, {"kind": "List", "metadata": {"resourceVersion": version}, "items": items})

        def _watch(self, plural: str, namespace: str | None, query: dict[str, str]) -> None:
            seen = int(query["resourceVersion"])
            self._begin_chunks()
            if seen in server.expired:
                server.expired.remove(seen)
                gone = {"code": 410, "reason": "Expired", "message": "too old resource version"}
                self._chunk(json.dumps({"type": "ERROR", "object": gone}) + "\n")
                self._chunk("")
                return
            while seen not in server.dropped:
                with server.news:
                    while len(server.events) == seen:
                        server.news.wait()
                    events, seen = server.events[seen:], len(server.events)
                for event, (of, where, _), body in events:
                    if of == plural and namespace in {None, where} and _matches(query, body):
                        self._chunk(json.dumps({"type": event, "object": body}) + "\n")
            server.dropped.remove(seen)
            self.close_connection = True

        def _core(self, parts: list[str], query: dict[str, str]) -> None:
            if len(parts) == 1:
                job = query["labelSelector"].removeprefix("volcano.sh/job-name=")
                pods = [
                    {"metadata": {"name": name}, "spec": {"containers": [{"name": "trial"}]}}
                    for name in server.logs
                    if name.startswith(job)
                ]
                self._json(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods})
                return
            _, pod, _ = parts
            if pod in server.waiting:
                self._status(400, f'container "trial" in pod "{pod}" is waiting to start: ContainerCreating')
                return
            self._begin_chunks()
            pieces = server.logs[pod]
            if query.get("follow") != "true":
                pieces = ["\n".join("".join(pieces).split("\n")[-int(query["tailLines"]) - 1 :])]
            for piece in pieces:
                self._chunk(piece)
            self._chunk("")

        def _begin_chunks(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def _chunk(self, text: str) -> None:
            data = text.encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def _status(self, code: int, message: str) -> None:
            self._json(code, {"kind": "Status", "status": "Failure", "code": code, "message": message})

        def _json(self, code: int, body: Any) -> None:
            self._text(code, json.dumps(body), "application/json")

        def _text(self, code: int, text: str, kind: str = "text/plain") -> None:
            data = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
