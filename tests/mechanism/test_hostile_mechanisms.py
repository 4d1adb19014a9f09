"""Hostile mechanisms, straight at the host: what the import allow-list says is not asked here.

Each must end in a MechanismError or do no harm, and leave no process behind.
"""

import os
import socket
from pathlib import Path
from textwrap import dedent, indent

import pytest
from execution.processes import living, until

from metaloop.execution import find_sandbox
from metaloop.mechanism import host as host_module
from metaloop.mechanism.api import Space, Steer, Trial
from metaloop.mechanism.host import MechanismError, MechanismHost

SPACE = Space.from_dict({"X": {"type": "float", "low": -1.0, "high": 1.0}})
HISTORY = [
    Trial(0, {"X": 0.5}, 1.0, "kept", "baseline", None, "nothing"),
    Trial(1, {"X": 0.4}, None, "crashed", "model", 0, "X 0.5 -> 0.4"),
]
MEMORY_MB = 400 + os.getpid() % 100
"""Unlike any other's, so that it marks our workers in the list of processes."""
MARK = f"metaloop.mechanism.worker\0{MEMORY_MB}"
HEAD = (
    "ctypes, mmap, os, signal, socket, subprocess, sys, threading, time = map(__import__, "
    "'ctypes mmap os signal socket subprocess sys threading time'.split())\n"
)
FDS = "for fd in range(3, 64):\n    try:\n        os.write(fd, {})\n    except OSError: pass\n"


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


def state(package):
    """What writing into our own package would change."""
    path = Path(package)
    return path.read_bytes(), sorted(p.name for p in path.parent.iterdir())


async def refusal(host):
    """The MechanismError of one call, whose text is fit for a terminal."""
    with pytest.raises(MechanismError) as caught:
        await host.suggest(HISTORY)
    text = str(caught.value)
    assert text
    assert len(text) <= 1500
    assert all(c.isprintable() or c == "\n" for c in text), text
    return text


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


@pytest.mark.parametrize(
    ("suggest", "words"),
    [
        ("raise SystemExit(0)", "SystemExit"),
        ("sys.exit('bye')", "bye"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("os._exit(0)", "its process ended"),
        ("os.kill(os.getpid(), 9)", "its process ended"),
        ("os.closerange(3, 100)", ""),
        ("ctypes.string_at(0)", "its process ended"),
        ("return bytearray(10**12)", "MemoryError"),
        ("hog = []\nwhile True: hog.append(bytearray(10**7))", "MemoryError"),
        ("def down(): return down()\ndown()", "RecursionError"),
        ("return Steer(hint='x' * 10**7)", "longer than 65536"),
        ("return {'x' * 10**7: 1.0}", "longer than 65536"),
        ("return {'X': 'x' * 10**7}", "longer than 65536"),
        ("self.X = 1", "returned NoneType: it must return a dict"),
        ("return 7", "returned int"),
        ("return {}", "missing ['X']"),
        ("return {'X': 0.1, 'Y': 2}", "unknown parameters ['Y']"),
        ("return {'X': float('nan')}", "not a number"),
        ("return {'X': 'many'}", "not a number"),
        ("return {'X': [1]}", "not a number"),
        ("return {'X': None}", "not a number"),
        ("return {'X': 10**400}", ""),
        ("return {'X': 10**6000}", ""),
        ("return {'X': self}", "Evil is no value"),
        ("loop = {}; loop['X'] = loop; return loop", "Circular"),
        ("deep = 1\nfor _ in range(10**5): deep = [deep]\nreturn {'X': deep}", "RecursionError"),
        ("return Steer(parent=1)", "no measured trial 1"),
        ("return Steer(parent=-1)", "no measured trial -1"),
        ("return Steer(parent=10**30)", "no measured trial"),
        ("return Steer(parent=True)", "number of a trial"),
        ("return Steer(parent='0')", "number of a trial"),
        ("return Steer(focus=7)", "TypeError"),
        ("return Steer(focus=[7])", "list of names"),
        ("return Steer(hint=7)", "Steer.hint must be a string"),
        ("raise ValueError('\\x1b[2J\\x1b]0;owned\\x07 \\u202e\\r\\x9b')", "line "),
        ("raise type('\\x1b[2J\\r', (Exception,), {})('x')", "x"),
        ("raise ValueError('\\ud800 \\0')", "ValueError"),
        ("raise ValueError('x' * 10**7)", "xxx"),
        (
            "class Liar(Exception):\n    def __str__(self): raise SystemExit\nraise Liar",
            "its process ended",
        ),
    ],
)
async def test_a_bad_call_is_a_mechanism_error_that_says_what(hosted, suggest, words):
    assert words in await refusal(hosted(suggest))


@pytest.mark.parametrize(
    "forged",
    [
        rb"b'\xff\xfe\x00garbage\n'".decode(),
        "b'garbage\\n'",
        "b'[' * 50_000 + b'\\n'",
        "b'{\"assign\": ' * 5_000 + b'\\n'",
        "b'[]\\n'",
        "b'null\\n'",
        "b'{\"assign\": {\"X\": ' + b'9' * 5000 + b'}}\\n'",
        "b'{\"assign\": null}\\n'",
        'b\'{"assign": {"X": NaN}}\\n\'',
        'b\'{"steer": {"focus": {}, "avoid": []}}\\n\'',
        "b'{\"steer\": []}\\n'",
        'b\'{"error": {"a": "\\\\u001b[2J"}}\\n\'',
        "b'x' * 10_000_000",
    ],
)
async def test_garbage_on_the_answer_pipe_is_recognized(hosted, forged):
    await refusal(hosted(FDS.format(forged) + "return {'X': 0.1}"))


async def test_forged_answers_are_checked_like_any_other(hosted):
    """Written into the pipe by itself, one answer ahead: out of bounds is brought into bounds."""
    host = hosted(FDS.format('b\'{"assign": {"X": 1e999}}\\n\'') + "os._exit(0)")
    assert await host.suggest(HISTORY) == {"X": 1.0}
    assert "its process ended" in await refusal(host)


async def test_prints_and_reads_lead_nowhere(hosted):
    host = hosted(
        """
        print('{"assign": {"X": 0.9}}', flush=True)
        print('{"assign": {"X": 0.9}}', file=sys.stderr, flush=True)
        for fd in (0, 1, 2):
            try:
                os.write(fd, b'{"assign": {"X": 0.9}}\\n')
            except OSError:
                pass
        return {"X": 0.25 if os.read(0, 100) == b"" else 0.9}
        """
    )
    assert await host.suggest(HISTORY) == {"X": 0.25}
    assert await host.suggest(HISTORY) == {"X": 0.25}


async def test_steers_are_cleaned_and_cut(hosted):
    host = hosted(
        """
        return Steer(focus=["a\\x1b[2Jb", "", "\\n", "a" * 500] + ["n%d" % i for i in range(99)],
                     avoid="one()", hint="\\x1b[31mred\\r\\nnext\\u202e" + "x" * 9000)
        """
    )
    steer = await host.suggest(HISTORY)
    assert isinstance(steer, Steer)
    assert steer.avoid == ("one()",)
    assert len(steer.focus) <= 8
    assert max(map(len, steer.focus)) == 80
    assert len(steer.hint) <= 300
    assert "red  next" in steer.hint
    assert all(text.isprintable() for text in (*steer.focus, *steer.avoid, steer.hint))


@pytest.mark.parametrize(
    ("suggest", "init", "words"),
    [
        ("while True: pass", "pass", "suggest() took longer than 0.5 s"),
        ("time.sleep(99)", "pass", "suggest() took longer than 0.5 s"),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "pass", "suggest() took longer than 0.5 s"),
        (
            "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass",
            "pass",
            "suggest() took longer",
        ),
        ("return {'X': 0.1}", "while True: pass", "starting took longer than 1 s"),
        ("return {'X': 0.1}", "time.sleep(99)", "starting took longer than 1 s"),
        ("return {'X': 0.1}", "os._exit(0)", "its process ended"),
        ("return {'X': 0.1}", "raise SystemExit", "SystemExit"),
    ],
)
async def test_hanging_is_cut_short_and_final(hosted, monkeypatch, suggest, init, words):
    monkeypatch.setattr(host_module, "START_S", 1.0 if init != "pass" else 5.0)
    host = hosted(suggest, init, call_s=0.5)
    assert words in await refusal(host)
    if "SystemExit" not in words:
        assert await until(lambda: not living(MARK))
        assert words in await refusal(host)  # for good: it is not started again


async def test_an_error_is_not_the_end_of_the_worker(hosted):
    host = hosted("if len(history) == 2: raise ValueError('no')\nreturn {'X': 0.5}")
    assert "no" in await refusal(host)
    assert await host.suggest(HISTORY[:1]) == {"X": 0.5}


@pytest.mark.parametrize(
    "suggest",
    [
        "while True: os.fork()",
        "while True: subprocess.Popen(['/bin/sh', '-c', 'sleep 60'])",
        "while True: threading.Thread(target=time.sleep, args=(60,)).start()",
        "hog = mmap.mmap(-1, 3 << 30)\nfor i in range(0, 3 << 30, 4096): hog[i] = 1",
        "os.fork()\nhog = []\nwhile True: hog.append(os.urandom(10**7))",
        """
        for place in ("/tmp", "/dev/shm", "/var/tmp", "."):
            try:
                with open(place + "/fill", "wb") as file:
                    while True:
                        file.write(bytes(10**7))
            except OSError:
                pass
        raise ValueError("all full")
        """,
        "fd = os.memfd_create('x')\nwhile True: os.write(fd, bytes(10**7))",
    ],
)
async def test_bombs_fall_into_their_own_sandbox(hosted, tmp_path, suggest):
    free = os.statvfs(tmp_path)
    await refusal(hosted(suggest, call_s=10.0))
    assert os.statvfs(tmp_path).f_bavail > free.f_bavail - (500 << 20) // free.f_bsize


@pytest.mark.parametrize("end", ["return {'X': 0.5}", "os._exit(0)", "while True: pass"])
async def test_daemons_do_not_survive(hosted, end):
    daemon = """
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        time.sleep(60)
    os._exit(0)
"""
    host = hosted(daemon + end, call_s=1.0)
    if end.startswith("return"):
        assert await host.suggest(HISTORY) == {"X": 0.5}
        assert living(MARK)
    else:
        await refusal(host)
    await host.close()
    assert await until(lambda: not living(MARK))


async def test_workers_one_after_another_leave_nothing_that_counts(hosted):
    """An ended worker that nobody buried would count against the limit of those that follow."""
    for _ in range(25):
        host = hosted("return {'X': 0.5}")
        assert await host.suggest(HISTORY) == {"X": 0.5}
        await host.close()
        with pytest.raises(MechanismError, match="was stopped"):
            await host.suggest(HISTORY)


async def test_one_that_will_not_end_is_ended(hosted):
    host = hosted("return {'X': 0.5}", "__import__('atexit').register(time.sleep, 60)")
    await host.suggest(HISTORY)
    await host.close()
    assert await until(lambda: not living(MARK))


async def test_two_that_answer_for_one(hosted):
    """A fork that serves as well: answers may come twice, but never unchecked."""
    host = hosted("os.fork()\nreturn {'X': 5.0}")
    for _ in range(4):
        try:
            assert await host.suggest(HISTORY) == {"X": 1.0}
        except MechanismError:
            break


@pytest.mark.parametrize("opinion", ["'yes'", "7", "[1]", "True"])
async def test_accept_is_a_truth_value(hosted, opinion):
    host = hosted("return {'X': 0.5}", accept=f"return {opinion}")
    assert await host.accept(HISTORY[0], HISTORY) is True


async def test_a_hostile_accept_is_an_error(hosted):
    host = hosted("return {'X': 0.5}", accept="raise SystemExit('\\x1b[2J')")
    with pytest.raises(MechanismError, match="SystemExit") as caught:
        await host.accept(HISTORY[0], HISTORY)
    assert "\x1b" not in str(caught.value)


async def test_only_what_is_new_is_sent_and_history_cannot_be_rewritten(hosted):
    host = hosted(
        """
        told = [t.number for t in history]
        history.clear()
        return Steer(hint=f"{told}")
        """
    )
    trials = [Trial(n, {"X": 0.1}, 1.0, "discarded", "model", 0, "x") for n in range(4)]
    for seen in (1, 3, 4, 4):
        assert (await host.suggest(trials[:seen])).hint == str(list(range(seen)))
