from concurrent.futures import Future

import pytest

from refundsorter.core.image import Answer
from refundsorter.core.port import Known
from refundsorter.loops.contents import Contents

CONTENT = ("tiny/1.0.0", "taxonomy", "ab" * 32)
KNOWN = Known(
    first_id=7,
    answer=Answer(category="WARM", label="red", confidence=1.0, top_predictions=(), width=4, height=3),
)


def _follow(contents: Contents) -> Future[Known | None]:
    """Meet a content that somebody leads."""
    following = contents.lead(CONTENT)
    assert following is not None
    return following


def test_the_first_leads_and_the_others_follow() -> None:
    """Whoever meets a content first leads it; the answer reaches whoever met it meanwhile."""
    contents = Contents()
    assert contents.lead(CONTENT) is None
    following = _follow(contents)
    assert not following.done()
    contents.answer(CONTENT, KNOWN)
    assert following.result() is KNOWN


def test_an_answer_is_there_until_it_is_let_go() -> None:
    """Between the answer and the ledger's commit nobody infers the content again."""
    contents = Contents()
    contents.lead(CONTENT)
    contents.answer(CONTENT, KNOWN)
    assert _follow(contents).result() is KNOWN
    contents.let_go([CONTENT])
    assert contents.lead(CONTENT) is None


@pytest.mark.parametrize("end", ["let_go", "clear"])
def test_a_lead_that_is_given_up_frees_those_who_wait(end: str) -> None:
    """Followers of a leader that found no answer are told so, and wait no longer."""
    contents = Contents()
    contents.lead(CONTENT)
    following = _follow(contents)
    if end == "clear":
        contents.clear()
    else:
        contents.let_go([CONTENT])
    assert following.result(timeout=0) is None
    assert contents.lead(CONTENT) is None


def test_letting_go_of_what_is_not_led_changes_nothing() -> None:
    """A content may be let go twice."""
    Contents().let_go([CONTENT])


def test_another_model_is_another_answer() -> None:
    """The same photo under another model is led anew."""
    contents = Contents()
    contents.lead(CONTENT)
    assert contents.lead(("tiny/2.0.0", *CONTENT[1:])) is None
