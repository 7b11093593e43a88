"""What the tests of data share: folders of pictures, what a reader refuses, what TFDS prepares."""

import zlib

import pytest

from dltk.data import read_data
from dltk.errors import UsageError


@pytest.fixture
def make(tmp_path, noise):
    """Write pictures, each different, to the paths given: make("a/1.png", …) -> the root."""
    root = tmp_path / "data"

    def write(*names):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(zlib.crc32(name.encode()), (12, 8)).save(path)
        return root

    return write


@pytest.fixture
def said():
    """Return the message, of one line, with which reading data is refused: said(where, kind)."""

    def refused(where, kind=UsageError):
        with pytest.raises(kind) as error:
            read_data(where)
        message = str(error.value)
        assert "\n" not in message
        return message

    return refused


@pytest.fixture(scope="module")
def prepare(tmp_path_factory):
    """Let TFDS prepare a data set: prepare({feature: …}, {split: [example, …]}) -> its folder."""
    import tensorflow_datasets as tfds

    def prepared(features, splits):
        folder = tmp_path_factory.mktemp("tfds") / "tiny" / "1.0.0"
        folder.mkdir(parents=True)
        identity = tfds.core.DatasetIdentity(
            name="tiny",
            version=tfds.core.Version("1.0.0"),
            data_dir=str(folder),
            module_name="",
        )
        info = tfds.core.DatasetInfo(
            builder=identity, features=tfds.features.FeaturesDict(features)
        )
        writer = tfds.core.SequentialWriter(info, max_examples_per_shard=4)
        writer.initialize_splits(list(splits))
        writer.add_examples(splits)
        writer.close_all()
        return folder

    return prepared
