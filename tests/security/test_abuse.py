"""Promise S3: what is too large is refused before it is read, what never ends is let go, and meanwhile the others are served."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from services.gateway.identity import COOKIE
from services.gateway.pages import csrf
from tests.security.town import Town
from tests.support.servers import until
from tests.support.stack import PASSWORD, Business, Stack

MIB = 1024 * 1024
# Of a process that holds no more of a body than it must.
GROWTH = 48 * MIB


def memory(stack: Stack) -> int:
    return int(psutil.Process(stack.pids["gateway"]).memory_info().rss)


@contextlib.contextmanager
def wire(stack: Stack, head: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", stack.port), timeout=20) as open_:
        open_.sendall(head)
        yield open_


def head(method: str, path: str, who: Business, **more: str) -> bytes:
    headers = {
        "Host": f"{who.tenant}.localhost:{who.stack.port}",
        "Authorization": f"Bearer {who.token}",
        "Cookie": f"{COOKIE}={who.token}",
        "X-CSRF-Token": csrf.token(who.token),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


LARGE = [
    ("POST", "/api/v1/contacts", "application/json"),
    ("POST", "/api/v1/sessions", "application/json"),
    ("POST", "/contacts", "application/x-www-form-urlencoded"),
    ("POST", "/login", "application/x-www-form-urlencoded"),
    ("POST", "/profile/logo", "multipart/form-data; boundary=b"),
    ("POST", "/contacts/import", "multipart/form-data; boundary=b"),
]


@pytest.mark.parametrize(("method", "path", "kind"), LARGE)
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_200_megabytes_are_refused_before_they_are_read(
    town: Town, method: str, path: str, kind: str, chunked: bool
) -> None:
    how = {"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": str(200 * MIB)}
    before = memory(town.stack)
    with wire(town.stack, head(method, path, town.owner, Content_Type=kind, **how)) as sending:
        chunk = b"100000\r\n" + b"x" * MIB + b"\r\n" if chunked else b"x" * MIB
        for _ in range(2 if chunked else 0):
            sending.sendall(chunk)
        answer = sending.recv(65536)
        assert status(answer) == 413, answer[:200]
        # Whoever goes on all the same is not kept in memory.
        with contextlib.suppress(OSError):
            for _ in range(20):
                sending.sendall(chunk)
    assert memory(town.stack) - before < GROWTH


@pytest.mark.parametrize("refused", [401, 413, 404])
def test_a_refused_request_that_never_ends_is_let_go(town: Town, refused: int) -> None:
    path = "/api/v1/contacts" if refused != 404 else "/api/v1/nothing"
    asked = head("POST", path, town.owner, Content_Type="application/json", Transfer_Encoding="chunked")
    if refused == 401:
        asked = asked.replace(b"Authorization: Bearer ", b"Authorization: Bearer x")
    chunk = b"100000\r\n" + b"x" * MIB + b"\r\n"
    sent = 0
    with wire(town.stack, asked) as sending:
        with contextlib.suppress(OSError):
            while sent < 1024 * MIB:
                sending.sendall(chunk)
                sent += MIB
                if sent == 2 * MIB:
                    assert status(sending.recv(65536)) == refused
    # What the network holds is sent, too.
    assert sent < 512 * MIB, sent


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: elsewhere.example\r\n"], ids=["none", "two"])
def test_a_request_names_exactly_one_host(town: Town, hosts: bytes) -> None:
    with wire(town.stack, b"GET / HTTP/1.1\r\n" + hosts + b"\r\n") as sending:
        assert status(sending.recv(65536)) == 400


def test_others_are_served_while_a_thousand_requests_are_half_sent(town: Town) -> None:
    with contextlib.ExitStack() as open_:
        begun = b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: "
        half = head("POST", "/api/v1/contacts", town.stranger, Content_Type="application/json", Content_Length="100")
        for n in range(1100):
            open_.enter_context(wire(town.stack, half + b'{"name":' if n % 4 == 0 else begun))
        until(lambda: town.owner.get("/me")["tenant"] == town.owner.tenant, 10, "somebody else is served")
        town.owner.post("/contacts", {"name": "Meanwhile", "email": "m@meanwhile.example"}, 201)
    until(lambda: town.owner.get("/me"), 10, "and after it")


def test_somebody_elsewhere_logs_in_while_wrong_logins_come_by_the_hundred(town: Town) -> None:
    answers: Counter[int] = Counter()

    def wrong(n: int, http: httpx.Client) -> None:
        body = {"tenant": town.owner.tenant, "email": f"nobody{n}@x.example", "password": "wrong password"}
        answers[http.post("/api/v1/sessions", json=body).status_code] += 1

    stop = threading.Event()
    served: list[tuple[int, float]] = []

    def somebody() -> None:
        body = {"tenant": town.owner.tenant, "email": town.owner.email, "password": PASSWORD}
        while not stop.is_set():
            began = time.monotonic()
            answer = httpx.post(f"{town.stack.url}/api/v1/sessions", json=body, timeout=30)
            served.append((answer.status_code, time.monotonic() - began))

    thread = threading.Thread(target=somebody)
    with contextlib.ExitStack() as clients, ThreadPoolExecutor(60) as pool:
        thread.start()
        # Addresses of their own, so that what is counted of them keeps nobody else out.
        elsewhere = [
            clients.enter_context(
                httpx.Client(
                    base_url=town.stack.url, transport=httpx.HTTPTransport(local_address=f"127.0.0.{n}"), timeout=60
                )
            )
            for n in (31, 32, 33)
        ]
        list(pool.map(lambda n: wrong(n, elsewhere[n % 3]), range(450)))
        stop.set()
    thread.join(60)
    # An address is let pass a hundred failures in a quarter of an hour, and what comes too thick is told to come later.
    assert answers.keys() <= {401, 429, 503}, answers
    assert 0 < answers[401] <= 3 * 110, answers
    assert answers[429] > 0, answers
    assert [code for code, _ in served].count(201) >= len(served) - 1 > 0, served


@pytest.mark.parametrize("name", ["brackets", "objects", "very deep"])
def test_json_that_is_too_deep_is_no_object_of_ours(town: Town, name: str) -> None:
    levels = {"brackets": 600, "objects": 300, "very deep": 200_000}[name]
    inner = "[" * levels + "]" * levels if name != "objects" else '{"a":' * levels + "1" + "}" * levels
    body = f'{{"name":{inner},"email":"x@y.example"}}'
    typed = {"Content-Type": "application/json"}
    answer = town.owner.http.post("/contacts", content=body, headers=typed)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error"), answer.text


def test_numbers_without_end_are_no_error_of_ours(town: Town) -> None:
    for number in ("1e999", "-1e999", "1" * 5000, "NaN", "1E400", "0." + "1" * 5000):
        answer = town.owner.http.request(
            "PATCH",
            "/settings",
            content=f'{{"offer_expiry_days":{number}}}',
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 422, f"{number[:10]}: {answer.text}"


MANY: dict[str, Callable[[Town], dict[str, Any]]] = {
    "parameters": lambda town: {"url": "/api/v1/contacts?" + "&".join(f"a{n}=1" for n in range(3000))},
    "the same parameter": lambda town: {"url": "/api/v1/partnerships?" + "&".join(["status=open"] * 3000)},
    "headers": lambda town: {"url": "/api/v1/contacts", "headers": {f"X-{n}": "1" for n in range(2000)}},
    "one large header": lambda town: {"url": "/api/v1/contacts", "headers": {"X-Large": "x" * 300_000}},
    "cookies": lambda town: {"url": "/contacts", "headers": {"Cookie": "; ".join(f"c{n}=1" for n in range(5000))}},
    "a large token": lambda town: {"url": "/api/v1/contacts", "headers": {"Authorization": "Bearer " + "x" * 60_000}},
    "a large cursor": lambda town: {"url": "/api/v1/contacts?cursor=" + "x" * 20_000},
}


@pytest.mark.parametrize("what", MANY)
def test_many_of_anything_is_an_answer_and_no_failure(town: Town, what: str) -> None:
    asked = MANY[what](town)
    headers = {"Authorization": f"Bearer {town.owner.token}", **asked.pop("headers", {})}
    with httpx.Client(base_url=town.stack.url, timeout=20) as http:
        try:
            answer = http.get(asked["url"], headers=headers)
        except httpx.HTTPError:
            # Let go while it still sent headers.
            answer = None
    assert answer is None or answer.status_code in {200, 303, 401, 414, 422, 431}, answer
    town.owner.get("/me")


def multipart(parts: list[tuple[str, bytes]]) -> bytes:
    return b"".join(b"--b\r\n" + name.encode() + b"\r\n\r\n" + data + b"\r\n" for name, data in parts) + b"--b--\r\n"


BOMBS = {
    "a thousand files": [
        (f'Content-Disposition: form-data; name="logo"; filename="{n}.png"', b"x") for n in range(1000)
    ],
    "fifteen thousand fields": [(f'Content-Disposition: form-data; name="{n}"', b"") for n in range(15_000)],
    "headers without end": [('Content-Disposition: form-data; name="logo"\r\n' + "X: 1\r\n" * 20_000 + "Y: 1", b"x")],
    "no end": [('Content-Disposition: form-data; name="logo"; filename="a.png"', b"x" * 900_000)],
    "a name of a megabyte": [(f'Content-Disposition: form-data; name="{"x" * 900_000}"', b"x")],
}


@pytest.mark.parametrize("path", ["/profile/logo", "/contacts/import", "/contacts"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_form_made_to_burst_is_refused(town: Town, path: str, bomb: str) -> None:
    body = multipart(BOMBS[bomb])[: -9 if bomb == "no end" else None]
    before = memory(town.stack)
    headers = {
        "Host": f"{town.owner.tenant}.localhost:{town.stack.port}",
        "Cookie": f"{COOKIE}={town.owner.token}",
        "X-CSRF-Token": csrf.token(town.owner.token),
        "Content-Type": "multipart/form-data; boundary=b",
    }
    answer = httpx.post(f"{town.stack.url}{path}", content=body, headers=headers, timeout=30)
    assert answer.status_code in {200, 400, 413}, answer.status_code
    assert memory(town.stack) - before < GROWTH


def test_streams_of_one_person_are_few_however_many_are_opened(town: Town) -> None:
    with contextlib.ExitStack() as open_:
        asked = head("GET", "/api/v1/events", town.manager)
        streams = [open_.enter_context(wire(town.stack, asked)) for _ in range(60)]

        def going_on() -> int:
            metrics = httpx.get(f"{town.stack.url}/metrics", timeout=10).text
            return int(float(next(line.split()[1] for line in metrics.splitlines() if line.startswith("accord_live_connections "))))  # fmt: skip

        assert streams
        until(lambda: 0 < going_on() <= 20, 20, "twenty are left")
        assert town.owner.get("/me")


def test_type_and_value_in_free_text_arrive_as_they_are(town: Town) -> None:
    """Fact N2: such objects fail to decode where kombu's JSON is used, and what carries them vanishes."""
    text = json.dumps({"__type__": "datetime", "__value__": "x"})
    partner = town.counterpart()
    sent = town.owner.offer(partner, town.contact(), message=text)
    assert partner.until(sent["id"], status="open")["message"] == text
    partner.post(f"/partnerships/{sent['id']}/decline", {"reason": text})
    assert town.owner.until(sent["id"], status="declined")["decline_reason"] == text
