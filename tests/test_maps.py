"""What a backbone sees of pictures, worked out once and kept."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.data.examples import CaptionedExamples
from dltk.errors import DltkError
from dltk.files import locked
from dltk.geometry import Geometry
from recipes._maps import keep_maps
from tests.test_caption import noisy

SQUARE = Geometry(64, 64, fit="squash")
NAMES = ("map0", "map1")
PICTURES = [noisy(seed) for seed in range(20)]


@pytest.fixture(scope="module")
def backbone() -> keras.Model:
    """Means of squares of 16 and 32 pixels."""
    pixels = keras.Input((None, None, 3))
    fine = keras.layers.AveragePooling2D(16)(keras.layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, [fine, keras.layers.AveragePooling2D(2)(fine)])


def part_of(pictures=PICTURES) -> CaptionedExamples:
    names = tuple(f"{at}.png" for at in range(len(pictures)))
    return CaptionedExamples(names, pictures, (("a picture",),) * len(pictures))


@pytest.fixture
def keep(backbone, tmp_path):
    """Keep the maps of pictures."""

    def kept(part=None, **options):
        defaults = {
            "strategy": tf.distribute.OneDeviceStrategy("CPU:0"),
            "geometry": SQUARE,
            "network": "means 1",
            "folder": tmp_path / "maps",
            "report": lambda line: None,
        }
        return keep_maps(part or part_of(), backbone, NAMES, **defaults | options)

    return kept


def files(folder) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def all_of(maps) -> dict[str, np.ndarray]:
    return maps.load(range(len(maps.files)))


def assert_same(maps, expected: dict[str, np.ndarray]) -> None:
    for name, each in all_of(maps).items():
        np.testing.assert_array_equal(each, expected[name])


def test_maps_are_what_the_backbone_gives_in_half_the_room(keep, backbone):
    maps, order = keep(), np.array([7, 3, 19, 3])
    assert maps.shapes == {"map0": (4, 4, 3), "map1": (2, 2, 3)}
    loaded = maps.load(order)
    pixels = np.stack([SQUARE.apply(part_of().decode(at)) for at in order])
    for name, expected in zip(NAMES, backbone(pixels), strict=True):
        assert loaded[name].dtype == np.float16
        np.testing.assert_allclose(loaded[name], expected, rtol=1e-3, atol=1e-4)
    assert {path.stat().st_size for path in maps.files} == {2 * (4 * 4 * 3 + 2 * 2 * 3)}


def nothing(part, *about):
    """Stand for working maps out, where there must be none to work out."""
    assert not len(part)
    yield from ()


def test_they_are_worked_out_once(keep, monkeypatch):
    maps = keep()
    first, times = all_of(maps), [path.stat().st_mtime_ns for path in maps.files]
    with monkeypatch.context() as patch:
        patch.setattr("recipes._maps._seen", nothing)
        assert_same(keep(), first)
        # In another order, of fewer pictures, and of one that comes twice.
        turned = keep(part_of([*PICTURES[3:1:-1], PICTURES[3]]))
        np.testing.assert_array_equal(all_of(turned)["map0"], first["map0"][[3, 2, 3]])
    for damaged in (b"", b"nonsense", None):
        maps.files[7].unlink() if damaged is None else maps.files[7].write_bytes(damaged)
        with pytest.raises(DltkError, match=r"cannot read what was kept in .*; go on with the run"):
            maps.load([7])
        assert_same(keep(), first)
    changed = [
        path.stat().st_mtime_ns != time for path, time in zip(maps.files, times, strict=True)
    ]
    assert [at for at, each in enumerate(changed) if each] == [7]


def test_what_was_stopped_is_gone_on_with(keep, backbone, monkeypatch):
    with pytest.raises(DltkError, match=r"18\.png can no longer be read: not a picture"):
        keep(part_of([*PICTURES[:18], b"no picture"]))
    seen = []
    whole = Geometry.apply
    monkeypatch.setattr(Geometry, "apply", lambda *args: seen.append(1) or whole(*args))
    keep()
    assert len(seen) <= 4  # the last two, and what shared a step with the damaged one


def test_other_sizes_and_networks_have_maps_of_their_own(keep, tmp_path):
    keep()
    keep(geometry=Geometry(32, 64, fit="squash"))
    keep(network="means 2")
    assert len(files(tmp_path / "maps")) == 3 * len(PICTURES)


def test_a_second_run_waits_for_the_first_and_says_so(keep, tmp_path):
    first, said = all_of(keep()), []
    (folder,) = (tmp_path / "maps").iterdir()
    with locked(folder):
        other = Thread(target=lambda: said.append(keep(report=said.append)))
        other.start()
        other.join(1)
        assert said == ["another run is working out what the backbone sees; waiting for it"]
    other.join(60)
    assert_same(said[1], first)


def test_a_place_that_cannot_be_written_is_told(keep, tmp_path):
    (tmp_path / "maps").write_text("no folder")
    with pytest.raises(DltkError, match=r"cannot write .*maps"):
        keep()
