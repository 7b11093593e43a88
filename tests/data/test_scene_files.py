"""Made scenes as files: read back by COCO's own reader, gone on with, and never over others."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from dltk.data import scene_files
from dltk.data.scene_files import write_scenes
from dltk.data.scenes import SCENE_KINDS, VALIDATION, jpeg, scene
from dltk.errors import DltkError, UsageError

SIZE = 80, 64


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of eight scenes to train on and three to measure on."""
    folder = tmp_path_factory.mktemp("scenes")
    list(write_scenes(folder, 8, val=3, size=SIZE))
    return folder


def files(folder) -> dict[str, bytes]:
    """Return the content of all files in a folder, by their names."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_coco_reads_the_objects_of_the_scenes(written):
    for split, numbers in (("train", range(8)), ("val", range(VALIDATION, VALIDATION + 3))):
        coco = COCO(written / f"annotations/instances_{split}.json")
        assert sorted(coco.imgs) == list(numbers)
        names = [category["name"] for category in coco.loadCats([1, 2, 3, 4, 5])]
        assert tuple(names) == SCENE_KINDS and len(coco.cats) == 5
        assert min(coco.anns) == 1 and all(a["iscrowd"] == 0 for a in coco.anns.values())
        for number in numbers:
            made, found = scene(number, size=SIZE), coco.imgToAnns[number]
            assert [a["category_id"] - 1 for a in found] == made.objects.labels.tolist()
            assert [a["area"] for a in found] == made.objects.areas.tolist()
            for index, annotation in enumerate(found):
                left, top, wide, high = annotation["bbox"]
                box = [left, top, left + wide, top + high]
                assert box == made.objects.boxes[index].tolist()
                assert (coco.annToMask(annotation) == (made.instances == index + 1)).all()


def test_pictures_are_where_coco_says_and_what_the_scenes_are(written):
    for split in ("train", "val"):
        images = json.loads((written / f"annotations/instances_{split}.json").read_text())["images"]
        names = [path.name for path in sorted((written / "images" / split).iterdir())]
        assert [image["file_name"] for image in images] == names
        for image in images:
            made = scene(image["id"], size=SIZE)
            content = (written / "images" / split / image["file_name"]).read_bytes()
            assert content == jpeg(made.picture) and (image["width"], image["height"]) == SIZE
            mask = Image.open((written / "masks" / split / image["file_name"]).with_suffix(".png"))
            assert mask.mode == "P" and (np.asarray(mask) == made.mask).all()
    assert mask.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]  # as VOC's


def test_coco_reads_the_captions(written):
    coco = COCO(written / "annotations/captions_val.json")
    assert sorted(coco.imgs) == [VALIDATION, VALIDATION + 1, VALIDATION + 2]
    for number in coco.imgs:
        sentences = tuple(annotation["caption"] for annotation in coco.imgToAnns[number])
        assert sentences == scene(number, size=SIZE).captions


def test_questions_and_answers_are_as_vqa_has_them(written):
    """As its own tools read them: questions by question_id, and those of a picture by image_id."""
    for split, first in (("train", 0), ("val", VALIDATION)):
        asked, answered = (
            json.loads((written / f"annotations/{of}_{split}.json").read_text())
            for of in ("questions", "answers")
        )
        assert asked["task_type"] == "Open-Ended" and asked["data_subtype"] == split
        texts = {entry["question_id"]: entry for entry in asked["questions"]}
        assert len(texts) == len(asked["questions"]) == len(answered["annotations"])
        of_picture = {}
        for entry in answered["annotations"]:
            question = texts[entry["question_id"]]
            assert question["image_id"] == entry["image_id"]
            (answer,) = entry["answers"]
            assert answer["answer_id"] == 1 and answer["answer_confidence"] == "yes"
            assert answer["answer"] == entry["multiple_choice_answer"]
            assert entry["question_type"] == entry["answer_type"]
            said = question["question"], (answer["answer"],), entry["answer_type"]
            of_picture.setdefault(entry["image_id"], []).append(said)
        for number, said in of_picture.items():
            assert tuple(said) == scene(number, size=SIZE).questions
        assert min(of_picture) == first and len(of_picture) == len(asked["images"])


def test_folders_of_an_earlier_release_get_their_questions(written, tmp_path):
    list(write_scenes(tmp_path, 8, val=3, size=SIZE))
    for path in (tmp_path / "annotations").glob("[qa]*.json"):
        path.unlink()
    (tmp_path / "images/train/000002.jpg").write_text("mine")
    list(write_scenes(tmp_path, 8, val=3, size=SIZE))
    assert files(tmp_path) == files(written) | {"images/train/000002.jpg": b"mine"}


def test_the_photographs_behind_the_shapes_are_attributed(written):
    assert "CC BY 2.0" in (written / "ATTRIBUTION.md").read_text()
    assert json.loads((written / "scenes.json").read_text()) == {
        "format": "dltk.scenes/1",
        "kinds": list(SCENE_KINDS),
        "size": [80, 64],
        "seed": 0,
        "least": 1,
        "most": 6,
    }


def test_each_split_is_told_once_it_is_there(tmp_path):
    told = write_scenes(tmp_path, 2, val=1, size=48)
    assert [next(told) for _ in range(6)] == [
        tmp_path / name
        for name in (
            "images/train",
            "masks/train",
            "annotations/instances_train.json",
            "annotations/captions_train.json",
            "annotations/questions_train.json",
            "annotations/answers_train.json",
        )
    ]
    assert not (tmp_path / "images/val").exists()
    assert len(list(told)) == 6 and (tmp_path / "annotations/captions_val.json").exists()
    assert not any("val" in path.name for path in write_scenes(tmp_path / "alone", 1, size=48))


def test_what_was_stopped_is_gone_on_with(written, tmp_path, monkeypatch):
    def stopped(number, **options):
        if number == 5:
            raise KeyboardInterrupt
        return scene(number, **options)

    monkeypatch.setattr(scene_files, "scene", stopped)
    with pytest.raises(KeyboardInterrupt):
        list(write_scenes(tmp_path, 8, val=3, size=SIZE))
    monkeypatch.undo()
    assert len(files(tmp_path)) == 2 + 5 + 5 and not (tmp_path / "annotations").exists()
    assert len(list(write_scenes(tmp_path, 8, val=3, size=SIZE))) == 12
    assert files(tmp_path) == files(written)


def test_what_is_there_is_left_and_what_is_missing_made(written, tmp_path, monkeypatch):
    list(write_scenes(tmp_path, 8, val=3, size=SIZE))
    (tmp_path / "images/train/000002.jpg").write_text("mine")
    (tmp_path / "ATTRIBUTION.md").write_text("mine")
    (tmp_path / "images/train/000003.jpg").unlink()
    (tmp_path / "masks/val/500001.png").unlink()
    drawn = []
    monkeypatch.setattr(
        scene_files, "scene", lambda number, **how: drawn.append(number) or scene(number, **how)
    )
    list(write_scenes(tmp_path, 8, val=3, size=SIZE))
    assert drawn == [3, VALIDATION + 1]
    mine = {"images/train/000002.jpg": b"mine", "ATTRIBUTION.md": b"mine"}
    assert files(tmp_path) == files(written) | mine
    (tmp_path / "annotations/captions_train.json").unlink()
    list(write_scenes(tmp_path, 8, val=3, size=SIZE))
    assert files(tmp_path) == files(written) | mine


def test_a_larger_set_begins_with_the_smaller_and_is_not_cut_back(written, tmp_path):
    list(write_scenes(tmp_path, 3, val=1, size=SIZE))
    few = files(tmp_path)
    pictures = {name for name in few if not name.startswith("annotations")}
    list(write_scenes(tmp_path, 8, val=3, size=SIZE))
    many = files(tmp_path)
    assert many == files(written) and all(few[name] == many[name] for name in pictures)
    list(write_scenes(tmp_path, 3, val=1, size=SIZE))
    assert files(tmp_path) == many


def test_a_folder_of_other_things_is_refused(written, tmp_path):
    def message(folder, kind=UsageError, **options):
        with pytest.raises(kind) as error:
            list(write_scenes(folder, 2, **{"size": SIZE, **options}))
        assert "\n" not in str(error.value)
        return str(error.value)

    before = files(written)
    assert message(written, seed=3) == (
        f"{written} holds scenes made with seed 0, not 3; name another folder"
    )
    assert "made with size [80, 64], not 64;" in message(written, size=64)
    assert files(written) == before
    (tmp_path / "annotations").mkdir()
    assert f"{tmp_path}/annotations is there already, and no scenes of" in message(tmp_path)
    assert not files(tmp_path)
    (tmp_path / "scenes.json").write_text("{")
    assert "scenes.json is damaged; remove it" in message(tmp_path, DltkError)


def test_damaged_annotations_are_not_written_over(tmp_path):
    list(write_scenes(tmp_path, 2, size=SIZE))
    path = tmp_path / "annotations/captions_train.json"
    for content in ('{"images": [{"id": 0}', '{"images": 3}', "[]"):
        path.write_text(content)
        with pytest.raises(DltkError, match=r"captions_train.json .*; remove it to have it anew"):
            list(write_scenes(tmp_path, 2, size=SIZE))
        assert path.read_text() == content


def test_the_command_keeps_a_sixth_for_validation(dltk, tmp_path):
    result = dltk("samples", tmp_path, "--scenes", 7)
    assert result.code == 0 and result.out.splitlines()[0] == str(tmp_path / "images/train")
    assert len(list((tmp_path / "images/train").iterdir())) == 6
    assert [path.name for path in (tmp_path / "images/val").iterdir()] == ["500000.jpg"]
    assert Image.open(tmp_path / "images/val/500000.jpg").size == (256, 256)
    assert dltk("samples", tmp_path, "--scenes", 7, "-q").out == ""


def test_the_command_writes_one_kind_of_pictures(dltk, tmp_path):
    result = dltk("samples", tmp_path / "new", "--scenes", 3, "--shapes", 3)
    assert result.code == 2 and not (tmp_path / "new").exists()
    assert result.err == ("error: --shapes and --scenes write different things: choose one\n")
