"""Kind, type and severity by the company's rules, each with its reason (3.2.1, 3.2.2, 3.2.x)."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import Ruled, ruled


def severity(book, text: str, **answers) -> str:
    return ruled(book, text, **answers).classification.severity


def words(found: Ruled, rule: str) -> list[str]:
    return [word for reason in found.classification.evidence if reason["rule"] == rule for word in reason["words"]]


# --- both scripts, both languages ---


@pytest.mark.parametrize(
    ("traditional", "simple"),
    [
        ("插電後冒煙並有燒焦味", "插电后冒烟并有烧焦味"),
        ("無法開機，指示燈不亮", "无法开机，指示灯不亮"),
        ("說明書看不懂，操作太複雜", "说明书看不懂，操作太复杂"),
        ("外殼有輕微劃痕", "外壳有轻微划痕"),
        ("希望增加語音提示", "希望增加语音提示"),
    ],
)
def test_both_scripts_are_judged_alike(book, traditional: str, simple: str) -> None:
    assert ruled(book, traditional).classification == ruled(book, simple).classification


@pytest.mark.parametrize(
    ("text", "kind", "type_", "level"),
    [
        ("插电后冒烟，有烧焦味", "problem", "quality", "severe"),
        ("The charger caught fire while charging", "problem", "quality", "severe"),
        ("Smoke came out of the speaker 然后无法开机", "problem", None, "severe"),
        ("充电两小时后无法开机", "problem", "function", "severe"),
        ("说明书看不懂，操作太复杂", None, "usability", "minor"),
        ("与安卓14手机不兼容", "problem", "compatibility", "general"),
        ("外壳有轻微划痕", "problem", "quality", "minor"),
        ("操作不当导致卡住，是我误操作", "problem", "misuse", None),
        ("物流太慢，外箱破损", None, "service", None),
        ("希望增加定时清扫的语音提示", "suggestion", "suggestion", "minor"),
        ("客服态度恶劣，我要投诉", "complaint", "service", None),
        ("请问这款什么时候上市", "inquiry", None, "minor"),
        ("非常满意，很好用", "praise", "other", "minor"),
    ],
)
def test_usual_feedback_is_classified_as_people_would(book, text: str, kind: str | None, type_: str | None, level: str | None) -> None:
    found = ruled(book, text).classification
    assert (kind or found.kind, type_ or found.type, level or found.severity) == (found.kind, found.type, found.severity)


def test_text_of_two_languages_is_judged_by_the_words_of_both(book) -> None:
    found = ruled(book, "蓝牙 keeps disconnecting，还有 overheat 的问题").classification
    rules = {reason["rule"] for reason in found.evidence}
    assert {"FUN-CONNECT", "QUA-HEAT"} <= rules


def test_english_words_count_whole_and_stems_by_their_beginning(book) -> None:
    assert "SAF-EXPLOSION" in {e["rule"] for e in ruled(book, "it exploded").classification.evidence}
    assert ruled(book, "the campfire mode of the lamp is great").classification.safety == ()
    assert severity(book, "the fireplace decoration is nice") != "severe"


# --- negation ---


@pytest.mark.parametrize(
    "text",
    [
        "煮饭时没有漏电",
        "煮飯時沒有漏電，也沒有冒煙",
        "没有冒烟",
        "没有漏电、冒烟或起火",
        "不冒烟",
        "未漏电",
        "漏电：无",
        "冒烟: no",
        "漏電＝無",
        "no smoke and no sparks",
        "There was no fire or smoke or explosion",
        "it did not explode",
        "the battery didn't explode",
        "并无爆炸",
    ],
)
def test_denied_hazard_is_no_hazard(book, text: str) -> None:
    found = ruled(book, text).classification
    assert found.safety == ()
    assert found.severity != "severe"


@pytest.mark.parametrize(
    "text",
    [
        "没有漏电，但是冒烟了",
        "没用几天就冒烟",
        "没有任何征兆就起火了",
        "沒有反應，接著冒煙",
        "no warning, then it caught fire",
        "冒烟：是",
        "之前没有问题。今天漏电",
        "无缘无故爆炸",
        "不知道为什么漏电",
        "not only does it not work, it also caught fire",
        "没有通电也冒烟",
        "没有开机的时候漏电",
        "没有使用时自己起火",
        "沒有人在家卻爆炸",
    ],
)
def test_negation_does_not_reach_beyond_its_clause(book, text: str) -> None:
    assert ruled(book, text).classification.safety


def test_denied_word_stands_in_the_evidence_as_denied(book) -> None:
    (reason,) = [e for e in ruled(book, "煮饭时没有漏电").classification.evidence if e["rule"] == "SAF-ELECTRIC"]
    assert (reason["words"], reason["negated"]) == ([], ["漏电"])


def test_one_plain_statement_outweighs_a_denial_elsewhere(book) -> None:
    assert ruled(book, "昨天没有漏电，今天外壳漏电").classification.safety == ("漏电",)


def test_same_words_in_the_same_places_are_judged_by_their_own_surroundings(book) -> None:
    first = ruled(book, "插头：漏电，插座也漏电").classification
    second = ruled(book, "插头：漏电、插座没漏电").classification
    assert first.safety
    assert second.safety
    denied, stated = ruled(book, "没有再次漏电"), ruled(book, "用了再次漏电")
    assert (denied.classification.safety, stated.classification.safety) == ((), ("漏电",))


# --- types, doubt, nothing at all ---


def test_two_types_with_equal_weight_are_unclassified_and_both_named(book) -> None:
    found = ruled(book, "蓝牙连不上，外壳生锈").classification
    assert {"function", "quality"} <= set(found.touched_types)


@pytest.mark.parametrize("text", ["", "今天天气很好", "abc", "！！！", "12345"])
def test_text_that_says_nothing_of_a_type_is_honestly_unclassified(book, text: str) -> None:
    found = ruled(book, text).classification
    assert (found.type, found.severity, found.unsure) == ("unclassified", "general", ("type", "severity"))


def test_feedback_without_any_text_is_judged_and_not_a_crash(book) -> None:
    assert ruled(book, None).classification.type == "unclassified"  # type: ignore[arg-type]


def test_every_reason_names_rule_value_words_and_field(book) -> None:
    for reason in ruled(book, "插电后冒烟，外壳没有变形").classification.evidence:
        assert {"rule", "says", "words", "negated", "field"} <= set(reason)
        assert reason["field"] == "description"
        assert reason["words"] or reason["negated"]


# --- safety always wins (3.2.2c) ---


@pytest.mark.parametrize("mild", ["轻微", "不影响使用，只是小问题", "a bit, only slightly", "希望增加提示，建议改进", "非常满意，很好用"])
def test_safety_wins_over_every_milder_word(book, mild: str) -> None:
    assert severity(book, f"{mild}，但是插头漏电") == "severe"


def test_safety_words_are_named(book) -> None:
    assert set(ruled(book, "插头漏电，然后爆炸").classification.safety) >= {"漏电", "爆炸"}


@pytest.mark.parametrize("answers", [{}, {"recorder": "lin_yating"}, {"severity_reason": "已确认无电"}])
def test_safety_is_not_lowered_without_a_name_and_a_reason(book, answers: dict[str, str]) -> None:
    found = ruled(book, "插头漏电", severity="minor", **answers).classification
    assert found.severity == "severe"
    assert [note.split("|")[:3] for note in found.notes] == [["FB-safety-raised", "minor", "severe"]]


def test_safety_is_lowered_by_a_named_person_with_a_reason_and_noted(book) -> None:
    found = ruled(book, "插头漏电", severity="minor", recorder="lin_yating", severity_reason="测电笔误报，已复测").classification
    assert found.severity == "minor"
    assert [note.split("|")[:3] for note in found.notes] == [["FB-severity-differs", "minor", "severe"]]


def test_safety_word_is_never_outvoted_by_the_type_of_rule(book) -> None:
    calm = [rule for rule in book.classification.rules if rule.severity == "minor"]
    text = "漏电，" + "，".join(word for rule in calm for word in rule.words[:3] if not word.isascii())
    assert severity(book, text[:3000]) == "severe"


# --- what the recorder wrote ---


def test_recorders_own_answers_stand_and_the_difference_is_noted(book) -> None:
    found = ruled(book, "无法开机", severity="minor", type="usability", kind="inquiry").classification
    assert (found.kind, found.type, found.severity) == ("inquiry", "usability", "minor")
    assert {note.split("|")[0] for note in found.notes} == {"FB-severity-differs", "FB-type-differs"}


def test_recorder_who_agrees_causes_no_note(book) -> None:
    assert ruled(book, "无法开机", severity="severe", type="function").classification.notes == ()


def test_recorder_settles_what_the_rules_cannot(book) -> None:
    found = ruled(book, "今天天气很好", severity="minor", type="other").classification
    assert (found.type, found.severity, found.unsure, found.notes) == ("other", "minor", (), ())


def test_given_answers_stand_in_the_evidence_as_given(book) -> None:
    found = ruled(book, "无法开机", severity="minor").classification
    assert {"rule": "given", "says": "severity=minor"}.items() <= found.evidence[-1].items()


def test_recorder_raising_the_severity_is_respected(book) -> None:
    assert severity(book, "外壳有轻微划痕", severity="severe") == "severe"


# --- rules of a company's own ---


def test_rule_for_one_field_does_not_look_into_others(book) -> None:
    rules = book.classification.model_copy(
        update={
            "texts": ["description", "scene"],
            "rules": [
                rule.model_copy(update={"words": ["厨房"], "fields": ["scene"]})
                for rule in book.classification.rules
                if rule.id == "QUA-GENERIC"
            ],
        }
    )
    own = dataclasses.replace(book, classification=rules)
    assert ruled(own, "在厨房", scene="客厅").classification.type == "unclassified"
    assert ruled(own, "坏", scene="厨房").classification.type == "quality"


def test_classification_is_the_same_whatever_was_judged_before(book) -> None:
    texts = ["插电后冒烟", "没有冒烟", "冒烟：无", "无法开机", "no smoke", "smoke came out"]
    first = [ruled(dataclasses.replace(book), text).classification for text in texts]
    again = dataclasses.replace(book)
    assert [ruled(again, text).classification for text in reversed(texts)] == first[::-1]


# --- laws ---


@given(st.text(max_size=300))
def test_any_text_gets_a_known_kind_type_and_severity(book, text: str) -> None:
    found = ruled(book, text).classification
    for dimension in ("kind", "type", "severity"):
        assert getattr(found, dimension) in {value.code for value in book.vocabulary.sets[dimension].values}


FRAGMENTS = st.lists(
    st.sampled_from(
        ["没有", "漏电", "冒烟", "，", "。", "：", "无", "不", "轻微", "no ", "smoke ", "fire ", "but ", "、", "或", "建议", "\n"]
    ),
    max_size=14,
)


@given(FRAGMENTS)
def test_a_hazard_in_a_sentence_of_its_own_is_always_severe(book, fragments: list[str]) -> None:
    assert severity(book, "".join(fragments) + "。插头漏电。") == "severe"


@given(FRAGMENTS)
def test_safety_words_and_severe_go_together(book, fragments: list[str]) -> None:
    found = ruled(book, "".join(fragments)).classification
    assert not found.safety or found.severity == "severe"


@given(FRAGMENTS)
def test_judging_remembers_nothing_between_texts(book, fragments: list[str]) -> None:
    text = "".join(fragments)
    first = ruled(book, text).classification
    ruled(book, "没有" + text)
    ruled(book, text + "：无")
    assert ruled(book, text).classification == first
