"""What the map fetches over HTTP: arrays by the hash of their content, and what is known of one sample.

So a rerun of the page sends a few hundred bytes, whatever the map's size, and an array is sent once.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from latentviz.app.scatter.payload import encode, hash_of

#: Bytes of arrays that wait for browsers; above it the longest unused go.
MOST_BYTES = 1_000_000_000
#: Maps whose samples can be asked about.
MOST_MAPS = 8

#: What a sample's card says: ``title``, ``facts`` (pairs of text) and ``image``, a data URI or None.
Describe = Callable[[int], dict[str, Any]]

# Part of all addresses, so that nobody can ask for what no page of this process has named.
_SECRET = secrets.token_urlsafe(16)

_lock = threading.Lock()
_arrays: OrderedDict[str, bytes] = OrderedDict()
_maps: OrderedDict[str, Describe] = OrderedDict()
_is_routed = False


def routes() -> list[BaseRoute]:
    """Routes for ``st.App``; from now on arrays are fetched instead of sent along."""
    global _is_routed
    _is_routed = True
    return [
        Route(f"/latentviz/{_SECRET}/array/{{name}}", _array),
        Route(f"/latentviz/{_SECRET}/sample/{{token}}/{{row:int}}", _sample),
    ]


def reference(values: np.ndarray, inline: dict[str, np.ndarray], along: bool = False) -> dict[str, Any]:
    """How the browser finds an array: at an address, or, without routes, in ``inline``, to which it is added.

    Parameters
    ----------
    values : ndarray of shape (N,) or (N, C); float32, uint16 or uint8
    inline : dict of ndarray
        Sections of the payload that is sent along.
    along : bool, default False
        Send it along though there are routes.

    Returns
    -------
    dict
        ``hash``, ``bytes``, and ``url`` or ``name``.
    """
    found = hash_of(values)
    if along or not _is_routed:
        name = next((name for name, there in inline.items() if there is values), f"a{len(inline)}")
        inline[name] = values
        return {"hash": found, "bytes": values.nbytes, "name": name}
    with _lock:
        if found not in _arrays:
            _arrays[found] = encode({"values": values}, {"values": found})
        _arrays.move_to_end(found)
        held = sum(map(len, _arrays.values()))
        while held > MOST_BYTES and len(_arrays) > 1:
            held -= len(_arrays.popitem(last=False)[1])
    return {"hash": found, "bytes": values.nbytes, "url": f"{_base()}/array/{found}"}


def samples(name: str, describe: Describe) -> str | None:
    """Let the browser ask about the samples of a map: it adds ``/ROW`` to the returned address; None without routes."""
    if not _is_routed:
        return None
    with _lock:
        _maps[name] = describe
        _maps.move_to_end(name)
        while len(_maps) > MOST_MAPS:
            _maps.popitem(last=False)
    return f"{_base()}/sample/{name}"


def _base() -> str:
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' if path else ''}{path}/latentviz/{_SECRET}"


async def _array(request: Request) -> Response:
    with _lock:
        content = _arrays.get(request.path_params["name"])
    if content is None:
        return Response("This array is no longer kept.", status_code=404)
    # The name is the content's hash: what it stands for never changes.
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _sample(request: Request) -> Response:
    """Not a coroutine: it reads files, in a thread of its own."""
    parameters: Mapping[str, Any] = request.path_params
    with _lock:
        describe = _maps.get(parameters["token"])
    if describe is None:
        return JSONResponse({"error": "This map is no longer kept."}, status_code=404)
    try:
        return JSONResponse(describe(parameters["row"]))
    except IndexError:
        return JSONResponse({"error": "There is no such sample."}, status_code=404)
