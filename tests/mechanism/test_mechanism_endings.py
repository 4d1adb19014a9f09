"""What a hostile mechanism does to the machine: hanging, bombs and daemons end with its worker."""

import asyncio
import os

import pytest
from execution.processes import living, until
from mechanism.hosting import HISTORY, MARK, refusal

from metaloop.mechanism import host as host_module
from metaloop.mechanism.host import MechanismError


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


async def test_one_that_floods_its_answers_can_be_closed(hosted):
    """Between two calls, when nobody reads them."""
    host = hosted(
        """
        def flood():
            for fd in range(3, 64):
                try:
                    os.write(fd, bytes(10**7))
                except OSError:
                    pass
        threading.Timer(0.2, flood).start()
        return {"X": 0.5}
        """
    )
    assert await host.suggest(HISTORY) == {"X": 0.5}
    await asyncio.sleep(1.0)
    await asyncio.wait_for(host.close(), 20)


async def test_closing_cuts_a_call_short(hosted):
    host = hosted("time.sleep(60)", call_s=50.0)
    call = asyncio.ensure_future(refusal(host))
    assert await until(lambda: bool(living(MARK)))
    await asyncio.wait_for(host.close(), 20)
    assert "was stopped" in await call


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
