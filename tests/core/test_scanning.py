"""The scanner: the real ClamAV daemon from Debian, with a signature file of our own for the harmless EICAR test string; no network."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests.facts import missing
from ticketing.core import scanning
from ticketing.core.scanning import Unscanned, Verdict

# In two halves, so that no scanner takes this file for it.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}" + r"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()
CLAMD = shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture(scope="session")
def clamd(tmp_path_factory) -> str:
    """The address of a daemon of our own."""
    if CLAMD is None:
        missing("clamd is not here: on Debian, apt-get install clamav-daemon")
    folder = tmp_path_factory.mktemp("clamd")
    (folder / "db").mkdir()
    (folder / "db" / "own.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n")
    line = Path(tempfile.gettempdir()) / f"redress-clamd-{os.getpid()}.sock"  # a socket's path must be short
    (folder / "clamd.conf").write_text("\n".join((
        f"DatabaseDirectory {folder / 'db'}", f"LocalSocket {line}", "Foreground yes", f"LogFile {folder / 'log'}", "User root" if
        os.getuid() == 0 else "", "StreamMaxLength 20M", f"TemporaryDirectory {folder}")) + "\n")
    process = subprocess.Popen([CLAMD, "--config-file", str(folder / "clamd.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"unix://{line}"
    for _ in range(300):
        if scanning.is_there(url, seconds=1):
            break
        time.sleep(0.1)
    else:
        process.kill()
        pytest.fail((folder / "log").read_text() if (folder / "log").exists() else "clamd did not start")
    yield url
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    line.unlink(missing_ok=True)


def test_the_real_daemon_finds_the_test_string_and_passes_a_letter(clamd):
    assert scanning.scan(b"Dear Sirs, I waited nine hours.", clamd, seconds=20) == (Verdict.CLEAN, "")
    verdict, name = scanning.scan(EICAR, clamd, seconds=20)
    assert verdict is Verdict.FOUND
    assert "Eicar-Test-Signature" in name
    assert scanning.scan(b"a" * 300_000 + EICAR, clamd, seconds=20)[0] is Verdict.FOUND


def test_a_scanner_that_is_not_there_or_says_nothing_gives_no_verdict(tmp_path):
    with pytest.raises(Unscanned, match="cannot be reached"):
        scanning.scan(b"x", f"unix://{tmp_path}/nobody", seconds=1)
    with pytest.raises(Unscanned):
        scanning.scan(b"x", "tcp://127.0.0.1:9", seconds=1)
    assert not scanning.is_there(f"unix://{tmp_path}/nobody", seconds=1)


@pytest.mark.parametrize("words", [b"", b"INSTREAM size limit exceeded. ERROR\0", b"\xff\xfe\0", b"stream: OK and more\0", b"x" * 9_000])
def test_what_is_no_verdict_is_none(words):
    server = socket.create_server(("127.0.0.1", 0))

    def say() -> None:
        line, _ = server.accept()
        line.settimeout(5)
        line.recv(100)
        line.sendall(words)
        line.close()

    speaker = threading.Thread(target=say)
    speaker.start()
    with pytest.raises(Unscanned):
        scanning.scan(b"", f"tcp://127.0.0.1:{server.getsockname()[1]}", seconds=2)
    speaker.join(5)
    server.close()
