"""Files that are whole or absent, and folders that one run holds."""

import pytest

from dltk.errors import DltkError
from dltk.files import claimed, whole


def test_a_file_is_there_when_it_is_whole_and_not_before(tmp_path):
    path = tmp_path / "new folder" / "text.txt"
    with whole(path) as part:
        part.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it"
    assert [each.name for each in path.parent.iterdir()] == ["text.txt"]


def test_what_was_there_stays_if_writing_fails(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), whole(path) as part:
        part.write_text("half of")
        raise ZeroDivisionError
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["text.txt"]


def test_a_folder_is_made_and_goes_again_if_nothing_came_into_it(tmp_path):
    folder = tmp_path / "deep" / "out"
    with claimed(folder):
        assert folder.is_dir()
    assert not folder.exists()
    with claimed(folder):
        (folder / "result.txt").touch()
    assert (folder / "result.txt").exists()


def test_an_empty_folder_that_was_there_stays(tmp_path):
    with claimed(tmp_path):
        pass
    assert tmp_path.is_dir()


def test_a_folder_is_held_by_one_run_at_a_time(tmp_path):
    with (
        claimed(tmp_path),
        pytest.raises(DltkError, match=r"another run is writing to .*; wait for it"),
        claimed(tmp_path),
    ):
        pass
    with claimed(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DltkError, match=r"cannot write .*out"), claimed(tmp_path / "file" / "out"):
        pass
