"""How word vectors learn: losses worked out by hand, slopes, and moves that are not too far."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dltk.models.word_vectors import WordLearner, bag_of_words, nearness, skip_gram
from dltk.strategy import place
from dltk.text.windows import BEFORE, BEHIND, NOISE, WORDS
from dltk.training.rowwise import RowwiseSGD, summed

NEGATIVES, WINDOW, BLOCK, COUNT, SIZE = 5, 2, 3, 7, 4


def made_batch(seed: int = 0, blocks: int = 2) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        WORDS: random.integers(COUNT, size=(blocks, BLOCK + 2 * WINDOW), dtype=np.int32),
        BEFORE: random.integers(0, WINDOW + 1, (blocks, BLOCK), np.int8),
        BEHIND: random.integers(0, WINDOW + 1, (blocks, BLOCK), np.int8),
        NOISE: random.integers(COUNT, size=(blocks, 6), dtype=np.int32),
    }


def near_of(batch: dict) -> np.ndarray:
    """Return nearness word by word, float64."""
    blocks = len(batch[WORDS])
    near = np.zeros((blocks, BLOCK, BLOCK + 2 * WINDOW))
    for block in range(blocks):
        for at in range(BLOCK):
            low = at + WINDOW - batch[BEFORE][block, at]
            near[block, at, low : at + WINDOW + batch[BEHIND][block, at] + 1] = 1
            near[block, at, at + WINDOW] = 0
    return near


def test_nearness_is_that_of_windows():
    batch = made_batch()
    found = nearness(tf.constant(batch[BEFORE]), tf.constant(batch[BEHIND]), WINDOW)
    np.testing.assert_array_equal(found, near_of(batch))


def test_skip_gram_of_one_pair_is_as_worked_out_by_hand():
    """Scores: of the pair 2, of the noise 1 and -1, each of which weighs 5 / 2."""
    near = np.array([[[1.0, 0.0]]])
    lesson = skip_gram(
        tf.constant([[[1.0, 0.0]]], tf.float64),
        tf.constant([[[2.0, 0.0], [9.0, 9.0], [1.0, 3.0], [-1.0, 0.0]]], tf.float64),
        tf.constant(near),
        NEGATIVES,
    )
    of = lambda score: 1 / (1 + np.exp(-score))  # noqa: E731
    loss = -np.log(of(2)) - 2.5 * (np.log(of(-1)) + np.log(of(1)))
    assert float(lesson.loss) == pytest.approx(loss) and float(lesson.predictions) == 1
    slopes = [of(2) - 1, 0, 2.5 * of(1), 2.5 * of(-1)]
    given = (
        slopes[0] * np.array([2, 0]) + slopes[2] * np.array([1, 3]) + slopes[3] * np.array([-1, 0])
    )
    np.testing.assert_allclose(lesson.words[0, 0], given)
    np.testing.assert_allclose(lesson.outputs[0, :, 0], slopes)
    np.testing.assert_allclose(lesson.outputs[0, :, 1], 0)


def test_a_bag_of_two_words_is_as_worked_out_by_hand():
    """The mean of (1, 0) and (3, 0) scores 4 with the word in the middle, -2 with the noise."""
    lesson = bag_of_words(
        tf.constant([[[1.0, 0.0], [8.0, 8.0], [3.0, 0.0]]], tf.float64),
        tf.constant([[[2.0, 5.0], [-1.0, 0.0]]], tf.float64),
        tf.constant([[[1.0, 0.0, 1.0]]], tf.float64),
        NEGATIVES,
    )
    of = lambda score: 1 / (1 + np.exp(-score))  # noqa: E731
    assert float(lesson.loss) == pytest.approx(-np.log(of(4)) - 5 * np.log(of(2)))
    assert float(lesson.predictions) == 1
    mean = (of(4) - 1) * np.array([2, 5]) + 5 * of(-2) * np.array([-1, 0])
    np.testing.assert_allclose(lesson.words[0], [mean / 2, [0, 0], mean / 2])
    np.testing.assert_allclose(lesson.outputs[0], [[2 * (of(4) - 1), 0], [2 * 5 * of(-2), 0]])


@pytest.mark.parametrize("learn", [skip_gram, bag_of_words])
def test_slopes_are_those_of_finite_differences(learn):
    batch, random = made_batch(), np.random.default_rng(1)
    near = near_of(batch)
    wide = BLOCK + 2 * WINDOW
    given, asked = (BLOCK, wide) if learn is skip_gram else (wide, BLOCK)
    words = random.normal(size=(2, given, SIZE))
    outputs = random.normal(size=(2, asked + 6, SIZE))
    lesson = learn(*map(tf.constant, (words, outputs, near)), NEGATIVES)

    def slopes(of: str) -> np.ndarray:
        found = np.zeros_like(words if of == "words" else outputs)
        for at in np.ndindex(found.shape):
            losses = []
            for move in (1e-5, -1e-5):
                moved = {"words": words.copy(), "outputs": outputs.copy()}
                moved[of][at] += move
                told = learn(*map(tf.constant, (moved["words"], moved["outputs"], near)), NEGATIVES)
                losses.append(float(told.loss))
            found[at] = (losses[0] - losses[1]) / 2e-5
        return found

    np.testing.assert_allclose(lesson.words, slopes("words"), atol=1e-8)
    np.testing.assert_allclose(lesson.outputs, slopes("outputs"), atol=1e-8)


@pytest.mark.parametrize("learn", [skip_gram, bag_of_words])
def test_windows_of_nothing_teach_nothing(learn):
    wide = BLOCK + 2 * WINDOW
    given, asked = (BLOCK, wide) if learn is skip_gram else (wide, BLOCK)
    lesson = learn(
        tf.ones((1, given, 2)), tf.ones((1, asked + 4, 2)), tf.zeros((1, BLOCK, wide)), 5
    )
    assert float(lesson.loss) == float(lesson.predictions) == 0
    assert not np.any(lesson.words) and not np.any(lesson.outputs)


def test_scores_beyond_all_bounds_leave_numbers():
    lesson = skip_gram(
        tf.constant([[[1e4]]]), tf.constant([[[-1.0], [1.0]]]), tf.constant([[[1.0]]]), 5
    )
    for part in lesson:
        assert np.isfinite(part).all()
    assert float(lesson.words[0, 0, 0]) == pytest.approx(1 + 5)


def dataset(*batches: dict) -> tf.data.Dataset:
    """Return batches, one after the other and again and again."""
    parts = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    examples = tf.data.Dataset.from_tensor_slices(parts)
    return examples.batch(len(batches[0][WORDS]), drop_remainder=True).repeat()


def learn_from(model: WordLearner, batches, steps: int) -> list[float]:
    """Take some steps; return the loss."""
    told = model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
    return told.history["loss"]


def learner(preset: str, rate: float = 0.1, longest: float = 1e9) -> WordLearner:
    made = WordLearner(COUNT, SIZE, preset=preset, window=WINDOW, negatives=NEGATIVES)
    made.compile(RowwiseSGD(rate, longest=longest))
    return made


@pytest.mark.parametrize("preset", ["skip-gram", "cbow"])
def test_the_first_loss_is_known(preset):
    model = learner(preset)
    start = model.vectors.numpy()
    assert np.abs(start).max() <= 0.5 / SIZE and start.std() > 0.2 / SIZE
    assert learn_from(model, dataset(made_batch()), 1) == [
        pytest.approx((1 + NEGATIVES) * np.log(2), rel=1e-6)
    ]


@pytest.mark.parametrize("preset", ["skip-gram", "cbow"])
def test_a_step_is_that_of_plain_gradient_descent(preset):
    """On tables, one row after the other."""
    model, batch = learner(preset), made_batch(3)
    tables = [np.random.default_rng(4).normal(size=(COUNT, SIZE)).astype(np.float32) for _ in "ab"]
    model.set_weights(tables)
    learn_from(model, dataset(batch), 1)
    block, asked = batch[WORDS][:, WINDOW:-WINDOW], np.concatenate([batch[WORDS], batch[NOISE]], 1)
    given = block
    if preset == "cbow":
        given, asked = batch[WORDS], np.concatenate([block, batch[NOISE]], 1)
    learn = skip_gram if preset == "skip-gram" else bag_of_words
    near = tf.constant(near_of(batch), tf.float32)
    lesson = learn(tf.constant(tables[0][given]), tf.constant(tables[1][asked]), near, NEGATIVES)
    for table, rows, slopes in ((0, given, lesson.words), (1, asked, lesson.outputs)):
        for at in np.ndindex(rows.shape):
            tables[table][rows[at]] -= 0.1 * slopes[at].numpy()
    for found, expected in zip(model.get_weights(), tables, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-6)


def test_two_replicas_learn_what_one_does():
    batches = [made_batch(seed, blocks=4) for seed in range(5)]
    weights = []
    for devices in ("cpu", "cpu:2"):
        strategy = place(devices, "auto").strategy
        with strategy.scope():
            model = learner("skip-gram", longest=0.5)
        shared = strategy.experimental_distribute_dataset(dataset(*batches))
        weights.append([learn_from(model, shared, 5), *model.get_weights()])
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_gradients_of_the_same_row_are_summed():
    slices = tf.IndexedSlices(
        tf.constant([[1.0, 2.0], [10.0, 20.0], [3.0, 4.0], [0.0, 1.0]]), tf.constant([5, 2, 5, 9])
    )
    rows, slopes = summed(slices)
    assert rows.numpy().tolist() == [2, 5, 9]
    assert slopes.numpy().tolist() == [[10, 20], [4, 6], [0, 1]]


def test_a_row_moves_no_farther_than_it_may():
    table = keras.Variable(np.zeros((4, 2), np.float32))
    optimizer = RowwiseSGD(0.5, longest=5.0)
    optimizer.build([table])
    rows = tf.constant([1, 1, 3])
    slopes = tf.constant([[3.0, 4.0], [3.0, 4.0], [0.3, 0.4]])  # the sums are 10 and 0.5 long
    optimizer.apply([tf.IndexedSlices(slopes, rows, tf.constant([4, 2]))], [table])
    np.testing.assert_allclose(table.numpy(), [[0, 0], [-1.5, -2], [0, 0], [-0.15, -0.2]])
