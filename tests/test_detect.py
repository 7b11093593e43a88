"""Objects in pictures, from Python: what is found, and what is made of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from dltk.errors import UsageError
from dltk.objects import Detections
from recipes._detect_results import objects_of
from recipes.detect import detect
from tests.blobs import LABELS, Blobs, blobs, colours, scene  # noqa: F401
from tests.folders import tree

SMALL, LARGE = (10, 20, 40, 50), (60, 10, 110, 70)


@pytest.fixture
def find(blobs, colours):  # noqa: F811
    """Detect white and red rectangles, with any options of the recipe."""
    return lambda images, **options: list(detect(images, model=colours, **options))


@pytest.fixture
def pictures(tmp_path):
    """Three pictures: with a red and a white object, without any, and not readable."""
    folder = tmp_path / "in"
    (folder / "deep er").mkdir(parents=True)
    scene(red=[SMALL], white=[LARGE]).save(folder / "both.png")
    scene().save(folder / "deep er/none [1].png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), int)


def test_objects_have_names_scores_and_boxes_the_surest_first(find):
    result = find(scene(red=[SMALL], white=[LARGE]))[0]
    assert [(each.name, each.id, each.number, each.score, each.box) for each in result.objects] == [
        ("white", "w1", 0, 0.9, LARGE),
        ("red one", "r2", 1, 0.8, SMALL),
    ]
    assert result.size == (120, 80) and result.error is None and result.path is None
    assert json.loads(json.dumps(result.to_dict())) == {
        "path": "000000",
        "status": "ok",
        "width": 120,
        "height": 80,
        "objects": [
            {"label": "white", "id": "w1", "score": 0.9, "box": [60, 10, 110, 70]},
            {"label": "red one", "id": "r2", "score": 0.8, "box": [10, 20, 40, 50]},
        ],
    }


def test_nothing_found_and_not_readable_are_told_apart(find, pictures):
    results = find(pictures)
    assert [each.name for each in results] == ["both.png", "broken.png", "deep er/none [1].png"]
    _, broken, none = (each.to_dict() for each in results)
    assert none["status"] == "ok" and none["objects"] == []
    assert broken["status"] == "failed" and "objects" not in broken and broken["error"]


def test_a_path_an_image_an_array_and_a_batch_give_the_same(find, tmp_path, blobs):  # noqa: F811
    picture = scene(red=[SMALL], white=[LARGE])
    picture.save(tmp_path / "a.png")
    forms = [tmp_path / "a.png", picture, np.asarray(picture), [picture] * 5, iter([picture])]
    results = [[each.objects for each in find(form)] for form in forms]
    assert {str(objects) for form in results for objects in form} == {str(results[0][0])}
    assert blobs[3].batches == [3, 2]


def test_boxes_are_those_of_the_upright_picture(find, tmp_path):
    exif = Image.Exif()
    exif[Base.Orientation] = 6  # stored lying on its left side
    stored = scene(red=[SMALL]).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "turned.png", exif=exif)
    result = find(tmp_path / "turned.png", annotate=tmp_path / "out")[0]
    assert result.size == (120, 80) and result.objects[0].box == SMALL
    assert Image.open(tmp_path / "out/turned.png").size == (360, 240)  # small ones are enlarged


def test_boxes_and_scores_are_rounded_and_boxes_kept_in_the_picture():
    found = Detections.of(
        [[-3, 1.23456, 50.999, 500], [7, 7, 7.001, 9], [5, 5, 4, 9], [200, 0, 300, 9]],
        [1, 0, 0, 0],
        [0.123456789, 0.9, 0.8, 0.7],
    )
    objects = objects_of(found, LABELS, (100, 80))
    assert [(each.name, each.score, each.box) for each in objects] == [
        ("red one", 0.12346, (0.0, 1.23, 51.0, 80.0))
    ]


@pytest.mark.parametrize(
    "classes", ["red one", ["RED_One"], "r2", "1", ["1", "red-one"], " red one ,r2", ("red one",)]
)
def test_classes_are_chosen_by_name_id_or_number(find, classes):
    objects = find(scene(red=[SMALL], white=[LARGE]), classes=classes)[0].objects
    assert [each.name for each in objects] == ["red one"]


def test_score_and_most_leave_out_the_less_sure(find):
    picture = scene(red=[SMALL], white=[LARGE])
    assert [each.name for each in find(picture, score=0.85)[0].objects] == ["white"]
    assert [each.name for each in find(picture, most=1)[0].objects] == ["white"]
    assert find(picture, score=1.0)[0].objects == []


def test_small_objects_of_a_large_picture_are_found_in_tiles(find):
    picture = scene((1200, 800), white=[(300, 200, 900, 700)], red=[(5, 5, 25, 20)])
    assert [each.name for each in find(picture)[0].objects] == ["white"]
    results = find([picture] * 2, tile=200, overlap=0.25)
    for result in results:
        assert {(each.name, each.box) for each in result.objects} == {
            ("white", (300, 200, 900, 700)), ("red one", (5, 5, 25, 20))
        }  # fmt: skip


def test_copies_are_drawn_on_and_crops_sorted_by_class(find, pictures, tmp_path):
    out = tmp_path / "out"
    both, broken, none = find(pictures, annotate=out / "drawn", crops=out / "crops")
    assert tree(out) == [
        "crops/red one/both-2.png",
        "crops/white/both-1.png",
        "drawn/both.png",
        "drawn/deep er/none [1].png",
    ]
    assert {kind: path.relative_to(out).as_posix() for kind, path in both.files.items()} == {
        "annotated": "drawn/both.png",
        "crop-1": "crops/white/both-1.png",
        "crop-2": "crops/red one/both-2.png",
    }
    assert broken.files == {} and list(none.files) == ["annotated"]
    crop = pixels(out / "crops/red one/both-2.png")
    assert crop.shape == (30, 30, 3) and (crop == (255, 0, 0)).all()
    assert (pixels(out / "drawn/deep er/none [1].png") == 128).all()
    assert len(np.unique(pixels(out / "drawn/both.png").reshape(-1, 3), axis=0)) > 4


def test_a_crop_takes_in_its_margin_up_to_the_edge_of_the_picture(find, tmp_path):
    find(scene(red=[(0, 20, 40, 50)]), crops=tmp_path, pad=0.25)
    crop = pixels(tmp_path / "red one/000000-1.png")
    assert crop.shape == (46, 50, 3)  # 7.5 pixels above and below, 10 to the right
    assert (crop[8:38, :40] == (255, 0, 0)).all() and (crop[:, 40:] == 128).all()


def test_objects_of_a_class_are_blurred_beyond_recognition_and_nothing_else(find, tmp_path):
    picture = scene((300, 200), white=[(200, 100, 280, 190)])
    checks = (np.indices((80, 60)).sum(0) // 4 % 2 * 50)[..., None] + (200, 0, 0)
    picture.paste(Image.fromarray(checks.astype(np.uint8)), (20, 30))
    exif = Image.Exif()
    exif[Base.ImageDescription] = "who this is"
    (tmp_path / "in").mkdir()
    picture.save(tmp_path / "in/a.png", exif=exif)
    scene().save(tmp_path / "in/none.png")
    find(tmp_path / "in", blur="red one", blurred=tmp_path / "out")
    copy = Image.open(tmp_path / "out/a.png")
    before, after = np.asarray(picture, int), pixels(tmp_path / "out/a.png")
    assert after.shape == before.shape
    inside = after[30:110, 20:80, 0]
    assert before[30:110, 20:80, 0].std() > 20 and np.abs(np.diff(inside)).max() <= 6
    outside = np.ones(before.shape[:2], bool)
    outside[26:114, 17:83] = False  # the margin
    assert (after[outside] == before[outside]).all()
    assert not copy.getexif() and "exif" not in copy.info
    assert (pixels(tmp_path / "out/none.png") == 128).all()  # all pictures have a copy


@pytest.mark.parametrize("side", [1, 2, 5, 9, 40, 400])
def test_of_a_blurred_object_no_more_is_left_than_six_by_six_cells(side, noise):
    from recipes._detect_copies import blurred

    picture = noise(side, (side, side))
    left = np.asarray(blurred(picture, [(0, 0, side, side)]), float)
    cells = max(1, min(6, round(side / 4)))
    for channel in range(3):
        values = np.linalg.svd(left[..., channel], compute_uv=False)
        assert values[cells:].max(initial=0) < 1.5 * max(1, side**0.5)  # rounding, no detail


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": "whit"}, 'colours.keras has no class "whit". Did you mean "white"?'),
        ({"classes": ["white", "2"]}, 'has no class "2"'),
        ({"classes": ""}, 'has no class ""'),
        (
            {"blur": "reed one", "blurred": "x"},
            '--blur: colours.keras has no class "reed one". Did',
        ),
        ({"blur": "white"}, "say where with --blurred"),
        ({"blurred": "x"}, "name their class with --blur"),
        ({"blur": "white", "blurred": "x", "classes": "red one"}, "--classes leaves these out"),
        ({"pad": 0.1}, "--pad is about --crops"),
        ({"pad": -1, "crops": "x"}, "at least 0, not -1"),
        ({"score": 1.5}, "--score is from 0 to 1"),
        ({"nms": float("nan")}, "--nms is from 0 to 1, not nan"),
        ({"overlap": 1.0}, "--overlap is from 0 to 0.9"),
        ({"most": 0}, "--max is at least 1"),
        ({"tile": 10}, "--tile is at least 64 pixels"),
        ({"soft": True}, "--soft is for trained detectors; colours.keras is none"),
        ({"soft": True, "nms": 0.3}, "--soft and --nms do not go together"),
        ({"soft": True, "tile": 64}, "--soft and --tile do not go together"),
        ({"annotate": "x", "crops": "x"}, "--annotate and --crops are the same folder"),
        ({"annotate": "x", "blurred": "./x", "blur": "white"}, "and --blurred are the same folder"),
    ],
)
def test_options_that_cannot_work_are_refused(find, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        find(scene(), **options)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert tree(tmp_path) == []


def test_models_that_do_not_find_objects_are_refused():
    with pytest.raises(UsageError, match="vgg16-hed has no class names"):
        next(detect(scene(), model="vgg16-hed"))


def test_files_of_two_pictures_never_meet(find, tmp_path):
    with pytest.raises(UsageError, match="two pictures are called"):
        find(iter([tmp_path / "a.png"] * 2), annotate=tmp_path / "out")
    (tmp_path / "in").mkdir()
    scene().save(tmp_path / "in/a.psd.png")
    scene().save(tmp_path / "in/a.psd", "PNG")
    with pytest.raises(UsageError, match="would both be written to"):
        find(tmp_path / "in", crops=tmp_path / "out")
    with pytest.raises(UsageError, match="choose another folder"):
        find(iter([tmp_path / "in/a.psd.png"]), blur="white", blurred=tmp_path / "in")
    stream = iter([tmp_path / "in/a.psd.png", tmp_path / "in/a.psd"])
    with pytest.raises(UsageError, match=r"a\.psd\.png and .*a\.psd would both be written to"):
        find(stream, annotate=tmp_path / "out")


def test_a_picture_that_is_gone_before_its_copy_is_written_fails_alone(
    find, pictures, tmp_path, monkeypatch
):
    look = Blobs.__call__

    def look_and_lose(self, loaded):
        (pictures / "both.png").unlink(missing_ok=True)
        return look(self, loaded)

    monkeypatch.setattr(Blobs, "__call__", look_and_lose)
    both, _, none = find(pictures, annotate=tmp_path / "out")
    assert both.error == "No such file or directory" and both.objects == []
    assert none.error is None and tree(tmp_path / "out") == ["deep er/none [1].png"]


def test_nothing_is_printed(find, pictures, capfd):
    find(pictures)
    assert capfd.readouterr() == ("", "")
