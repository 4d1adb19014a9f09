"""What a hostile mechanism can answer: nothing, bad or forged, that goes unchecked."""

import pytest
from mechanism.hosting import HISTORY, refusal

from metaloop.mechanism.api import Steer, Trial
from metaloop.mechanism.host import MechanismError

FDS = "for fd in range(3, 64):\n    try:\n        os.write(fd, {})\n    except OSError: pass\n"


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
