"""Scoring meshes: whose answer is whose, known errors, subsets, genders, answers of no use."""

import numpy as np
import pytest
import torch

from gsam.body.mean_params import MeanParams, mean_params_of
from gsam.body.rotations import axis_angle_to_matrix
from gsam.body.smpl import SmplBody
from gsam.errors import ConfigError, DataError, LicensedDataMissing
from gsam.meshes.baseline import mean_body
from gsam.meshes.inference import Regressed, pose_body
from gsam.meshes.scoring import (
    FIGURES,
    Truth,
    figures,
    per_sequence,
    person_errors,
    person_frames,
    protocol,
)
from tests.labelled_bodies import SEQUENCES, label_people, small_bodies
from tests.synthetic_images import write_images


@pytest.fixture(scope="module")
def bodies():
    return small_bodies(("neutral", "male", "female"))


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    images = write_images(folder / "images", joint_set="spin_24", count=4, people_each=2)
    return label_people(folder / "bodies", "train", images)


def answer_of(truth, change=lambda surface: surface):
    """Answers with the labels' own bodies, changed."""

    def answer(people):
        rotations, vertices, joints = change(truth.meshes(people))
        count = len(people)
        return Regressed(rotations, torch.zeros(count, 10), torch.ones(count, 3), vertices, joints)

    return answer


@pytest.mark.parametrize("kind", ["neutral", "gendered"])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_true_bodies_have_no_error(labels, bodies, kind, batch_size):
    truth = Truth(labels, bodies, kind)
    errors = person_errors(answer_of(truth), truth, batch_size=batch_size)
    assert set(errors) == set(FIGURES)
    for name, values in errors.items():
        assert values.shape == (8,) and np.abs(values).max() < 1e-3, name


def test_a_shift_counts_for_vertices_alone(labels, bodies):
    truth = Truth(labels, bodies)
    shift = torch.tensor([0.3, 0.0, 0.4])
    found = answer_of(truth, lambda true: (true[0], true[1] + shift, true[2] + shift))
    errors = person_errors(found, truth)
    np.testing.assert_allclose(errors["pve_mm"], 500, rtol=1e-5)
    assert errors["mpjpe_mm"].max() < 1e-3 and errors["pa_mpjpe_mm"].max() < 1e-3


def test_a_larger_body_is_aligned_away(labels, bodies):
    truth = Truth(labels, bodies)
    found = answer_of(truth, lambda true: (true[0], 1.1 * true[1], 1.1 * true[2]))
    errors = person_errors(found, truth)
    assert errors["mpjpe_mm"].min() > 20 and errors["pa_mpjpe_mm"].max() < 1e-3


def test_rotations_are_compared(labels, bodies):
    truth = Truth(labels, bodies)
    turn = axis_angle_to_matrix(torch.tensor([[[0.0, 0.0, 0.09]]]))
    found = answer_of(truth, lambda true: (turn @ true[0], *true[1:]))
    errors = person_errors(found, truth)
    np.testing.assert_allclose(errors["joint_angle_deg"], np.rad2deg(0.09), rtol=1e-4)


def test_gendered_truth_is_worn_by_each_persons_body(labels, bodies):
    truth = Truth(labels, bodies, "gendered")
    people = np.array([3, 0, 5, 2])
    _, vertices, joints = truth.meshes(people)
    for row, person in enumerate(people):
        body = bodies.of(str(labels.genders[person]))
        shape = torch.from_numpy(labels.shapes[[person]])
        pose = torch.from_numpy(labels.poses[[person]]).view(1, 24, 3)
        expected = pose_body(body, shape, pose)
        torch.testing.assert_close(vertices[row], expected[0][0], atol=1e-5, rtol=0)
        torch.testing.assert_close(joints[row], expected[1][0], atol=1e-5, rtol=0)
    errors = person_errors(answer_of(Truth(labels, bodies)), truth)
    assert errors["mpjpe_mm"].min() > 20


def test_gendered_truth_without_the_gender(labels):
    truth = Truth(labels, small_bodies(("neutral", "male")), "gendered")
    with pytest.raises(LicensedDataMissing, match="no female SMPL model"):
        person_errors(answer_of(Truth(labels, small_bodies())), truth)


def test_an_unknown_truth(labels, bodies):
    with pytest.raises(ConfigError, match=r"truth = 'gender': did you mean 'gendered'"):
        Truth(labels, bodies, "gender")


def test_answers_that_are_no_bodies(labels, bodies):
    truth = Truth(labels, bodies)

    def broken(true):
        return true[0], torch.where(true[1] > 0.5, torch.nan, true[1]), true[2]

    with pytest.raises(DataError, match="courtyard_golf_00: an answer is not finite"):
        person_errors(answer_of(truth, broken), truth)
    few = answer_of(truth, lambda true: (true[0], true[1][:, 1:], true[2]))
    with pytest.raises(DataError, match="expected equal shapes"):
        person_errors(few, truth)


def test_nobody_to_score(bodies):
    truth = Truth([], bodies)
    with pytest.raises(DataError, match="nobody with a labelled body"):
        person_errors(answer_of(truth), truth)


def test_numbers_do_not_depend_on_threads(labels, bodies, monkeypatch):
    other = answer_of(Truth(labels, bodies, "gendered"))
    found = []
    for cores in (1, 5):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        found.append(person_errors(other, Truth(labels, bodies), batch_size=3))
    for name in FIGURES:
        np.testing.assert_array_equal(found[0][name], found[1][name])


def test_threads_elsewhere_stay_as_they_were(labels, bodies):
    before = torch.get_num_threads()
    truth = Truth(labels, bodies)
    person_errors(answer_of(truth), truth)
    assert torch.get_num_threads() == before


def known_errors(sequences):
    values = np.arange(1.0, len(sequences) + 1)
    return {name: factor * values for factor, name in enumerate(FIGURES, start=1)}


def test_means_over_person_frames_of_subsets():
    # Two frames of a visible sequence, one of each hidden one: means are not those of sequences.
    names = np.array([SEQUENCES[1], SEQUENCES[0], SEQUENCES[1], SEQUENCES[2]])
    errors = known_errors(names)
    found = figures(errors, names, "test")
    assert found["test_mpjpe_mm"] == 2.5 and found["test_pve_mm"] == 7.5
    assert found["test_occluded_mpjpe_mm"] == 3 and found["test_unoccluded_mpjpe_mm"] == 2
    assert len(found) == 3 * len(FIGURES)
    counts = {"validation": 4, "validation_occluded": 2, "validation_unoccluded": 2}
    assert person_frames(names, "validation") == counts
    sequences = per_sequence(errors, names)
    assert list(sequences) == sorted(SEQUENCES)
    assert sequences[SEQUENCES[1]]["pa_mpjpe_mm"] == 4
    assert sequences[SEQUENCES[1]]["person_frames"] == 2


def test_a_subset_without_anybody_has_no_figures():
    names = np.array(["downtown_bar_00"] * 2)
    found = figures(known_errors(names), names, "test")
    assert set(found) == {f"test_{s}{n}" for s in ("", "unoccluded_") for n in FIGURES}
    assert person_frames(names, "test") == {"test": 2, "test_unoccluded": 2}


def test_the_protocol_says_whose_bodies(bodies):
    words = protocol("threedpw", bodies, "gendered")
    assert "gendered" in words["truth"] and words["body"] == "test body neutral"
    assert all(isinstance(text, str) and text for text in words.values())


def test_the_mean_body_is_the_labels_mean(labels, bodies):
    rotations = axis_angle_to_matrix(torch.from_numpy(labels.poses[[0]]).view(1, 24, 3))
    mean = mean_params_of(rotations.numpy(), labels.shapes[:1])
    body = mean_body(mean, bodies.neutral)
    truth = Truth(labels, bodies)
    errors = person_errors(lambda people: body.repeated(len(people)), truth)
    # Of one label alone the mean is that label.
    assert errors["mpjpe_mm"][0] < 1e-2 and errors["pve_mm"][0] < 1e-2
    assert errors["mpjpe_mm"][1:].min() > 5


def test_a_body_without_the_regressor():
    mean = MeanParams(*(np.ones(size, np.float32) for size in (144, 10, 3)))
    arrays = small_bodies().arrays["neutral"]
    bare = SmplBody.from_arrays({k: v for k, v in arrays.items() if k != "J_regressor_h36m"})
    with pytest.raises(DataError, match="J_regressor_h36m: missing"):
        mean_body(mean, bare)
