"""Pictures of two domains: where they are found, and in which batches they come."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from dltk.data.domains import domain_names, read_domains
from dltk.data.unpaired import UnpairedBatches, cropped, unpaired_pixels
from dltk.errors import UsageError
from dltk.geometry import Geometry
from dltk.opponents import FIRST, OLD, PLACES, SECOND

DOMAINS = [1, 0, 1, 1, 0, 1, 1, 1]  # two of the first, six of the second


def batches_of(domains=DOMAINS, **options) -> UnpairedBatches:
    """Return batches of pictures that tell their index and the number they were loaded with."""

    def load(indices: np.ndarray, number: int) -> np.ndarray:
        told = np.stack([indices, np.full(len(indices), number), indices], axis=1)
        return told[:, None, None].astype(np.float32)

    return UnpairedBatches(load, domains, **{"batch_size": 3} | options)


def drawn(batches, name, steps) -> list[tuple[int, int]]:
    shares = [batches.share(step, 0, 1)[name][:, 0, 0] for step in steps]
    return [tuple(map(int, row[:2])) for row in np.concatenate(shares)]


# Batches


def test_each_domain_is_gone_through_again_and_again():
    batches = batches_of()
    assert batches.steps_per_epoch == 2 and batches.batch_size == 3
    for name, members in ((FIRST, [1, 4]), (SECOND, [0, 2, 3, 5, 6, 7])):
        found = drawn(batches, name, range(8))
        for at in range(0, len(found), len(members)):
            part = found[at : at + len(members)]
            assert sorted(index for index, _ in part) == members
            assert {number for _, number in part} == {at // len(members)}
    orders = {tuple(drawn(batches, SECOND, [2 * epoch, 2 * epoch + 1])) for epoch in range(4)}
    assert len(orders) == 4


def test_a_step_depends_on_the_seed_and_its_number_alone():
    first, again, other = batches_of(pool=4), batches_of(pool=4), batches_of(pool=4, seed=1)
    for step in (0, 9):
        one, two = first.share(step, 0, 1), again.share(step, 0, 1)
        assert one.keys() == two.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])
    assert drawn(first, SECOND, range(4)) != drawn(other, SECOND, range(4))


def test_replicas_share_out_what_one_would_see():
    batches = batches_of(batch_size=4, pool=6)
    for step in range(5):
        whole = batches.share(step, 0, 1)
        halves = [batches.share(step, replica, 2) for replica in range(2)]
        for name, values in whole.items():
            np.testing.assert_array_equal(values, np.concatenate([half[name] for half in halves]))
        pairs = zip((FIRST, SECOND), np.split(batches.indices(step), 2), strict=True)
        for name, indices in pairs:
            assert whole[name][:, 0, 0, 0].tolist() == indices.tolist()
    assert whole[PLACES].shape == (4, 2) and whole[PLACES].dtype == np.int32
    assert whole[OLD].shape == (4, 2) and whole[OLD].dtype == bool


def test_one_picture_of_each_domain_is_enough():
    batches = batches_of([1, 0])
    assert batches.steps_per_epoch == 1 and batches.batch_size == 1
    assert drawn(batches, FIRST, range(3)) == [(1, 0), (1, 1), (1, 2)]  # each time another crop
    assert batches.describe(0) == "1, 0"


@pytest.mark.parametrize(("batch_size", "pool"), [(1, 5), (3, 5), (4, 2)])
def test_a_pool_is_filled_first_and_then_one_in_two_is_exchanged(batch_size, pool):
    batches = batches_of([0] * 4 + [1] * 4, batch_size=batch_size, pool=pool)
    filled, exchanged, chances = [set(), set()], 0, 0
    for step in range(300):
        share = batches.share(step, 0, 1)
        for domain in (0, 1):
            places, old = share[PLACES][:, domain], share[OLD][:, domain]
            kept = places[places >= 0].tolist()
            assert len(set(kept)) == len(kept) and all(place < pool for place in kept)
            assert set(places[old].tolist()) <= filled[domain]  # nothing comes out of empty places
            if len(filled[domain]) == pool:
                assert (old == (places >= 0)).all()
                exchanged += old.sum()
                chances += min(batch_size, pool)
            else:
                new = kept[: pool - len(filled[domain])]
                assert new == list(range(len(filled[domain]), len(filled[domain]) + len(new)))
            filled[domain] |= set(kept)
    assert exchanged / chances == pytest.approx(0.5, abs=0.06)
    counts = Counter(
        place for step in range(200, 300) for place in batches.share(step, 0, 1)[PLACES].ravel()
    )
    assert set(counts) == {-1, *range(pool)}


def test_both_domains_are_exchanged_by_themselves():
    batches = batches_of(batch_size=1, pool=1)
    olds = {tuple(batches.share(step, 0, 1)[OLD][0].tolist()) for step in range(1, 60)}
    assert olds == {(False, False), (False, True), (True, False), (True, True)}


# Squares


def test_squares_lie_anywhere_and_have_the_share_of_the_paper():
    ramp = np.zeros((143, 286, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(286) // 2, np.arange(143)[:, None]
    picture, geometry = Image.fromarray(ramp), Geometry(64, 64, crop=1.0)
    found = [
        cropped(picture, geometry, np.random.default_rng(seed), flip=False) for seed in range(200)
    ]
    assert found[0].shape == (64, 64, 3) and found[0].dtype == np.float32
    across = np.array([each[0, -1, 0] - each[0, 0, 0] for each in found])
    down = np.array([each[-1, 0, 1] - each[0, 0, 1] for each in found])
    np.testing.assert_allclose(down, 128 * 63 / 64, atol=2.5)  # 128 of 143 rows
    np.testing.assert_allclose(across, 64 * 63 / 64, atol=2.5)  # and as many columns
    lefts, tops = (np.array([each[0, 0, k] for each in found]) for k in (0, 1))
    assert lefts.min() < 4 and lefts.max() > 75 and tops.min() < 3 and tops.max() > 12


def test_every_second_square_is_mirrored_if_that_is_allowed():
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    picture, geometry = Image.fromarray(ramp), Geometry(32, 32, crop=1.0)
    for flip, low, high in ((True, 70, 130), (False, 0, 0)):
        found = [
            cropped(picture, geometry, np.random.default_rng(seed), flip=flip)
            for seed in range(200)
        ]
        assert low <= sum(each[0, 0, 0] > each[0, -1, 0] for each in found) <= high


def test_a_picture_is_cut_anew_each_time(two_folders):
    data = read_domains(*two_folders)
    load = unpaired_pixels(data.splits["all"], 32, flip=True, seed=0, threads=1)
    first, again, later = load(np.array([0]), 0), load(np.array([0]), 0), load(np.array([0]), 1)
    np.testing.assert_array_equal(first, again)
    assert first.shape == (1, 32, 32, 3) and (first != later).any()


# Domains


@pytest.fixture
def folders(tmp_path, noise):
    """Write folders of pictures: of how many, by their names."""

    def make(**counts: int):
        for number, (name, count) in enumerate(counts.items()):
            folder = tmp_path.joinpath(*name.split("__"))
            folder.mkdir(parents=True)
            for at in range(count):
                noise(100 * number + at).save(folder / f"{at}.png")
        return tmp_path

    return make


@pytest.fixture
def two_folders(folders):
    root = folders(horses=3, zebras=2)
    return root / "horses", root / "zebras"


def names_of(data, split: str = "all") -> list[tuple[str, str]]:
    part = data.splits[split]
    return [
        (name, data.classes[label]) for name, label in zip(part.names, part.labels, strict=True)
    ]


def test_two_folders_are_two_domains_in_the_order_given(two_folders):
    horses, zebras = two_folders
    data = read_domains(zebras, horses)
    assert data.classes == ("zebras", "horses")
    assert names_of(data) == [
        ("zebras/0.png", "zebras"), ("zebras/1.png", "zebras"), ("horses/0.png", "horses"),
        ("horses/1.png", "horses"), ("horses/2.png", "horses"),
    ]  # fmt: skip
    part = data.splits["all"]
    assert len(set(part.digests)) == 5 and part.decode(4).size == (40, 30)
    assert part.take([4]).decode(0).tobytes() == Image.open(horses / "2.png").tobytes()


def test_one_folder_may_hold_both(two_folders):
    data = read_domains(two_folders[0].parent)
    assert data.classes == ("horses", "zebras") and len(data.splits["all"]) == 5


def test_published_folders_are_known(folders):
    root = folders(trainA=3, trainB=2, testA=1, testB=1)
    data = read_domains(root)
    assert data.classes == ("A", "B") and set(data.splits) == {"train", "test"}
    assert names_of(data, "test") == [("A/0.png", "A"), ("B/0.png", "B")]
    assert len(data.splits["train"]) == 5


def test_folders_of_splits_are_put_together(folders):
    root = folders(a__train=2, a__test=1, b=2)
    (root / "b" / "notes.txt").write_text("none")
    data = read_domains(root / "a", root / "b")
    assert names_of(data, "test") == [("a/test/0.png", "a")]
    assert [name for name, _ in names_of(data, "train")] == [
        "a/train/0.png", "a/train/1.png", "b/0.png", "b/1.png",
    ]  # fmt: skip
    assert data.passed_over == (("b/notes.txt", "not a picture by its extension"),)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("x/horses", "y/zebras/"), ("horses", "zebras")),
        (("summer/photos", "winter/photos"), ("summer", "winter")),
        (("tfds:horses", "tfds:zebras/big"), ("horses", "big")),
        (("tfds:beans", "beans"), ("A", "B")),
    ],
)
def test_domains_are_called_by_what_tells_them_apart(paths, names):
    assert domain_names(*paths) == names


def test_what_are_not_two_domains_is_told(folders, tmp_path):
    root = folders(horses=1, zebras=1, mules=1)
    horses = root / "horses"
    with pytest.raises(
        UsageError, match=r"3 kinds of pictures \(horses, mules, zebras\), and a tr"
    ):
        read_domains(root)
    with pytest.raises(UsageError, match="are the same; name two folders, DATA and OTHER, or one"):
        read_domains(horses, root / "mules" / ".." / "horses")
    for pair, inner in (((root, horses), horses), ((horses, root), horses)):
        with pytest.raises(UsageError, match=f"{inner} lies in {root}, so that its pictures"):
            read_domains(*pair)
    with pytest.raises(UsageError, match=f"{horses} holds no folders of pictures; name two"):
        read_domains(horses)
    with pytest.raises(UsageError, match="holds no two kinds of pictures; name two"):
        read_domains(_only(root, "zebras"))
    with pytest.raises(UsageError, match=r"no such folder or file: .*hores\. Did you mean .horses"):
        read_domains(root / "hores", root / "zebras")
    (root / "half" / "trainA").mkdir(parents=True)
    with pytest.raises(UsageError, match="half has no folder trainB; name two folders"):
        read_domains(root / "half")


def _only(root, name):
    (root / "one").mkdir()
    (root / name).rename(root / "one" / name)
    return root / "one"
