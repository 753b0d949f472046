"""Feedback that nobody here wrote: how much is called a problem though nothing was said, what is severe, which repeats are found.

The texts stand in `../shared/feedback`; none of them is in the repository. The figures are those of
`benchmarks/judgement.py`.
"""

import pytest

from benchmarks import judgement
from benchmarks.judgement import REPEATS
from fbbatch.classify import Classifier

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not judgement.REVIEWS.is_dir(), reason="the texts are not here"),
]


@pytest.fixture(scope="module")
def classifier(book) -> Classifier:
    return Classifier(book.classification)


@pytest.mark.parametrize(("stars", "most"), [("5.0", 0.05), ("4.0", 0.10)])
def test_happy_review_is_hardly_ever_a_problem(
    classifier: Classifier, stars: str, most: float
) -> None:
    texts = [text for given, text in judgement.reviews() if given == stars]
    found = judgement.kinds(classifier, texts)
    assert found["problem"] <= most * found.total()


@pytest.mark.parametrize(("name", "recall"), list(zip(judgement.FILES, (1.0, 0.75), strict=True)))
def test_severe_complaints_are_found_as_before_and_most_are_problems(
    classifier: Classifier, name: str, recall: float
) -> None:
    rows = judgement.complaints(judgement.FILES[name])
    harmful = [one for one in judgement.judge(classifier, rows) if one.harmful]
    assert sum(one.severe for one in harmful) >= recall * len(harmful)
    found = judgement.kinds(classifier, [row[19] for row in rows])
    assert found["problem"] >= 0.8 * found.total()


@pytest.mark.parametrize("repeat", REPEATS)
def test_what_is_told_again_in_another_way_is_found(repeat: str) -> None:
    texts = [text for _, text in judgement.reviews()]
    assert judgement.found_repeats(texts, repeat) >= 0.94


def test_no_unrelated_pair_is_proposed() -> None:
    pairs = judgement.unrelated([text for _, text in judgement.reviews()], 3_000)
    assert [pair for pair in pairs if judgement.is_proposed(*pair)] == []
