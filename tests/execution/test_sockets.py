"""Hostile programs that try to reach somebody. None may succeed, unless the task has a network."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from attempts import ATTEMPT, Run, all_refused


async def test_no_network(hostile: Run) -> None:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        for listener in (tcp, udp):
            listener.bind(("127.0.0.1", 0))
            listener.setblocking(False)
        tcp.listen()
        outcome = await hostile(
            ATTEMPT
            + f"""
tcp, udp = {tcp.getsockname()!r}, {udp.getsockname()!r}
attempt("tcp", lambda: socket.create_connection(tcp, timeout=2))
attempt("udp", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", udp))
attempt("ipv6", lambda: socket.socket(socket.AF_INET6).connect(("::1", tcp[1])))
attempt("vsock", lambda: socket.socket(socket.AF_VSOCK))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
"""
        )
        all_refused(outcome)
        with pytest.raises(BlockingIOError):
            tcp.accept()
        with pytest.raises(BlockingIOError):
            udp.recv(1)


async def test_network_when_the_task_says_so(hostile: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcome = await hostile(
            f"import socket; socket.create_connection({server.getsockname()!r}, timeout=5)",
            network=True,
        )
        assert outcome.ok, outcome.stderr


async def test_abstract_unix_sockets_are_out_of_reach(hostile: Run) -> None:
    """They have no path, and belong to the network: D-Bus and Docker listen on such."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0metaloop-test-{os.getpid()}")
        server.listen()
        address = server.getsockname()
        for network in (False, True):
            outcome = await hostile(
                ATTEMPT
                + f"attempt('x', lambda: socket.socket(socket.AF_UNIX).connect({address!r}))",
                network=network,
            )
            all_refused(outcome)


@pytest.mark.parametrize("network", [False, True])
async def test_pairs_of_sockets_reach_each_other_alone(
    hostile: Run, workspace: Path, network: bool
) -> None:
    """A datagram's end may send to any socket with a name, such as the system's log."""
    abstract = f"\0metaloop-test-{os.getpid()}"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as named,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nameless,
    ):
        for listener, address in ((named, str(workspace.parent / "log")), (nameless, abstract)):
            listener.bind(address)
            listener.setblocking(False)
        outcome = await hostile(
            ATTEMPT
            + f"""
import asyncio, multiprocessing
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC):
    for address in {(named.getsockname(), nameless.getsockname())!r}:
        attempt("x", lambda: socket.socketpair(socket.AF_UNIX, kind)[0].sendto(b"x", address))
asyncio.run(asyncio.sleep(0))
one, other = multiprocessing.Pipe()
one.send("arrived"); print(other.recv())
""",
            network=network,
        )
        all_refused(outcome)
        assert "arrived" in outcome.stdout
        for listener in (named, nameless):
            with pytest.raises(BlockingIOError):
                listener.recv(1)
