"""Hostile mechanisms, straight at the host: what the import allow-list says is not asked here.

Each must end in a MechanismError or do no harm, and leave no process behind.
"""

from textwrap import dedent, indent

import pytest
from execution.processes import living, until
from mechanism.hosting import MARK, MEMORY_MB

from metaloop.execution import find_sandbox
from metaloop.mechanism import host as host_module
from metaloop.mechanism.api import Space
from metaloop.mechanism.host import MechanismHost

SPACE = Space.from_dict({"X": {"type": "float", "low": -1.0, "high": 1.0}})
HEAD = (
    "ctypes, mmap, os, signal, socket, subprocess, sys, threading, time = map(__import__, "
    "'ctypes mmap os signal socket subprocess sys threading time'.split())\n"
)


@pytest.fixture(scope="module")
def sandbox():
    return find_sandbox()


@pytest.fixture
async def hosted(sandbox, monkeypatch):
    """Start a mechanism from the body of its `suggest`; in the end no process may be left."""
    monkeypatch.setattr(host_module, "MEMORY_MB", MEMORY_MB)
    monkeypatch.setattr(host_module, "START_S", 5.0)
    hosts = []

    def start(suggest, init="pass", accept="return None", call_s=5.0):
        source = HEAD + "class Evil(Mechanism):\n"
        for name, body in {
            "__init__(self, space, rng)": f"super().__init__(space, rng)\n{dedent(init)}",
            "suggest(self, history)": suggest,
            "accept(self, trial, history)": accept,
        }.items():
            source += f"    def {name}:\n{indent(dedent(body), ' ' * 8)}\n"
        hosts.append(MechanismHost(source, SPACE, 3, sandbox, call_s=call_s))
        return hosts[-1]

    yield start
    for host in hosts:
        await host.close()
    assert await until(lambda: not living(MARK)), "a process survived"
