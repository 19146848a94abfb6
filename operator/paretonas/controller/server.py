"""The HTTP endpoints /healthz, /readyz and /metrics."""

from aiohttp import web

from paretonas.controller.controller import Controller


async def serve(controller: Controller) -> web.AppRunner:
    """Serve on the configured port until the returned runner is cleaned up."""

    async def health(_: web.Request) -> web.Response:
        return _answer(controller.alive, "passes are made", "passes are stuck")

    async def ready(_: web.Request) -> web.Response:
        return _answer(controller.ready, "everything is listed", "resources have not been listed yet")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=controller.telemetry.exposition(), content_type="text/plain")

    app = web.Application()
    app.add_routes([web.get("/healthz", health), web.get("/readyz", ready), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=controller.settings.port).start()
    return runner


def _answer(good: bool, yes: str, no: str) -> web.Response:
    return web.Response(text=yes) if good else web.Response(text=no, status=503)
