"""Kind, type and severity by the company's rules, each with its reason (3.2.1, 3.2.2, 3.2.x)."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbbatch.classify import Classifier
from tests.builders import Ruled, ruled


def severity(book, text: str, **answers) -> str:
    return ruled(book, text, **answers).classification.severity


def words(found: Ruled, rule: str) -> list[str]:
    return [
        word
        for reason in found.classification.evidence
        if reason["rule"] == rule
        for word in reason["words"]
    ]


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
def test_usual_feedback_is_classified_as_people_would(
    book, text: str, kind: str | None, type_: str | None, level: str | None
) -> None:
    found = ruled(book, text).classification
    assert (kind or found.kind, type_ or found.type, level or found.severity) == (
        found.kind,
        found.type,
        found.severity,
    )


def test_text_of_two_languages_is_judged_by_the_words_of_both(book) -> None:
    found = ruled(book, "蓝牙 keeps disconnecting，还有 overheat 的问题").classification
    rules = {reason["rule"] for reason in found.evidence}
    assert {"FUN-CONNECT", "QUA-HEAT"} <= rules


def test_english_words_count_whole_and_stems_by_their_beginning(book) -> None:
    assert "SAF-EXPLOSION" in {
        e["rule"] for e in ruled(book, "it exploded").classification.evidence
    }
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
    (reason,) = [
        e
        for e in ruled(book, "煮饭时没有漏电").classification.evidence
        if e["rule"] == "SAF-ELECTRIC"
    ]
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


# --- a table of invented sentences ---

SEVERE = [
    "插上电源不到一分钟就冒烟了",
    "充电器昨晚起火，幸好及时拔掉",
    "机壳带电，摸到手麻了一下",
    "水壶外壳漏电，把我电到了",
    "電池鼓包，把後蓋頂開了",
    "手机放在桌上自己爆炸",
    "煤氣灶關了以後還有瓦斯味",
    "孩子的手指被铰链夹伤",
    "椅腿断了，人摔倒在地",
    "梯子站上去就倒塌",
    "玻璃锅盖突然炸裂，碎片割伤手",
    "用了面膜以后脸上红肿，去医院看了",
    "吃了两块就上吐下泻",
    "電鍋內膽燒焦，整間屋子都是煙",
    "刹车失灵，差点撞到行人",
    "下坡时刹不住",
    "高速上突然熄火",
    "方向盘卡死，车子失控",
    "行驶中爆胎，追尾前车",
    "气囊没有弹出，司机受伤",
    "担心是漏电，一测果然漏电",
    "害怕，因为已经冒烟两次",
    "担心又会冒烟，上周刚冒过烟",
    "我怕它，插上就打火花",
    "可能是线路老化，昨晚起火了",
    "可能会漏电，请尽快处理",
    "有起火的危险，线已经烧焦",
    "没有任何预兆就爆炸了",
    "没有出事故，但是刹车失灵",
    "无法开机，完全不能用",
]
HARMLESS = [
    "外壳有一处轻微划痕",
    "颜色比图片深一点",
    "包装盒压坏了，产品没问题",
    "说明书字太小，看不清",
    "按键手感不好",
    "希望增加定时功能",
    "请问支持几个设备同时连接",
    "很满意，操作简单",
    "蓝牙偶尔断开，重新连接就好",
    "風扇有點吵",
    "空调制冷慢",
    "屏幕亮度不够均匀，有点偏黄",
    "没有漏电，也没有冒烟，只是声音大",
    "檢測過了，沒有漏電，只是噪音大",
    "没有起火，外观有划痕",
    "未发生事故，只是反应慢",
    "無人受傷，只是外箱破損",
    "客服态度差，没人回复",
    "快递太慢，外箱破损",
    "充电慢，续航短",
    "没有信号，换个房间就好",
    "遥控器偶尔不灵，按几次才行",
    "門打不開，要用力推",
    "插头松动，接触不良，声音时有时无",
    "噪音大，震动厉害，异响不断，怕会出事故",
    "反应慢，画面模糊，卡顿，万一出车祸怎么办",
    "音响有杂音，收音机也没声音，可能会造成事故",
    "噪声大，抖动厉害，担心会起火",
    "贴纸贴歪了，有错别字",
    "少了一个配件，没收到螺丝",
]


@pytest.mark.parametrize("text", SEVERE)
def test_what_has_happened_to_people_and_what_cannot_be_used_is_severe(book, text: str) -> None:
    assert severity(book, text) == "severe"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_works_or_is_only_feared_is_not_severe(book, text: str) -> None:
    found = ruled(book, text).classification
    assert (found.severity != "severe", found.safety) == (True, ())


# --- imagined harm ---


@pytest.mark.parametrize(
    "text",
    [
        "I am afraid it might catch fire",
        "we are worried that somebody will be injured by it",
        "my fear is that someone may get badly hurt",
        "it could have caused an accident",
        "someone could have been injured",
        "I hope you act before someone gets hurt",
        "if I had been on the motorway I would have been in an accident",
        "the screen is dim and could lead to an accident",
        "担心会起火",
        "我怕以后会漏电",
        "生怕爆炸",
        "万一触电怎么办",
        "这样很容易造成交通事故",
    ],
)
def test_feared_harm_is_no_event_but_still_speaks_for_severe(book, text: str) -> None:
    found = ruled(book, text).classification
    assert found.safety == ()
    assert "SEV-DANGER" in {reason["rule"] for reason in found.evidence if reason["words"]}
    if "dim" not in text:  # the one that tells of something milder, too
        assert found.severity == "severe"


@pytest.mark.parametrize(
    "text",
    [
        "I am afraid because it caught fire",
        "I am afraid it will catch fire again",
        "we were scared when it caught fire",
        "a loose wire could have caused the explosion",
        "I could have bought another one, mine exploded",
        "I could have bought another one mine exploded",
        "it might be a bad cell, there was smoke coming out",
        "the wire could cause a fire",
        "it may give you an electric shock",
        "worried about smoke coming from the plug",
        "I was so scared my car caught fire",
        "it could have been worse it caught fire",
        "the edge can cause injury",
        "担心又会冒烟",
        "担心冒烟的问题",
        "怕会漏电的问题一直没解决",
        "可能会漏电",
        "可能是刹车不好，发生了追尾",
        "害怕，因为已经起火",
        "万一再起火呢",
    ],
)
def test_what_has_happened_and_what_a_product_can_do_stays_a_hazard(book, text: str) -> None:
    assert ruled(book, text).classification.safety


def test_other_words_outweigh_a_fear_but_not_an_event_beside_it(book) -> None:
    mild = "noisy, slow, and the buttons rattle. I fear it might catch fire"
    assert severity(book, mild) == "general"
    assert severity(book, f"{mild}. Yesterday it caught fire") == "severe"


def test_feared_word_stands_in_the_evidence_of_the_rule_for_danger(book) -> None:
    (reason,) = [
        e
        for e in ruled(book, "担心会起火").classification.evidence
        if e["says"] == "severity=severe"
    ]
    assert (reason["rule"], reason["words"], reason["negated"]) == ("SEV-DANGER", ["起火"], [])


def test_denied_fear_is_denied(book) -> None:
    assert severity(book, "不用担心会漏电，没有漏电") != "severe"


@pytest.mark.parametrize(("known", "said"), [("SAF-FIRE", "for safety"), ("NOSUCH", "NOSUCH")])
def test_supposition_speaks_as_a_known_rule_that_is_not_for_safety(
    book, known: str, said: str
) -> None:
    told = book.classification.model_dump()
    told["supposition"]["speaks_as"] = known
    with pytest.raises(ValueError, match=said):
        type(book.classification).model_validate(told)


def test_supposition_knows_the_rules_it_names(book) -> None:
    told = book.classification.model_dump()
    told["supposition"]["consequences"] = ["NOSUCH"]
    with pytest.raises(ValueError, match="NOSUCH"):
        type(book.classification).model_validate(told)


# --- words that need their object; what does not do its part ---


@pytest.mark.parametrize(
    ("text", "is_hazard"),
    [
        ("I was shocked when the clerk hung up", False),
        ("I got shocked when touching the kettle", True),
        ("shocked when I touched the tap", True),
        ("the repairs totaled 300 dollars", False),
        ("my van was totaled", True),
        ("the engine stops while driving", True),
        ("it stalled while I was driving", True),
    ],
)
def test_word_of_harm_counts_with_its_object(book, text: str, is_hazard: bool) -> None:
    assert bool(ruled(book, text).classification.safety) == is_hazard


@pytest.mark.parametrize(
    "text",
    ["The drawer does not close", "the lid won't latch", "the toaster suddenly stops", "two warning lamps, the oil light too",
     "the lights came on for days", "抽屉关不上", "按钮按下去不会亮", "洗到一半突然停了", "机油灯一直亮"],
)  # fmt: skip
def test_what_does_not_do_its_part_is_general_and_sure(book, text: str) -> None:
    found = ruled(book, text).classification
    assert (found.severity, "severity" in found.unsure) == ("general", False)


@pytest.mark.parametrize(
    "text",
    [
        "没有风险",
        "没有水渍",
        "we have not opened it yet",
        "the motor is nearly silent, love it when going out",
    ],
)
def test_what_only_looks_like_a_refusal_is_none(book, text: str) -> None:
    assert "GEN-REFUSES" not in {
        reason["rule"] for reason in ruled(book, text).classification.evidence
    }


def test_severity_is_settled_where_all_types_that_it_may_be_agree(book) -> None:
    agreed = {"function": "general", "quality": "general", "usability": "minor"}
    rules = [
        r for r in book.classification.rules if r.id in {"FUN-BRAKE", "QUA-DAMAGE", "USA-COMPLEX"}
    ]
    rules = [
        r.model_copy(update={"words": [word], "weight": 2})
        for r, word in zip(rules, ("甲", "乙", "丙"), strict=True)
    ]
    settings = {"rules": rules, "supposition": None, "severity_by_type": agreed}
    own = dataclasses.replace(book, classification=book.classification.model_copy(update=settings))
    both, mixed = ruled(own, "甲和乙").classification, ruled(own, "甲和丙").classification
    assert (both.type, both.severity, both.unsure) == ("unclassified", "general", ("type",))
    assert mixed.unsure == ("type", "severity")


# --- types, doubt, nothing at all ---


def test_two_types_with_equal_weight_are_unclassified_and_both_named(book) -> None:
    found = ruled(book, "蓝牙连不上，外壳生锈").classification
    assert {"function", "quality"} <= set(found.touched_types)


@pytest.mark.parametrize("text", ["", "今天天气晴", "abc", "！！！", "12345"])
def test_text_that_says_nothing_of_a_type_is_honestly_unclassified(book, text: str) -> None:
    found = ruled(book, text).classification
    assert (found.type, found.severity, found.unsure) == (
        "unclassified",
        "general",
        ("type", "severity"),
    )


def test_feedback_without_any_text_is_judged_and_not_a_crash(book) -> None:
    assert ruled(book, None).classification.type == "unclassified"  # type: ignore[arg-type]


def test_every_reason_names_rule_value_words_and_field(book) -> None:
    evidence = ruled(book, "插电后冒烟，外壳没有变形").classification.evidence
    assert [(reason["rule"], reason["says"]) for reason in evidence] == [
        ("SAF-SMOKE", "severity=severe"), ("GEN-DAMAGE", "severity=general"), ("QUA-FIRE", "type=quality"),
        ("QUA-DAMAGE", "type=quality"), ("KIN-PROBLEM", "kind=problem"), ("KIN-HAZARD", "kind=problem"),
    ]  # fmt: skip
    for reason in evidence:
        assert {"rule", "says", "words", "negated", "field"} <= set(reason)
        assert reason["field"] == "description"
        assert reason["words"] or reason["negated"]


# --- safety always wins (3.2.2c) ---


@pytest.mark.parametrize(
    "mild",
    [
        "轻微",
        "不影响使用，只是小问题",
        "a bit, only slightly",
        "希望增加提示，建议改进",
        "非常满意，很好用",
    ],
)
def test_safety_wins_over_every_milder_word(book, mild: str) -> None:
    assert severity(book, f"{mild}，但是插头漏电") == "severe"


def test_safety_words_are_named(book) -> None:
    assert set(ruled(book, "插头漏电，然后爆炸").classification.safety) >= {"漏电", "爆炸"}


@pytest.mark.parametrize(
    "answers", [{}, {"recorder": "lin_yating"}, {"severity_reason": "已确认无电"}]
)
def test_safety_is_not_lowered_without_a_name_and_a_reason(book, answers: dict[str, str]) -> None:
    found = ruled(book, "插头漏电", severity="minor", **answers).classification
    assert found.severity == "severe"
    assert [note.split("|")[:3] for note in found.notes] == [
        ["FB-safety-raised", "minor", "severe"]
    ]


def test_safety_is_lowered_by_a_named_person_with_a_reason_and_noted(book) -> None:
    found = ruled(
        book,
        "插头漏电",
        severity="minor",
        recorder="lin_yating",
        severity_reason="测电笔误报，已复测",
    ).classification
    assert found.severity == "minor"
    assert [note.split("|")[:3] for note in found.notes] == [
        ["FB-severity-differs", "minor", "severe"]
    ]


def test_safety_word_is_never_outvoted_by_the_type_of_rule(book) -> None:
    calm = [rule for rule in book.classification.rules if rule.severity == "minor"]
    text = "漏电，" + "，".join(
        word for rule in calm for word in rule.words[:3] if not word.isascii()
    )
    assert severity(book, text[:3000]) == "severe"


# --- what the recorder wrote ---


def test_recorders_own_answers_stand_and_the_difference_is_noted(book) -> None:
    found = ruled(
        book, "无法开机", severity="minor", type="usability", kind="inquiry"
    ).classification
    assert (found.kind, found.type, found.severity) == ("inquiry", "usability", "minor")
    assert {note.split("|")[0] for note in found.notes} == {
        "FB-severity-differs",
        "FB-type-differs",
    }


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
            "supposition": None,
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
        assert getattr(found, dimension) in {
            value.code for value in book.vocabulary.sets[dimension].values
        }


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "没有",
            "漏电",
            "冒烟",
            "，",
            "。",
            "：",
            "无",
            "不",
            "轻微",
            "no ",
            "smoke ",
            "fire ",
            "but ",
            "、",
            "或",
            "建议",
            "\n",
        ]
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


# --- the kind, where nobody has said it ---


@pytest.mark.parametrize(
    "text", ["升级新版本", "今天下午送到", "客服热线", "???", "收到货一个星期"]
)
def test_text_that_says_nothing_of_its_kind_is_no_problem_but_unclassified(book, text: str) -> None:
    assert ruled(book, text).classification.kind == "unclassified"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("有货吗", "inquiry"),
        ("支持蓝牙吗？", "inquiry"),
        ("這款什麼時候發貨", "inquiry"),
        ("怎么换电池", "inquiry"),
        ("没有货吗？", "inquiry"),
        ("Does it come in blue?", "inquiry"),
        ("怎么又坏了？", "problem"),
        ("手机发热怎么办？", "problem"),
        ("这就是你们的服务态度？", "complaint"),
        ("不错", "praise"),
        ("挺好的，下次再来", "praise"),
        ("好用", "praise"),
        ("nice", "praise"),
        ("不好用", "problem"),
        ("不是很好用", "complaint"),
        ("谢谢，但是屏幕不亮", "problem"),
        ("没什么不错的", "unclassified"),
        ("收到两天了，" * 20 + "味道不错", "unclassified"),
    ],
)
def test_plain_question_and_short_praise_are_known_where_nothing_else_is_said(
    book, text: str, kind: str
) -> None:
    assert ruled(book, text).classification.kind == kind


@pytest.mark.parametrize(
    "text", ["it bit my finger and injured me", "中途突然卡住了", "headlights flicker"]
)
def test_words_of_harm_or_of_a_fault_say_that_it_is_a_problem(book, text: str) -> None:
    assert ruled(book, text).classification.kind == "problem"


def test_kind_that_the_recorder_leaves_open_is_left_to_the_rules(book) -> None:
    assert ruled(book, "屏幕坏了", kind="unclassified").classification.kind == "problem"
    assert ruled(book, "屏幕坏了", kind="complaint").classification.kind == "complaint"


@pytest.mark.parametrize(
    ("text", "type_", "level"),
    [
        ("升级新版本", "unclassified", "general"),
        ("新版本不兼容", "compatibility", "general"),
        ("不知道怎么回事", "unclassified", "general"),
        ("不知道怎么用", "usability", "minor"),
        ("为什么没有配送", "service", "minor"),
        ("为什么还没有发货？", "service", "minor"),
        ("指纹识别失败，反锁后打不开门", "function", "general"),
        ("屏幕上有指纹", "unclassified", "minor"),
        ("The strap left scratches on my daughter's arm", "quality", "severe"),
        ("孩子的手被刮出了几道划痕", "quality", "severe"),
        ("The phone has scratches on the screen", "quality", "minor"),
        ("My watch face has scratches", "quality", "minor"),
        ("手柄有划痕", "quality", "minor"),
    ],
)
def test_named_fault_is_judged_by_what_it_says(book, text: str, type_: str, level: str) -> None:
    found = ruled(book, text).classification
    assert (found.type, found.severity) == (type_, level)


def test_hazard_is_denied_also_in_a_question(book) -> None:
    found = ruled(book, "这款插座为什么没有漏电保护？").classification
    assert (found.kind, found.safety) == ("inquiry", ())


# --- ratings ---


def with_rule(book, **rule: object):
    told = book.classification.model_dump()
    told["rules"].append({"id": "KIN-STARS", "kind": "praise", **rule})
    return type(book.classification).model_validate(told)


def test_rule_may_read_a_rating(book) -> None:
    rules = with_rule(book, weight=5, rating={"at_least": 5}, fields=["stars"])
    columns = {"description": ["屏幕坏了", "屏幕坏了", "收到货", None], "stars": [5, 4, 5.0, None]}
    classifier = Classifier(rules)
    judged = classifier.classify(columns, 4, classifier.scan(columns))
    assert [one.kind for one in judged] == ["praise", "problem", "praise", "unclassified"]
    assert judged[2].evidence == (
        {
            "rule": "KIN-STARS",
            "says": "kind=praise",
            "words": ["5"],
            "negated": [],
            "field": "stars",
        },
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "words"),
        ({"words": ["好"], "rating": {"at_least": 5}, "fields": ["stars"]}, "words"),
        ({"rating": {"at_least": 5}}, "fields"),
        ({"rating": {}, "fields": ["stars"]}, "at_least"),
        ({"rating": {"at_least": 5, "at_most": 1}, "fields": ["stars"]}, "no such rating"),
    ],
)
def test_rule_that_could_never_speak_is_refused(book, rule: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        with_rule(book, **rule)


def test_rules_without_the_kind_unclassified_judge_as_before(book) -> None:
    told = book.classification.model_dump()
    told |= {"default_kind": "problem", "kind_of_faults": None}
    classifier = Classifier(type(book.classification).model_validate(told))
    columns = {"description": ["收到货一个星期"]}
    assert classifier.classify(columns, 1, classifier.scan(columns))[0].kind == "problem"
