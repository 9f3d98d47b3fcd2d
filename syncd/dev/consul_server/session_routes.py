"""`/v1/session/`."""

from aiohttp import web

from syncd.dev.consul_server.agent import NAME
from syncd.dev.consul_server.front import Call, Routes, answer, blocking
from syncd.dev.consul_server.records import Refused, Session
from syncd.dev.consul_server.requests import SessionWish, parse
from syncd.dev.tables import Change


async def create(call: Call) -> web.Response:
    """Make a session; the answer has its id."""
    wish = parse(await call.body(), SessionWish)
    with call.state.write() as index:
        session = call.state.sessions.create(index, NAME, wish)
    return answer(call, {"ID": session.id})


async def renew(call: Call) -> web.Response:
    """Give a session its full time again; 404 where it has ended."""
    session = call.state.sessions.get(_named(call))
    if session is None:
        raise Refused(404, f"Session id '{call.rest}' not found")
    call.state.sessions.renew(session)
    return answer(call, [session])


async def destroy(call: Call) -> web.Response:
    """End a session; true even where it has ended."""
    call.state.sessions.get(_named(call))
    with call.state.write() as index:
        call.state.sessions.destroy(index, call.rest)
    return answer(call, True)


async def info(call: Call) -> web.Response:
    """Show one session, in a list that is empty where it has ended."""
    sessions, session_id = call.state.sessions, _named(call)

    def read() -> tuple[int, list[Session]]:
        session = sessions.get(session_id)
        return sessions.index, [session] if session else []

    index, found = await blocking(call, read, _concerns)
    return answer(call, found, index)


async def show_all(call: Call) -> web.Response:
    """Show all sessions."""
    sessions = call.state.sessions
    index, found = await blocking(call, lambda: (sessions.index, sessions.all()), _concerns)
    return answer(call, found, index)


def _concerns(change: Change) -> bool:
    return change.table == "sessions"


def _named(call: Call) -> str:
    if not call.rest:
        raise Refused(400, "Missing session")
    return call.rest


ROUTES: Routes = {
    "/v1/session/create": {"PUT": create},
    "/v1/session/renew/": {"PUT": renew},
    "/v1/session/destroy/": {"PUT": destroy},
    "/v1/session/info/": {"GET": info},
    "/v1/session/list": {"GET": show_all},
}
