"""Made landscapes: determined by their number, and of the time of day that they are said to be."""

import numpy as np
import pytest
from PIL import Image

from dltk.data.landscapes import TIMES, landscape, write_landscapes


@pytest.fixture(scope="module")
def pictures():
    return np.stack([np.asarray(landscape(index), float) for index in range(80)])


def test_a_landscape_comes_from_its_number_alone(pictures):
    assert pictures.shape == (80, 64, 64, 3)
    np.testing.assert_array_equal(np.asarray(landscape(7)), pictures[7])
    assert len({picture.tobytes() for picture in pictures}) == 80


def test_days_are_bright_and_green_and_dusk_is_red(pictures):
    times = [pictures[at :: len(TIMES)] for at in range(len(TIMES))]
    light = [part.mean() for part in times]
    assert light[TIMES.index("day")] > light[TIMES.index("dusk")] > light[TIMES.index("night")]
    near = {time: part[:, -3:].mean((0, 1, 2)) for time, part in zip(TIMES, times, strict=True)}
    assert near["day"][1] > 1.2 * near["day"][0] and near["day"][1] > 1.1 * near["day"][2]
    horizon = times[TIMES.index("dusk")][:, 24:30].mean((0, 1, 2))
    assert horizon[0] > horizon[1] > 0.9 * horizon[2]


def test_the_nearer_the_darker_and_the_sun_is_brightest(pictures):
    light = pictures.mean(3)
    sky, ground = light[:, :6].mean((1, 2)), light[:, -6:].mean((1, 2))
    assert (ground < sky + 12).all()
    assert (light.reshape(80, -1).argmax(1) < 64 * 64 * 0.7).all()  # above the hills


def test_landscapes_are_written_by_time_of_day_and_left_where_they_are(dltk, tmp_path):
    result = dltk("samples", tmp_path, "--landscapes", 6)
    assert result.out.split() == [str(tmp_path / time) for time in TIMES]
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")}
    assert found == {
        "night/00000.png", "dawn/00001.png", "day/00002.png", "dusk/00003.png", "night/00004.png",
        "dawn/00005.png",
    }  # fmt: skip
    with Image.open(tmp_path / "dawn/00005.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(landscape(5)))
    (tmp_path / "day/00002.png").write_text("mine")
    list(write_landscapes(tmp_path, 6))
    assert (tmp_path / "day/00002.png").read_text() == "mine"
    assert list(write_landscapes(tmp_path / "few", 1)) == [tmp_path / "few" / "night"]
