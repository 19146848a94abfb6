"""The few paths of a Kubernetes API server that are used: over HTTP, so that the real client is tested."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from paretonas.api import NASExperiment, NASTrial

KINDS = {"nasexperiments": "NASExperiment", "nastrials": "NASTrial", "jobs": "Job", "podgroups": "PodGroup"}

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
        self.pods: dict[str, Body] = {}
        """The status of pods, by name."""
        self.warnings: list[Body] = []
        """Events of the cluster's other controllers."""
        self.waiting: set[str] = set()
        """Pods whose container has not started."""
        self.refused: dict[str, int] = {}
        """Status codes by a part of the path."""
        self.refused_patches: int | None = None
        self.requests: list[str] = []
        self.patches: list[tuple[str, str, Any]] = []
        """Path, content type and body."""
        self.created: list[Body] = []
        """Resources that were posted."""
        self.told: list[Body] = []
        """Events that were posted."""
        self.deleted: list[str] = []
        """Paths, also of what did not exist."""
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
        """Create a resource, or change it; created anew it has another uid."""
        body = dict(document) if isinstance(document, dict) else document.to_dict()
        plural = next(plural for plural, kind in KINDS.items() if kind == body["kind"])
        key = (plural, namespace, body["metadata"]["name"])
        with self.news:
            event = "MODIFIED" if key in self.stored else "ADDED"
            version = str(len(self.events) + 1)
            metadata = {"uid": f"uid-{version}", "managedFields": [{"manager": "kubectl"}]}
            if key in self.stored:
                metadata["uid"] = self.stored[key]["metadata"]["uid"]
            metadata |= {**body["metadata"], "namespace": namespace, "resourceVersion": version}
            self.stored[key] = {**body, "metadata": metadata}
            self._tell(event, key)

    def create(self, plural: str, body: Body, namespace: str = "team") -> Body | None:
        """Create a resource, unless there is one of its name."""
        key = (plural, namespace, body["metadata"]["name"])
        with self.news:
            if key in self.stored:
                return None
            created = {"creationTimestamp": datetime.now(UTC).isoformat(), **body["metadata"]}
            self.put({**body, "metadata": created}, namespace)
            self.created.append(self.stored[key])
            return self.stored[key]

    def delete(self, plural: str, name: str, namespace: str = "team") -> bool:
        """Delete a resource; False when there is none."""
        with self.news:
            key = (plural, namespace, name)
            if key not in self.stored:
                return False
            known, version = self.stored[key], str(len(self.events) + 1)
            self.stored[key] = {**known, "metadata": {**known["metadata"], "resourceVersion": version}}
            self._tell("DELETED", key)
            del self.stored[key]
            return True

    def set_status(self, plural: str, name: str, status: Body, namespace: str = "team") -> None:
        """What another controller writes."""
        with self.news:
            self.put({**self.stored[plural, namespace, name], "status": status}, namespace)

    def _tell(self, event: str, key: Key) -> None:
        self.events.append((event, key, self.stored[key]))
        self.news.notify_all()

    def spec(self, name: str) -> Body:
        spec: Body = self.stored["nasexperiments", "team", name]["spec"]
        return spec


def _matches(query: dict[str, str], body: Body) -> bool:
    """Whether a resource is what the selectors of fields and labels ask for."""

    def value(path: str) -> Any:
        found: Any = body
        for part in path.split("."):
            found = found.get(part)
        return found

    terms = [term.partition("=") for term in query.get("fieldSelector", "").split(",") if term]
    return all(value(path) == wanted for path, _, wanted in terms) and _has_labels(query, body)


def _has_labels(query: dict[str, str], body: Body) -> bool:
    """Whether a resource has the labels: ``a=b``, ``a!=b`` and ``a``, separated by commas."""
    labels = body["metadata"].get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        name, _, wanted = term.partition("=")
        if name.endswith("!"):
            fits = labels.get(name[:-1]) != wanted
        else:
            fits = labels.get(name) == wanted if "=" in term else name in labels
        if not fits:
            return False
    return True


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # an answer is two packets: the second would wait 40 ms

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = dict(parse_qsl(url.query))
            server.requests.append(self.path)
            if not self._refused():
                if url.path.startswith("/api/v1"):
                    self._core(url.path.strip("/").split("/")[4:], query)
                else:
                    self._custom(self._parts(), query)

        def do_PATCH(self) -> None:
            body = self._body()
            server.patches.append((self.path, self.headers["Content-Type"], body))
            if self._refused():
                return
            _, namespace, plural, name = self._parts()
            known = server.stored.get((plural, namespace, name), body)
            server.put({**known, "spec": {**known["spec"], **body["spec"]}}, namespace)
            self._json(200, server.stored[plural, namespace, name])

        def do_POST(self) -> None:
            body = self._body()
            if self._refused():
                return
            if self.path.startswith("/api/v1"):
                server.told.append(body)
                self._json(201, body)
                return
            _, namespace, plural = self._parts()
            created = server.create(plural, body, namespace)
            name = body["metadata"]["name"]
            self._json(201, created) if created else self._status(409, f'{plural} "{name}" already exists')

        def do_PUT(self) -> None:
            body = self._body()
            if self._refused():
                return
            _, namespace, plural, name, _ = self._parts()
            with server.news:
                known = server.stored.get((plural, namespace, name))
                if known is None:
                    self._status(404, f'{plural} "{name}" not found')
                elif known["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
                    self._status(409, "the object has been modified")
                else:
                    server.set_status(plural, name, body["status"], namespace)
                    self._json(200, server.stored[plural, namespace, name])

        def do_DELETE(self) -> None:
            self._body()
            server.deleted.append(urlsplit(self.path).path)
            if self._refused():
                return
            _, namespace, plural, name = self._parts()
            found = server.delete(plural, name, namespace)
            self._json(200, {}) if found else self._status(404, f'{plural} "{name}" not found')

        def _body(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")

        def _parts(self) -> list[str]:
            """The path of a custom resource, behind group and version."""
            return urlsplit(self.path).path.split("/")[4:]

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
            if parts == ["events"]:
                found = [event for event in server.warnings if _matches(query, event)]
                metadata = {"resourceVersion": str(len(server.events))}
                self._json(200, {"kind": "EventList", "apiVersion": "v1", "metadata": metadata, "items": found})
                return
            if parts == ["pods"]:
                job = query["labelSelector"].removeprefix("volcano.sh/job-name=")
                spec = {"containers": [{"name": "trial"}]}
                pods = [
                    {"metadata": {"name": name}, "spec": spec, "status": server.pods.get(name, {})}
                    for name in dict.fromkeys([*server.logs, *server.pods])
                    if name.startswith(f"{job}-")
                ]
                metadata = {"resourceVersion": str(len(server.events))}
                self._json(200, {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": pods})
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
