"""The browser fetches an array once, keeps it under its hash, and asks again after a failure."""

import base64

import numpy as np

from latentviz.app.scatter.payload import encode

# A server that counts.
SERVER = """
    const asked = [];
    const content = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    let works = true;
    globalThis.fetch = async (url) => {
        asked.push(url);
        return { ok: works, status: works ? 200 : 404, arrayBuffer: async () => content.buffer };
    };
    const refer = (hash, bytes = 16) => ({ hash, bytes, url: `/array/${hash}` });
"""
PAYLOAD = base64.b64encode(encode({"values": np.array([1.5, 2.5], dtype=np.float32)})).decode()


def test_an_array_is_fetched_once(javascript):
    code = (
        SERVER
        + """
        const [one, again] = [await m.section(refer("a")), await m.section(refer("a"))];
        await m.section(refer("b"));
        return [[...one.values], one === again, asked, m.section(null)];
    """
    )
    expected = [[1.5, 2.5], True, ["/array/a", "/array/b"], None]
    assert javascript("sections.js", code, payload=PAYLOAD) == expected


def test_what_came_along_is_not_fetched(javascript):
    code = SERVER + 'return [await m.section({ hash: "c", bytes: 8, name: "a0" }, { a0: { values: [7] } }), asked];'
    assert javascript("sections.js", code, payload=PAYLOAD) == [{"values": [7]}, []]


def test_what_is_gone_is_a_sentence_and_is_asked_for_again(javascript):
    code = (
        SERVER
        + """
        works = false;
        const error = await m.section(refer("a")).catch((error) => error.message);
        works = true;
        return [error, [...(await m.section(refer("a"))).values], asked.length];
    """
    )
    sentence = "The app no longer has the map's numbers (404). Reload the page."
    assert javascript("sections.js", code, payload=PAYLOAD) == [sentence, [1.5, 2.5], 2]


def test_the_longest_unused_go_when_there_is_too_much(javascript):
    code = (
        SERVER
        + """
        await m.section(refer("a", 4e8)); await m.section(refer("b", 3e8)); await m.section(refer("a", 4e8));
        await m.section(refer("c", 2e8));
        await m.section(refer("a", 4e8)); await m.section(refer("b", 3e8));
        return asked.map((url) => url.at(-1)).join("");
    """
    )
    assert javascript("sections.js", code, payload=PAYLOAD) == "abcb"
