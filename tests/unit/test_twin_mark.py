"""A twin's folder is known by its mark, and only by it."""

import pytest

from gsam.errors import DataError
from gsam.twin_mark import MARK, is_twin, twin_of, write_mark


def test_a_marked_folder_is_a_twin_and_names_its_original(tmp_path):
    assert not is_twin(tmp_path)
    assert twin_of(tmp_path) is None
    write_mark(tmp_path, "mpi_inf_3dhp", 7)
    assert is_twin(tmp_path)
    assert twin_of(tmp_path) == "mpi_inf_3dhp"


def test_a_damaged_mark_still_marks_a_twin(tmp_path):
    (tmp_path / MARK).write_text("[]")
    assert is_twin(tmp_path)
    with pytest.raises(DataError, match=r"twin\.json: expected"):
        twin_of(tmp_path)
