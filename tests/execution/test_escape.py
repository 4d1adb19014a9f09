"""Hostile programs that try to see or change what is not theirs. None may succeed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from attempts import ATTEMPT, Run, all_refused

from metaloop.execution import SandboxError
from metaloop.execution.bubblewrap import programs


def modes(paths: list[str]) -> list[int]:
    """Permissions and kind of each file."""
    return [Path(path).stat().st_mode for path in paths]


async def test_environment_is_not_inherited(hostile: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-do-not-tell")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    outcome = await hostile(
        """
        import glob
        for path in ["/proc/self/environ", *glob.glob("/proc/[0-9]*/environ")]:
            try:
                print(open(path, "rb").read())
            except OSError as error:
                print(error)
        import os; print(dict(os.environ))
        """,
        env=(("ALLOWED", "yes"),),
    )
    assert outcome.ok, outcome.stderr
    assert "sk-do-not-tell" not in outcome.stdout
    assert "'ALLOWED': 'yes'" in outcome.stdout
    for library in ("OMP", "OPENBLAS", "MKL"):
        assert f"'{library}_NUM_THREADS': '1'" in outcome.stdout


async def test_files_of_the_host_cannot_be_read(hostile: Run, tmp_path: Path) -> None:
    secret = tmp_path / "id_ed25519"
    secret.write_text("PRIVATE KEY")
    outcome = await hostile(
        ATTEMPT
        + f"""
paths = [{str(secret)!r}, "/etc/shadow", "/etc/passwd", "/etc/ssl/private", "/etc/hostname",
         "/var/log", "/sys/kernel", "/proc/1/root{secret}", "/proc/self/root{secret}"]
for path in paths:
    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path).read())
home = {str(Path.home())!r}
attempt("home", lambda: [f for f in os.listdir(home) if f.startswith(".bash")][0])
os.symlink({str(secret)!r}, "link")
attempt("symlink", lambda: open("link").read())
attempt("hard link", lambda: os.link({str(secret)!r}, "hard"))
attempt("memory of another", lambda: open("/proc/{os.getpid()}/environ").read())
attempt("kernel memory", lambda: open("/proc/kcore", "rb").read(1))
"""
    )
    all_refused(outcome)


async def test_nothing_of_the_host_can_be_written(hostile: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("intact")
    places = f"/usr/x /etc/x /x /dev/x {outside}/x /proc/self/root{outside}/x {Path.home()}/x"
    outcome = await hostile(
        ATTEMPT
        + f"""
for path in {places.split()!r}:
    attempt(path, lambda: open(path, "w").write("x"))
os.symlink({str(outside)!r}, "way")
attempt("symlink", lambda: open("way/x", "w").write("x"))
attempt("climb", lambda: open("../outside/x", "w").write("x"))
attempt("interpreter", lambda: open(os.path.join(sys.prefix, "lib", "x"), "w").write("x"))
attempt("truncate", lambda: os.truncate({str(outside / "victim")!r}, 0))
attempt("rename", lambda: os.rename({str(outside / "victim")!r}, "mine"))
attempt("kernel", lambda: open("/proc/sys/kernel/core_pattern", "r+"))
attempt("kernel", lambda: open("/proc/sysrq-trigger", "r+"))
"""
    )
    all_refused(outcome)
    assert (outside / "victim").read_text() == "intact"
    assert [path.name for path in outside.iterdir()] == ["victim"]


async def test_modes_of_the_hosts_files_stay(hostile: Run) -> None:
    """A sandbox may share these files with the host, and root owns them there."""
    shared = ["/dev/null", "/dev/urandom", "/usr/bin/env", sys.executable, *map(str, programs())]
    before = modes(shared)
    outcome = await hostile(
        f"""
        import os
        for path in ["/proc/1/exe", "/proc/self/exe", *{shared!r}]:
            for change in (lambda p: os.chmod(p, 0o1755), lambda p: os.chown(p, 1000, 1000)):
                try:
                    change(path)
                except OSError:
                    pass
        for fd in range(3):
            try:
                os.fchmod(fd, 0o1700)
            except OSError:
                pass
        """
    )
    assert outcome.ending == "exited"
    assert modes(shared) == before


async def test_devices_work(hostile: Run) -> None:
    outcome = await hostile(
        """
        import subprocess
        open("/dev/null", "w").write("x")
        assert open("/dev/zero", "rb").read(3) == bytes(3)
        assert len(open("/dev/urandom", "rb").read(3)) == 3
        subprocess.run(["sh", "-c", "echo hidden; (exit 3) & wait"], stdout=subprocess.DEVNULL)
        """
    )
    assert outcome.ok, outcome.stderr
    assert outcome.stdout == ""


async def test_the_judge_cannot_be_edited(hostile: Run, workspace: Path) -> None:
    (workspace / "deep" / "er").mkdir(parents=True)
    (workspace / "deep" / "er" / "judge.py").write_text("JUDGE = 2\n")
    outcome = await hostile(
        ATTEMPT
        + """
import shutil
for path in ("judge.py", "deep/er/judge.py"):
    attempt("write", lambda: open(path, "w").write("x"))
    attempt("append", lambda: open(path, "a").write("x"))
    attempt("remove", lambda: os.remove(path))
    attempt("rename", lambda: os.rename(path, "old"))
    open("mine.py", "w").write("x")
    attempt("replace", lambda: os.replace("mine.py", path))
attempt("move", lambda: os.rename("deep", "shallow"))
attempt("move", lambda: os.rename("deep/er", "deep/est"))
attempt("rmtree", lambda: shutil.rmtree("deep"))
print(open("judge.py").read())
""",
        read_only=("judge.py", "deep/er/judge.py"),
    )
    all_refused(outcome)
    assert "JUDGE = 1" in outcome.stdout
    assert (workspace / "judge.py").read_text() == "JUDGE = 1\n"
    assert (workspace / "deep" / "er" / "judge.py").read_text() == "JUDGE = 2\n"
    (workspace / "judge.py").write_text("still ours to write")


async def test_hidden_files_tell_nothing(hostile: Run, workspace: Path) -> None:
    (workspace / "answers").mkdir()
    (workspace / "answers" / "a.txt").write_text("42")
    outcome = await hostile(
        """
        import os, pathlib, sysconfig
        def show(path):
            try:
                return pathlib.Path(path).read_bytes()
            except OSError as error:
                return type(error).__name__
        stdlib = sysconfig.get_path("stdlib")
        print(show("secret.txt"), show("answers/a.txt"), show(".git"), show(stdlib + "/turtle.py"))
        print(os.path.exists(stdlib + "/argparse.py"), show(stdlib + "/this.py"))
        for directory, _, names in os.walk("/usr/lib"):
            if "turtle.py" in names:
                print(show(directory + "/turtle.py"))
        try:
            os.rename("answers", "mine"); print(show("mine/a.txt"))
        except OSError as error:
            print(error)
        try:
            import turtle; print(turtle.Pen)
        except (ImportError, AttributeError, OSError):
            print("no turtle")
        """,
        hidden=("secret.txt", "answers", "{stdlib}/turtle.py", "{stdlib}/thi?.py"),
    )
    assert outcome.ok, outcome.stderr
    for told in ("42", "elsewhere", "Pen", "import", "uryyb"):
        assert told not in outcome.stdout
    assert "no turtle" in outcome.stdout
    assert (workspace / "answers" / "a.txt").read_text() == "42"
    assert (workspace / "secret.txt").read_text() == "the answer is 42\n"
    assert (workspace / ".git").read_text() == "gitdir: /elsewhere\n"


async def test_hidden_files_stay_so_when_temporary_files_are_cleared_away(
    hostile: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    monkeypatch.setattr("tempfile.tempdir", str(place))
    for _ in range(2):
        place.mkdir()
        outcome = await hostile(
            "print(sum(1 for name in ['judge.py', 'secret.txt'] if open(name).read()))",
            hidden=("secret.txt",),
        )
        assert outcome.stdout.strip() == "1" or "PermissionError" in outcome.stderr, outcome
        shutil.rmtree(place)


async def test_nesting_of_hidden_and_read_only(hostile: Run, workspace: Path) -> None:
    for name in ("a/b/open", "a/b/secret", "a/c/open", "d/secret/e"):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(name)
    outcome = await hostile(
        ATTEMPT
        + """
for path in ("a/b/open", "a/c/open", "a/new", "a/b/new", "a/b/secret", "d/secret/e"):
    attempt("write", lambda: open(path, "w").write("x"))
for path in ("a/b/secret", "d/secret/e"):
    attempt("read", lambda: open(path).read() or 1 / 0)
attempt("rename", lambda: os.rename("a/b", "b"))
attempt("rename", lambda: os.rename("d", "e"))
print(open("a/b/open").read(), open("a/c/open").read())
open("d/mine", "w").write("x")
""",
        read_only=("a", "a/c/open", "d/secret/e"),
        hidden=("a/b/secret", "d/secret"),
    )
    all_refused(outcome)
    assert "a/b/open a/c/open" in outcome.stdout
    assert (workspace / "d" / "mine").read_text() == "x"
    assert (workspace / "a" / "b" / "secret").read_text() == "a/b/secret"
    assert (workspace / "d" / "secret" / "e").read_text() == "d/secret/e"
    (workspace / "a" / "new").write_text("ours again")


@pytest.mark.parametrize("existing", [True, False])
async def test_git_on_the_host_gets_no_orders(
    hostile: Run, workspace: Path, existing: bool
) -> None:
    """A `.git` of the job's making would run its programs when the host calls git there."""
    if not existing:
        (workspace / ".git").unlink()
    outcome = await hostile(
        ATTEMPT
        + """
attempt("write", lambda: open(".git", "w").write("gitdir: evil"))
attempt("make", lambda: open(".git/config", "w").write("x"))
attempt("remove", lambda: os.remove(".git"))
attempt("rmdir", lambda: os.rmdir(".git"))
attempt("rename", lambda: os.rename(".git", "x"))
os.mkdir("evil")
attempt("replace", lambda: os.rename("evil", ".git"))
"""
    )
    all_refused(outcome)
    git = workspace / ".git"
    assert git.read_text() == "gitdir: /elsewhere\n" if existing else not git.exists()


async def test_read_only_workspace(hostile: Run, workspace: Path, tmp_path: Path) -> None:
    """How a judge runs: pristine files, and the run's data below out/."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "answer.json").write_text("[1]")
    outcome = await hostile(
        ATTEMPT
        + """
attempt("write", lambda: open("new", "w").write("x"))
attempt("write out", lambda: open("out/new", "w").write("x"))
print(open("out/answer.json").read())
""",
        writable=False,
        out=data,
    )
    all_refused(outcome)
    assert "[1]" in outcome.stdout, outcome
    assert sorted(p.name for p in data.iterdir()) == ["answer.json"]
    assert not (workspace / "out").exists()


async def test_symlinks_of_an_earlier_trial_are_not_followed(
    hostile: Run, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "target").mkdir()
    (workspace / "sub").symlink_to(tmp_path / "target")
    for settings in ({"read_only": ("sub/x",)}, {"hidden": ("sub",)}, {"read_only": ("../x",)}):
        with pytest.raises(SandboxError):
            await hostile("", **settings)
    with pytest.raises(SandboxError):
        await hostile("", out=tmp_path, cwd="sub")
    assert not any((tmp_path / "target").iterdir())


async def test_attributes_carry_nothing_to_the_next_job(hostile: Run, workspace: Path) -> None:
    """A directory stays from job to job, and could keep the best solution so far."""
    outcome = await hostile(
        ATTEMPT
        + """
import fcntl, shutil, struct
open("mine", "w").close()
here = os.open(".", os.O_RDONLY)
acl = struct.pack("<IHHiHHiHHi", 2, 1, 0, -1, 4, 0, -1, 32, 0, -1)
for place in (".", "mine", here):
    attempt("attribute", lambda: os.setxattr(place, "user.s", b"42"))
    attempt("default mode", lambda: os.setxattr(place, "system.posix_acl_default", acl))
attempt("link", lambda: os.setxattr(".", "user.s", b"42", follow_symlinks=False))
flags, = struct.unpack("l", fcntl.ioctl(here, 0x80086601, bytes(8)))
attempt("flags", lambda: fcntl.ioctl(here, 0x40086602, struct.pack("l", flags | 0x40)))
shutil.copy2("mine", "copy")
"""
    )
    all_refused(outcome)
    assert not os.listxattr(workspace)


async def test_the_kernels_side_doors_are_shut(hostile: Run) -> None:
    outcome = await hostile(
        ATTEMPT
        + """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    if libc.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno())
    return "ok"
attempt("unshare user", lambda: call(272, 0x10000000))
attempt("clone user", lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0))
attempt("ptrace", lambda: call(101, 0, 0, 0, 0))
attempt("mount", lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, 0))
attempt("bpf", lambda: call(321, 0, struct.pack("4I", 2, 4, 4, 1) + bytes(56), 72))
attempt("io_uring", lambda: call(425, 1, ctypes.create_string_buffer(120)))
attempt("keyctl", lambda: call(250, 0, -3, 1))
attempt("x32", lambda: call(0x40000000 | 39))
attempt("memory without a process", lambda: call(319, b"x", 0))
"""
    )
    all_refused(outcome)


async def test_no_privileges(hostile: Run) -> None:
    outcome = await hostile("print(open('/proc/self/status').read())")
    if not outcome.ok:  # /proc may be out of reach, which is as good
        assert "PermissionError" in outcome.stderr
        return
    status = dict(line.split(":\t", 1) for line in outcome.stdout.splitlines() if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
