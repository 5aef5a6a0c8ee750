"""What the map's browser side is told, and what it may ask for."""

import asyncio
import json
import re

import numpy as np
import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from latentviz.app.scatter import component, served, standalone
from latentviz.app.scatter.component import Panel
from latentviz.app.scatter.payload import decode, encode
from latentviz.errors import DataError
from latentviz.figures import colouring
from latentviz.projection.selection import fingerprint


def points(count: int = 30) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "set": np.repeat(["a", "b"], count // 2),
            "id": [f"{n}</script>" for n in range(count)],
            "label": [f"class {n % 25}" for n in range(count)],
            "prediction": "x",
            "confidence": random.random(count).astype(np.float32),
            "feature_norm": random.random(count).astype(np.float32),
        }
    )


def panel(table: pd.DataFrame, by: str = "set", dimensions: int = 2, **how) -> Panel:
    xy = np.random.default_rng(1).normal(size=(len(table), dimensions)).astype(np.float32)
    return Panel(xy, colouring.colour(table, by), "A map.", **how)


def along(arrays):
    return lambda values: served.reference(values, arrays, along=True)


def groups(table):
    return pd.factorize(table["set"])[0].astype(np.uint16)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_state_refers_to_the_arrays(dimensions):
    table, arrays = points(), {}
    shown = np.arange(30) % 3 > 0
    one = panel(table, "set", dimensions, hidden=("b", "gone"))
    state = component.described([one], groups(table), along(arrays), shown)
    found = decode(encode(arrays))
    (said,) = state["panels"]
    np.testing.assert_array_equal(found[said["xy"]["name"]], one.coordinates)
    np.testing.assert_array_equal(found[said["colour"]["values"]["name"]], one.colour.values)
    np.testing.assert_array_equal(np.unpackbits(found[state["shown"]["name"]], bitorder="little")[:30], shown)
    assert said["layout"] == fingerprint(one.coordinates)
    assert said["colour"]["hidden"] == ["b"]
    assert json.loads(bytes(component.as_bytes(state))) == json.loads(json.dumps(state))


def test_rare_categories_are_listed_as_other_but_named():
    table = points(100)
    colour = component.described([panel(table, "label")], groups(table), along({}))["panels"][0]["colour"]
    assert len(colour["names"]) == 25
    assert len(colour["listed"]) == 21
    assert colour["listed"][-1]["name"] == "other"
    assert len(colour["listed"][-1]["names"]) == 5
    assert sum(entry["count"] for entry in colour["listed"]) == 100


def test_numbers_tell_their_range_and_what_is_missing():
    table = points(100).assign(score=np.append(np.full(10, np.nan), np.arange(90.0)))
    colour = component.described([panel(table, "score")], groups(table), along({}))["panels"][0]["colour"]
    assert colour["full"] == [0, 89]
    assert colour["range"] == pytest.approx(np.percentile(np.arange(90), [1, 99]))
    assert colour["missing"] == 10
    assert all(re.fullmatch("#[0-9a-f]{6}", fill) for fill in colour["ramp"])


def test_scores_that_are_all_missing_or_one_number_can_be_told():
    table = points(10)
    for value in (np.nan, 3.0):
        coloured = panel(table.assign(score=np.full(10, value)), "score")
        component.as_bytes(component.described([coloured], groups(table), along({})))


@pytest.mark.parametrize("change", ["colour", "shown", "towards", "groups", "flat", "panels"])
def test_what_does_not_fit_together_is_said(change):
    table = points()
    one, shown, these = panel(table), None, groups(table)
    if change == "colour":
        one = Panel(one.coordinates, colouring.colour(points(10), "set"), "")
    elif change == "towards":
        one = panel(table, towards=one.coordinates[:5])
    elif change == "flat":
        one = Panel(one.coordinates[:, :1], one.colour, "")
    elif change == "shown":
        shown = np.ones(3, dtype=bool)
    elif change == "groups":
        these = these[:7]
    with pytest.raises(DataError, match=r"samples|coordinates|side by side"):
        component.described([one] * (3 if change == "panels" else 1), these, along({}), shown)


def test_between_two_layouts_both_are_named():
    table = points()
    other = panel(table, "label").coordinates + 1
    one = panel(table, towards=other, ends=("first", "second"))
    arrays = {}
    said = component.described([one], groups(table), along(arrays))["panels"][0]
    assert said["layout"] == f"{fingerprint(one.coordinates)}-{fingerprint(other)}"
    np.testing.assert_array_equal(arrays[said["xy"]["name"]], other)
    np.testing.assert_array_equal(arrays[said["from"]["name"]], one.coordinates)


@pytest.fixture
def routed(monkeypatch):
    """A server with the map's routes; afterwards nothing remembers them."""
    monkeypatch.setattr(served, "_is_routed", False)
    return Client(Starlette(routes=served.routes()))


class Client:
    """Asks an ASGI app without a network."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    def get(self, path: str) -> Response:
        sent: list[dict] = []
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}

        async def receive() -> dict:
            return {"type": "http.request", "body": b""}

        async def send(message: dict) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Response(b"".join(m.get("body", b"") for m in sent[1:]), sent[0]["status"], headers)


def test_arrays_are_fetched_by_their_content(routed):
    values, inline = np.arange(12, dtype=np.float32).reshape(6, 2), {}
    found = served.reference(values, inline)
    assert not inline
    answer = routed.get(found["url"])
    np.testing.assert_array_equal(decode(answer.body)["values"], values)
    assert "immutable" in answer.headers["cache-control"]
    assert served.reference(values.copy(), {}) == found
    assert served.reference(values + 1, {})["url"] != found["url"]


def test_nobody_can_ask_for_what_no_page_has_named(routed):
    url = served.reference(np.zeros(3, dtype=np.float32), {})["url"]
    assert routed.get(url.replace(url.split("/")[2], "guess")).status_code == 404
    assert routed.get(url.rsplit("/", 1)[0] + "/0123456789abcdef").status_code == 404


def test_the_longest_unused_arrays_go(routed, monkeypatch):
    monkeypatch.setattr(served, "MOST_BYTES", 3000)
    urls = [served.reference(np.full(250, n, dtype=np.float32), {})["url"] for n in range(4)]
    assert [routed.get(url).status_code for url in urls] == [404, 404, 200, 200]


def test_samples_are_described(routed):
    where = served.samples("m", lambda row: {"title": ["a", "b"][row], "facts": [], "image": None})
    assert json.loads(routed.get(f"{where}/1").body)["title"] == "b"
    assert routed.get(f"{where}/2").status_code == 404
    assert routed.get(f"{where}x/1").status_code == 404


def test_without_routes_arrays_are_sent_along(monkeypatch):
    monkeypatch.setattr(served, "_is_routed", False)
    values, inline = np.zeros(3, dtype=np.float32), {}
    first, again = served.reference(values, inline), served.reference(values, inline)
    assert first == again
    assert inline[first["name"]] is values
    assert served.samples("m", lambda row: {}) is None


def test_a_page_of_its_own_holds_what_is_shown_and_ends_no_script(tmp_path):
    table = points()
    kept = table["set"].to_numpy() == "b"
    text = standalone.page([panel(table)], table, kept, "<b>digits</b>")
    assert "<title>&lt;b&gt;digits&lt;/b&gt;</title>" in text
    assert text.count("</script>") == 2
    assert "http" not in re.sub(r"data:[^\"]*", "", text)
    known = json.loads(re.search("const known = (.*);", text)[1])
    assert known["ids"] == table.loc[kept, "id"].tolist()
    assert set(known["facts"]["Set"]) == {"b"}


def test_its_modules_find_each_other(tmp_path):
    """Every name that a module imports is one that the page has."""
    modules = standalone._modules()
    for path in standalone.STATIC.glob("*.js"):
        for name in re.findall(r'from "\./(.*?)"', path.read_text()):
            assert f"latentviz/{name}" in modules
