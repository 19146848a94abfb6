"""A proxy between the operator and the API server, which answers in its place, or not at all."""

import asyncio
import random
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from tests.cluster.faults.daemons import STATE

ADDRESS, PORT = "10.88.0.1", 7443
"""The node's address, which is in the API server's certificate."""

SILENCE = 40.0
"""Seconds without an answer: the operator gives a request 30."""

_SERVER = f"https://{ADDRESS}:443"
_DROPPED = {"Host", "Transfer-Encoding", "Content-Length", "Connection", "Content-Encoding"}


@dataclass(frozen=True, slots=True)
class Harm:
    """What happens to a share of the requests of some methods."""

    methods: frozenset[str]
    share: float
    status: int | None = None
    """The answer; None: none at all."""
    arrives: bool = False
    """Whether the request reaches the API server all the same."""


class Proxy:
    """Runs in a thread; `harm` is what it does now."""

    def __init__(self) -> None:
        self.harm: Harm | None = None
        self.done: Counter[str] = Counter()
        self._random = random.Random(0)  # noqa: S311 # no secret
        self._streams: set[asyncio.Task[object]] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(20), "the proxy does not start"

    @contextmanager
    def harming(self, harm: Harm) -> Iterator[None]:
        self.harm = harm
        try:
            yield
        finally:
            self.harm = None

    def cut_watches(self) -> int:
        """End every watch in the middle of a line; so many were open."""
        streams = list(self._streams)
        for stream in streams:
            self._loop.call_soon_threadsafe(stream.cancel)
        return len(streams)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self) -> None:
        trust = ssl.create_default_context(cafile=str(STATE / "ca.crt"))
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.load_cert_chain(STATE / "apiserver.crt", STATE / "apiserver.key")
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, ADDRESS, PORT, ssl_context=certificate).start()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body, harm = await request.read(), self._strikes(request)
        if harm is None:
            return await self._forward(request, body)
        self.done[f"{request.method} {harm.status or 'no answer'}"] += 1
        if harm.arrives:
            await self._forward(request, body, send=False)
        if harm.status is None:
            await asyncio.sleep(SILENCE)
        status = harm.status or 504
        message = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": status,
            "message": "the proxy says so",
        }
        return web.json_response(message, status=status, headers={"Retry-After": "1"} if status == 429 else None)

    def _strikes(self, request: web.Request) -> Harm | None:
        harm = self.harm
        watch = "watch" in request.query
        if harm is None or watch or request.method not in harm.methods or self._random.random() >= harm.share:
            return None
        return harm

    async def _forward(self, request: web.Request, body: bytes, *, send: bool = True) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k not in _DROPPED}
        url = f"{_SERVER}{request.raw_path}"
        async with self._client.request(
            request.method, url, headers=headers, data=body or None, skip_auto_headers=["Content-Type"]
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k not in _DROPPED or k == "Content-Encoding"}
            response = web.StreamResponse(status=answer.status, headers=kept)
            if not send:
                await answer.read()
                return response
            await response.prepare(request)
            task = asyncio.current_task()
            if "watch" in request.query and task is not None:
                self._streams.add(task)
            try:
                async for part in answer.content.iter_any():
                    await response.write(part)
                await response.write_eof()
            except ConnectionResetError:  # the operator has gone
                pass
            finally:
                if task is not None:
                    self._streams.discard(task)
            return response
