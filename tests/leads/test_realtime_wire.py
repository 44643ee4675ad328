"""What an application sends through Daphne arrives whole and in order, however slowly it is read."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from config.embedded.processes import free_port
from leads.realtime.wire import framed
from tests.many_texts import text
from tests.servers import ROOT

SMALL_BUFFER = 4_096


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Give the address of a Daphne that serves `tests.many_texts`."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "daphne",
        "-b",
        "127.0.0.1",
        "-p",
        str(port),
        "tests.many_texts:application",
    ]
    daphne = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert daphne.stderr is not None
    for line in daphne.stderr:
        if "Listening on TCP address" in line:
            break
    yield "127.0.0.1", port
    daphne.terminate()
    daphne.communicate()


@pytest.fixture
def opened(address: tuple[str, int]) -> Iterator[ClientConnection]:
    """Give a socket whose kernel holds little, so that most of a large answer has to wait in Daphne."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    plain.connect(address)
    with connect(f"ws://{address[0]}:{address[1]}/", sock=plain, compression=None, max_size=None) as client:
        yield client


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536, 300_000])
def test_texts_of_every_length_of_header_arrive_in_order(opened: ClientConnection, size: int) -> None:
    opened.send(f"40 {size}")

    for number in range(40):
        assert opened.recv() == text(number, size)


def test_bytes_and_pings_pass_between_texts(opened: ClientConnection) -> None:
    opened.send("3 10")
    opened.send("bytes")
    opened.send("2 70000")

    assert [opened.recv() for _ in range(3)] == [text(number, 10) for number in range(3)]
    assert opened.recv() == b"\x00\x01"
    assert opened.ping().wait(timeout=10)
    assert [opened.recv() for _ in range(2)] == [text(number, 70_000) for number in range(2)]


def test_nothing_is_sent_after_a_close_and_all_before_it_is(opened: ClientConnection) -> None:
    opened.send("30 100000")
    opened.send("close")

    assert [opened.recv() for _ in range(30)] == [text(number, 100_000) for number in range(30)]
    assert opened.recv() == "last"
    with pytest.raises(ConnectionClosedError) as caught:
        opened.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4408


def test_a_client_that_goes_away_in_the_middle_harms_no_other(address: tuple[str, int]) -> None:
    url = f"ws://{address[0]}:{address[1]}/"
    with connect(url, compression=None) as gone, connect(url, compression=None) as other:
        gone.send("2000 10000")
        gone.recv()
        gone.socket.shutdown(socket.SHUT_RDWR)
        other.send("5 20")

        assert [other.recv() for _ in range(5)] == [text(number, 20) for number in range(5)]


def test_a_text_is_framed_once_for_all_who_are_sent_it() -> None:
    message = "".join(["{", '"id":1', "}"])

    assert framed(message) is framed('{"id":1}')
    assert framed(message) == b'\x81\x08{"id":1}'
