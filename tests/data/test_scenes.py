"""Made scenes: determined by seed and number, and everything said of them agrees."""

import numpy as np
import pytest

from dltk.data import scenes as module
from dltk.data.scene_canvas import COLOURS, SceneCanvas, scene_ground
from dltk.data.scenes import SCENE_KINDS, VALIDATION, jpeg, scene, scene_data
from dltk.data.shapes import KINDS
from dltk.errors import UsageError


@pytest.fixture(scope="module")
def some():
    """Sixty scenes that are wider than high."""
    return [scene(index, size=(128, 96), seed=1) for index in range(60)]


def same(one, other) -> bool:
    """Return whether two scenes are equal in all they say."""
    values = [
        (s.picture, s.objects.boxes, s.objects.labels, s.objects.areas, s.mask, s.instances)
        for s in (one, other)
    ]
    words = [(s.colours, s.covers, s.captions, s.questions) for s in (one, other)]
    return words[0] == words[1] and all(map(np.array_equal, *values))


def test_a_scene_comes_from_seed_and_number_alone():
    first, second = scene(3, size=64, seed=2), scene(4, size=64, seed=2)
    assert same(scene(3, size=64, seed=2), first)
    assert not same(second, first) and not same(scene(3, size=64, seed=1), first)
    assert not same(scene(VALIDATION + 3, size=64, seed=2), first)


def test_what_the_first_scenes_hold_stays_so():
    """Folders of scenes are gone on with by later releases."""
    held = [scene(index, size=64).captions[0] for index in range(4)]
    assert held == [
        "there is a black star and a red cross",
        "there is a red circle and a yellow square",
        "a purple ring, a green cross, a purple square, a blue cross and a yellow square",
        "there is a red circle",
    ]


def test_types_and_shapes_are_those_of_the_contract(some):
    for made in some:
        assert made.picture.shape == (96, 128, 3) and made.picture.dtype == np.uint8
        for each in (made.mask, made.instances):
            assert each.shape == (96, 128) and each.dtype == np.uint8
        count = len(made.objects)
        assert 1 <= count <= 6 and made.objects.boxes.shape == (count, 4)
        assert len(made.colours) == count and not made.objects.ignored.any()
    assert {len(made.objects) for made in some} == {1, 2, 3, 4, 5, 6}
    assert set(np.concatenate([made.objects.labels for made in some])) == {0, 1, 2, 3, 4}


def test_boxes_and_areas_are_those_of_what_is_seen_of_each_object(some):
    for made in some:
        assert made.instances.max() == len(made.objects)
        for index in range(len(made.objects)):
            ys, xs = np.nonzero(made.instances == index + 1)
            box = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
            assert made.objects.boxes[index].tolist() == list(box)
            assert made.objects.areas[index] == len(xs)


def test_the_mask_has_the_label_of_the_object_seen(some):
    for made in some:
        values = np.append(0, made.objects.labels + 1)
        assert (made.mask == values[made.instances]).all()


def test_objects_are_of_their_colours(some):
    names, palette = list(COLOURS), np.array(list(COLOURS.values()))
    for made in some:
        for index, colour in enumerate(made.colours):
            mean = made.picture[made.instances == index + 1].mean(0)
            assert names[np.linalg.norm(palette - mean, axis=1).argmin()] == colour
    assert {colour for made in some for colour in made.colours} == set(COLOURS)


def test_objects_stand_apart_from_what_is_around_them(some):
    """Nearly everywhere: a photograph has spots of any colour."""
    shares = []
    for made in some:
        for index in range(len(made.objects)):
            inside = made.instances == index + 1
            mean = made.picture[inside].mean(0)
            left, top, right, bottom = made.objects.boxes[index].astype(int)
            around = np.zeros_like(inside)
            around[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = True
            ground = made.picture[around & (made.instances == 0)].astype(float)
            if len(ground):
                shares.append((np.linalg.norm(ground - mean, axis=1) < 60).mean())
    assert len(shares) > 150 and np.mean(shares) < 0.02 and max(shares) < 0.35


def test_sizes_are_spread_from_a_tenth_to_half_of_the_shorter_side():
    sides = np.concatenate(
        [
            np.ptp(scene(index, size=160, most=3).objects.boxes.reshape(-1, 2, 2), axis=1).max(1)
            for index in range(120)
        ]
    )
    shares = np.sort(sides) / 160
    assert 0.06 < shares[0] < 0.1 and 0.45 < shares[-1] <= 0.57
    low, middle, high = np.quantile(shares, [0.15, 0.5, 0.85])
    assert middle / low == pytest.approx(high / middle, rel=0.25)  # as even as logarithms are


def test_half_of_each_object_is_seen_and_what_hides_it_is_told():
    hiding = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        canvas, whole, covers = SceneCanvas(scene_ground(random, 96, 96)), [], set()
        for _ in range(8):
            before = canvas.instances.copy()
            if not canvas.add(KINDS[random.integers(6)], random):
                assert (canvas.instances == before).all()
                continue
            new = canvas.instances != before
            for back, area in enumerate(whole):
                if (new & (before == back + 1)).sum() > 0.05 * area:
                    covers.add((len(whole), back))
            whole.append(new.sum())
        assert set(canvas.covers) == covers
        hiding += len(covers)
        seen = np.bincount(canvas.instances.ravel())[1:]
        assert (seen >= 0.5 * np.array(whole)).all()
        assert canvas.objects([0] * len(whole)).areas.tolist() == seen.tolist()
        for front, back in covers:
            assert canvas.colours[front] != canvas.colours[back]
    assert 20 < hiding < 200


def test_grounds_are_photographs_as_often_as_textures():
    """The textured ones are smooth once their grain is averaged out."""
    rough = []
    for seed in range(60):
        pixels = np.asarray(scene_ground(np.random.default_rng(seed), 128, 96), float)
        assert pixels.shape == (96, 128, 3)
        coarse = pixels.reshape(24, 4, 32, 4, 3).mean((1, 3))
        rough.append(np.abs(np.diff(coarse, n=2, axis=0)).max() > 30)
    assert 15 < sum(rough) < 45


def test_kinds_are_labelled_in_the_order_given():
    for index in range(5):
        made = scene(index, kinds=("star",), size=48, seed=3)
        assert not made.objects.labels.any() and set(np.unique(made.mask)) == {0, 1}
        assert "star" in made.captions[0] and "circle" not in made.captions[0]
    turned = scene(9, kinds=SCENE_KINDS[::-1], size=48)
    straight = scene(9, size=48)
    assert (turned.objects.labels == straight.objects.labels).all()
    named = [SCENE_KINDS[::-1][label] for label in turned.objects.labels]
    assert all(name in " ".join(turned.captions) for name in named)


def test_numbers_of_objects_are_kept_in_small_scenes_too():
    assert {len(scene(index, size=32, least=2, most=2).objects) for index in range(40)} == {2}
    assert {len(scene(index, size=64, least=0, most=1).objects) for index in range(20)} == {0, 1}
    made = next(s for s in (scene(i, size=32, least=0) for i in range(99)) if not s.colours)
    assert made.objects.boxes.shape == (0, 4) and not made.mask.any() and not made.instances.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ("sqare",)}, 'unknown shape "sqare". Did you mean "square"'),
        ({"kinds": ()}, "one kind of shape or more"),
        ({"kinds": ("star", "star")}, "each named once"),
        ({"size": (64, 31)}, "(64, 31) pixels are too small: 32 is the least"),
        ({"least": 3, "most": 2}, "3 to 2 objects: wanted are two numbers from 0 to 8"),
        ({"most": 9}, "1 to 9 objects"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_drawn(options, message):
    for make in (lambda: scene(0, **options), lambda: scene_data(1, **options)):
        with pytest.raises(UsageError) as error:
            make()
        assert message in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UsageError, match="0 scenes for training and 3 for validation"):
        scene_data(0, val=3)


def test_data_is_drawn_when_asked_for_and_once(monkeypatch):
    drawn = []
    monkeypatch.setattr(module, "scene", lambda n, **how: drawn.append(n) or scene(n, **how))
    data = scene_data(5, val=2, size=48, seed=4)
    assert data.classes == SCENE_KINDS and list(data.splits) == ["train", "val"]
    assert len(data) == 7 and not drawn
    train, val = data.splits.values()
    assert train.names[4] == "train/000004.jpg" and val.names[1] == "val/500001.jpg"
    assert (val.objects[1].boxes == scene(VALIDATION + 1, size=48, seed=4).objects.boxes).all()
    assert val.sources[1] == jpeg(scene(VALIDATION + 1, size=48, seed=4).picture)
    assert drawn == [VALIDATION + 1]
    assert len(list(train.sources)) == len(list(train.objects)) == 5
    assert drawn == [VALIDATION + 1, 0, 1, 2, 3, 4]


def test_data_is_the_beginning_of_larger_data():
    small, large = scene_data(3, size=48), scene_data(5, val=1, size=48)
    assert list(small.splits) == ["all"]
    known = small.splits["all"].take([2, 0])
    assert known.digests == large.splits["train"].take([2, 0]).digests
    picture = np.asarray(known.decode(0), float)
    assert np.abs(picture - scene(2, size=48).picture).mean() < 8
    assert isinstance(known.objects, tuple) and len(known.objects) == 2


def test_scenes_have_no_pictures_in_common():
    splits = scene_data(40, val=20, size=32).splits
    assert len({*splits["train"].digests, *splits["val"].digests}) == 60
