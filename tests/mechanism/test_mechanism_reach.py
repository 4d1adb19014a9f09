"""What a hostile mechanism can reach: no file, secret, process or network of the host."""

import os
import socket
from pathlib import Path

import pytest
from mechanism.hosting import HISTORY

from metaloop.mechanism import host as host_module


def state(package):
    """What writing into our own package would change."""
    path = Path(package)
    return path.read_bytes(), sorted(p.name for p in path.parent.iterdir())


async def outcome(hosted, expression):
    """What came of evaluating `expression` inside: "refused ..." or "DONE ..."."""
    host = hosted(
        f"""
        try:
            got = {expression}
        except BaseException as error:
            return Steer(hint="refused " + type(error).__name__)
        return Steer(hint="DONE " + repr(got))
        """
    )
    return (await host.suggest(HISTORY)).hint


@pytest.mark.parametrize(
    "expression",
    [
        "open('/etc/shadow').read()",
        "open({secret!r}).read()",
        "os.listdir({home!r})[0]",
        "open({journal!r}, 'rb').read()",
        "open({outside!r}, 'w').write('x')",
        "open({package!r}, 'a').write('x')",
        "open(sys.modules['metaloop.mechanism.api'].__file__, 'a')",
        "open(sys.executable, 'ab')",
        "open('planted', 'w')",
        "open('/usr/planted', 'w')",
        "open('/etc/passwd', 'a')",
        "socket.create_connection({tcp!r}, timeout=2)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', {tcp!r})",
        "socket.socket(socket.AF_UNIX).connect({abstract!r})",
        "socket.getaddrinfo('pypi.org', 443)",
        "os.kill({pid}, 0)",
        "os.setuid(0) or open('/etc/shadow')",
        "os.chroot('/')",
        "os.mount('/', '/')",
    ],
)
async def test_nothing_of_the_host_is_within_reach(hosted, tmp_path, expression):
    for name in ("secret", "journal"):
        (tmp_path / name).write_text("PRIVATE")
    package = host_module.__file__
    before = state(package)
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0metaloop-mechanism-{os.getpid()}")
        abstract.listen()
        told = await outcome(
            hosted,
            expression.format(
                secret=str(tmp_path / "secret"),
                journal=str(tmp_path / "journal"),
                outside=str(tmp_path / "planted"),
                home=str(tmp_path),
                package=package,
                tcp=tcp.getsockname(),
                abstract=abstract.getsockname(),
                pid=os.getpid(),
            ),
        )
    assert told.startswith("refused"), told
    assert state(package) == before
    assert not (tmp_path / "planted").exists()


async def test_secrets_of_the_environment_are_not_there(hosted, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-do-not-tell")
    host = hosted(
        """
        seen = repr(dict(os.environ)).encode()
        for pid in os.listdir("/proc"):
            try:
                seen += open(f"/proc/{pid}/environ", "rb").read()
                seen += open(f"/proc/{pid}/cmdline", "rb").read()
            except OSError:
                pass
        told = [name for name in (b"sk-", b"API_KEY", b"SSH", b"TOKEN") if name in seen]
        return Steer(hint=repr(told) + f" in {len(seen) > 0}")
        """
    )
    assert (await host.suggest(HISTORY)).hint == "[] in True"
