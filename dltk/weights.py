"""Where pretrained weights come from: installed packages, addresses, paths; cache and hashes.

Nothing here imports TensorFlow, and nothing goes to the network when `offline()` says so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dltk.errors import WeightsError, printable
from dltk.files import cannot_write, locked

NO_DOWNLOAD_NEEDED = "efficientnet-lite0"
_CHUNK_BYTES = 1 << 16  # what a broken connection may cost
_TIMEOUT_SECS = 30
_REPORT_EVERY_SECS = 2.0
_TRUE = ("1", "true", "yes", "on")

Report = Callable[[str], None]


def silent(message: str) -> None:
    """Ignore `message`; the default wherever a report callback is taken."""


def offline() -> bool:
    """Return whether the network must not be touched: DLTK_OFFLINE is set to 1, true, yes or on."""
    return os.environ.get("DLTK_OFFLINE", "").lower() in _TRUE


def cache_folder() -> Path:
    """Return dltk's own cache: DLTK_CACHE if set, else the user's cache folder for dltk."""
    if os.environ.get("DLTK_CACHE"):
        return Path(os.environ["DLTK_CACHE"])
    import platformdirs

    return Path(platformdirs.user_cache_dir("dltk", appauthor=False))


def keras_folder() -> Path:
    """Return the folder in which Keras keeps the weights of `keras.applications`."""
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    return Path(home) / "models"


def in_package(package: str, pattern: str) -> Path | None:
    """Return the file matching `pattern` inside an installed package, or None.

    The package is looked up, not imported: a weights package need not run any code.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob(pattern)):
            return path
    return None


def sha256(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(
    address: str,
    path: Path,
    digest: str | None,
    report: Report = silent,
    *,
    instead: str = f"-m {NO_DOWNLOAD_NEEDED}",
) -> Path:
    """Return `path`, downloading it from `address` first if it is not there.

    The download goes to a file beside `path`, continues where an interrupted one stopped, is
    checked against `digest` and then renamed. DLTK_MIRROR replaces the scheme and host of every
    address, for sites that keep their own copies.

    Args:
        digest: MD5 or SHA-256 in hexadecimal (told apart by length), or its first 8 digits of
            SHA-256; None where the publisher gives none.
        report: called with a line on size and progress now and then.
        instead: the option that does without the file, for the error.
    Raises:
        WeightsError: no network, `offline()`, an answer that is not the file, or a wrong hash.
            The message has the address and the place to put the file by hand.
    """
    if path.exists():
        return path
    address = _mirrored(address)
    failure = partial(_unreachable, address, path, instead)
    if offline():
        raise failure("the network is switched off (--offline or DLTK_OFFLINE)")
    part = path.with_name(path.name + ".download")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent):
            if path.exists():  # another process fetched it while this one waited
                return path
            if not digest:  # a leftover of something else could not be told
                part.unlink(missing_ok=True)
            _download(address, part, path, report, failure)
            if digest and not _matches(part, digest):
                part.unlink()
                raise failure("what came does not match its published hash")
            os.replace(part, path)
    except OSError as error:  # of the disk: those of the network are told apart in _download
        raise cannot_write(part, error) from error
    return path


def _mirrored(address: str) -> str:
    mirror = os.environ.get("DLTK_MIRROR")
    return mirror.rstrip("/") + "/" + address.split("/", 3)[3] if mirror else address


def _download(
    address: str, part: Path, path: Path, report: Report, failure: Callable[[str], WeightsError]
) -> None:
    import requests

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = requests.get(address, headers=headers, stream=True, timeout=_TIMEOUT_SECS)
        with answer:
            if answer.status_code == 416:  # nothing is left to fetch
                return
            answer.raise_for_status()
            resumed = answer.status_code == 206
            length = answer.headers.get("Content-Length", "")
            total = (int(length) if length.isdecimal() else 0) + (have if resumed else 0)
            done = have if resumed else 0
            report(f"downloading {path.name} ({total / 1e6:.0f} MB) from {address}")
            told = time.monotonic()
            with part.open("ab" if resumed else "wb") as file:
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    done += len(chunk)
                    if total and time.monotonic() - told > _REPORT_EVERY_SECS:
                        told = time.monotonic()
                        share = f"{done / total:.0%} of {total / 1e6:.0f} MB"
                        report(f"downloading {path.name}: {share}")
            if total and done < total:
                broke = f"the connection broke at {done} of {total} bytes"
                raise failure(broke)
    except requests.exceptions.ChunkedEncodingError as error:
        broke = f"the connection broke at {part.stat().st_size} bytes; run it again to go on"
        raise failure(broke) from error
    except (requests.RequestException, ValueError) as error:  # ValueError: no such address
        raise failure(_network_reason(error)) from error


def _network_reason(error) -> str:
    if getattr(error, "response", None) is not None:
        return f"the server answered {error.response.status_code}"
    name = type(error).__name__
    return {"ConnectTimeout": "no answer", "ReadTimeout": "no answer"}.get(name, "no connection")


def _unreachable(address: str, path: Path, instead: str, why: str) -> WeightsError:
    return WeightsError(
        f"cannot fetch {address}: {why}; put the file at {printable(path)} by hand, "
        f"or use {instead}, which needs no download"
    )


def _matches(path: Path, digest: str) -> bool:
    algorithm = "md5" if len(digest) == 32 else "sha256"
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest().startswith(digest)
