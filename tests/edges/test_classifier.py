import os
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from refundsorter.core.fault import BundleRefused
from refundsorter.edges.classifier import Classifier

TINY = Path(__file__).parents[1] / "data" / "tiny.tflite"
COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)], np.uint8)


def photos(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One photo of 32 pixels a colour: uint8 [N, 3] -> uint8 [N, 32, 32, 3]."""
    return np.ascontiguousarray(np.broadcast_to(colours[:, None, None, :], (len(colours), 32, 32, 3)))


def test_each_photo_gets_its_own_answer() -> None:
    """The answers come in the order of the photos, one row each, in the order of the labels."""
    answers = Classifier(TINY, labels=5, input_size=32).logits(photos(COLOURS[::-1]))
    assert answers.shape == (5, 5)
    assert answers.dtype == np.float32
    assert answers.argmax(axis=1).tolist() == [4, 3, 2, 1, 0]


def test_no_photos_have_no_answers() -> None:
    """An empty batch is answered by an empty array of the right width."""
    assert Classifier(TINY, labels=5, input_size=32).logits(photos(COLOURS[:0])).shape == (0, 5)


def test_an_answer_does_not_depend_on_its_batch() -> None:
    """A photo's logits are the same alone and among others, bit for bit."""
    classifier = Classifier(TINY, labels=5, input_size=32)
    together = classifier.logits(photos(COLOURS))
    alone = [classifier.logits(photos(COLOURS[k : k + 1]))[0] for k in range(5)]
    assert np.array_equal(together, np.stack(alone))


def test_an_answer_outlives_the_next_one() -> None:
    """What was returned is the caller's own: the next call does not write over it."""
    classifier = Classifier(TINY, labels=5, input_size=32)
    first = classifier.logits(photos(COLOURS[:1]))
    kept = first.copy()
    classifier.logits(photos(COLOURS[1:2]))
    assert np.array_equal(first, kept)


def test_two_workers_do_not_disturb_each_other() -> None:
    """Two classifiers of one file, each in its thread, answer as one alone."""
    batch = photos(np.repeat(COLOURS, 40, axis=0))
    answers: dict[int, NDArray[np.float32]] = {}

    def work(name: int) -> None:
        answers[name] = Classifier(TINY, labels=5, input_size=32).logits(batch)

    workers = [Thread(target=work, args=(name,)) for name in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    expected = Classifier(TINY, labels=5, input_size=32).logits(batch)
    assert np.array_equal(answers[0], expected)
    assert np.array_equal(answers[1], expected)


@pytest.mark.parametrize(("labels", "size", "end"), [(6, 32, "output"), (5, 224, "input")])
def test_a_model_of_another_shape_is_refused(labels: int, size: int, end: str) -> None:
    """A model that does not have the sides and labels its bundle states is refused, saying which."""
    with pytest.raises(BundleRefused, match=f"the model's {end} is"):
        Classifier(TINY, labels=labels, input_size=size)


@pytest.mark.parametrize(
    "content",
    [b"", b"no model", bytes(10_000), b"\x1c\0\0\0TFL3" + bytes(5_000), TINY.read_bytes()[:1500]],
    ids=["empty", "text", "zeros", "signature", "torn"],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """Content that is no model is refused with the path; the process lives on."""
    weights = tmp_path / "model.tflite"
    weights.write_bytes(content)
    with pytest.raises(BundleRefused, match=r"model\.tflite"):
        Classifier(weights, labels=5, input_size=32)


def test_a_file_that_is_cut_short_later_changes_nothing(tmp_path: Path) -> None:
    """What was loaded answers on, bit for bit, whatever becomes of its file."""
    weights = tmp_path / "model.tflite"
    weights.write_bytes(TINY.read_bytes())
    classifier = Classifier(weights, labels=5, input_size=32)
    before = classifier.logits(photos(COLOURS))
    os.truncate(weights, 0)
    assert np.array_equal(classifier.logits(photos(COLOURS)), before)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    """A path without a file is refused with the path."""
    with pytest.raises(BundleRefused, match=r"gone\.tflite"):
        Classifier(tmp_path / "gone.tflite", labels=5, input_size=32)
