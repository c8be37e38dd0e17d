# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The evaluation's scores of hand-made answers; its sets, its table and its card."""

import json
import math
from collections import Counter

import numpy as np
import pytest

from omni.nano import card, evaluate, recipe, scoring, speech_tasks
from omni.nano.scoring import Answer, Guesser, Row
from omni.nano.training_answers import MAKERS, training_answers

TRAINING = [
    *[("colour", "What colour is it?", "red")] * 3,
    *[("colour", "What colour is it?", "blue")] * 2,
    *[("colour", "Which colour?", "blue")] * 4,
    *[("colour", "무슨 색이에요?", "빨간색")] * 2,
    ("larger", "Which is larger, the star or the heart?", "star"),
    ("larger", "Which is larger, the cross or the star?", "cross"),
    ("larger", "Which is larger, the heart or the cross?", "heart"),
    ("larger", "Which is larger, the star or the cross?", "cross"),
]


def answers(*rights):
    return [Answer("colour", "q", "red", "red" if right else "blue") for right in rights]


def test_accuracy_counts_whole_answers():
    assert scoring.accuracy(answers(True, False, True, True)) == 0.75
    assert Answer("k", "q", "red", " red\n").is_right
    assert not Answer("k", "q", "red", "red circle").is_right
    assert not Answer("k", "q", "red", "").is_right
    with pytest.raises(ValueError, match="expected at least one answer, got none"):
        scoring.accuracy([])


def test_accuracy_by_kind():
    mixed = [*answers(True, False), Answer("shape", "q", "star", "star")]
    assert scoring.accuracy_by_kind(mixed) == {
        "colour": {"value": 0.5, "count": 2},
        "shape": {"value": 1.0, "count": 1},
    }


def test_half_width_against_wilsons_formula():
    # 80 of 100: Wilson's interval is (0.7112, 0.8666).
    assert scoring.half_width(0.8, 100) == pytest.approx((0.8666 - 0.7112) / 2, abs=1e-3)
    assert scoring.half_width(1.0, 100) > 0.01


def test_majority_is_by_kind_and_language():
    guesser = Guesser(TRAINING)
    assert guesser.majority("colour", "Name it.") == "blue"  # 6 of 9
    assert guesser.majority("colour", "색이 뭐예요?") == "빨간색"
    assert guesser.majority("shape", "Name it.") == ""


def test_a_guess_takes_all_that_the_wording_tells():
    guesser = Guesser(TRAINING)
    assert guesser.from_question("colour", "What colour is it?") == "red"  # trained often
    assert guesser.from_question("colour", "Which colour?") == "blue"
    assert guesser.from_question("colour", "Name it.") == "blue"
    # Three of four times the larger one is named first.
    unseen = "Which is larger, the heart or the star?"
    assert guesser.from_question("larger", unseen) == "heart"
    assert guesser.majority("larger", unseen) == "cross"
    asked = [Answer("larger", unseen, "heart", ""), Answer("larger", unseen, "star", "")]
    assert scoring.guessing(guesser, asked) == {"majority": 0.0, "question alone": 0.5}


def test_named_answers_are_the_longest_that_begin_there():
    rows = [("where", "", "top"), ("where", "", "top left"), ("where", "", "left")]
    assert Guesser(rows)._named("where", "is it top left or top") == ["top left", "left"]
    assert Guesser(rows)._named("where", "위에 있어요?") == []


def test_two_thirds_of_the_way_from_the_best_that_needs_no_media():
    row = Row("sound", "answers right", "exact match")
    row.add("heldout", 0.9, 10, {"majority": 0.2, "question alone": 0.4, "blind": 0.1})
    row.add("validation", 0.9, 10, {"majority": 0.9, "true media": 1.0})
    assert scoring.two_thirds_target(row) == "≥ 80.0 % held-out"
    row.add("heldout", 0.9, 10, {"silent": 0.7, "true media": 1.0})
    assert scoring.two_thirds_target(row) == "≥ 90.0 % held-out"


def test_rows_of_two_splits_become_one():
    first = Row("speaking", "words wrong", "a").add("validation", 0.1, 5, {"true media": 0.0})
    second = Row("speaking", "words wrong", "a").add("heldout", 0.2, 6, {"true media": 0.1})
    other = Row("speaking", "words wrong", "b").add("heldout", 0.3, 6)
    rows = speech_tasks.merged([first, second, other])
    assert [row.values for row in rows] == [{"validation": 0.1, "heldout": 0.2}, {"heldout": 0.3}]
    assert rows[0].counts == {"validation": 5, "heldout": 6}
    assert rows[0].baselines == {"true media": {"validation": 0.0, "heldout": 0.1}}


def test_table_shows_figures_baselines_and_what_is_missing():
    right = Row("pictures", "answers right", "exact match", target="≥ 80 %")
    right.add("validation", 0.951, 50, {"majority": 0.5})
    right.add("heldout", 0.8449, 40, {"majority": 0.25, "blind": 0.0, "silent": 0.3})
    psnr = Row("codec", "PSNR", "pixels", unit="dB").add("validation", 38.25, 9)
    lines = card.table([right.to_json(), psnr.to_json()]).splitlines()
    head, _, first, second = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines)
    cells = dict(zip(head, first, strict=True))
    assert cells["in-distribution"] == "95.1" and cells["held-out"] == "84.5"
    assert cells["other wording"] == "–" and cells["question alone"] == "–"
    assert cells["majority"] == "25.0" and cells["blind"] == "0.0"
    assert cells["others"] == "silent 30.0" and cells["asked"] == "≥ 80 %" and cells["of"] == "40"
    cells = dict(zip(head, second, strict=True))
    assert cells["in-distribution"] == "38.2 dB" and cells["held-out"] == "–" and cells["of"] == "9"


RESULTS = {
    "rows": [Row("a", "b", "c").add("heldout", 1.0, 3).to_json()],
    "timings": {"load": 0.25, "speech real-time factor": 0.5},
    "seconds": {"all": 90.0},
    "machine": "a machine",
    "samples": 3,
    "sampling": {"image_guidance_scale": 2},
}


def test_card_is_the_template_with_every_place_filled(tmp_path):
    card.write_card(
        tmp_path / "made" / "CARD.md", recipe.find_recipe() / "MODEL_CARD.template.md", RESULTS
    )
    text = (tmp_path / "made" / "CARD.md").read_text()
    assert "{{" not in text
    assert "| a | b | – | 100.0 |" in text
    assert "| load | 0.25 s | < 0.5 s |" in text
    assert "| speech real-time factor | 0.50 | < 0.7 |" in text
    assert "image_guidance_scale 2" in text
    assert "a machine" in text
    (tmp_path / "template").write_text("{{results}} {{unknown}}")
    with pytest.raises(ValueError, match="{{unknown}}"):
        card.write_card(tmp_path / "x", tmp_path / "template", RESULTS)


def test_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OSError, match="expected the recipe of omni-nano in .*--recipe"):
        recipe.find_recipe(tmp_path)
    with pytest.raises(OSError, match="expected .*picture/heldout/0000.tar, got no such file"):
        recipe.read_samples(tmp_path, "picture", "heldout", 3)


def test_samples_are_read_as_they_were_written(tmp_path):
    made = [recipe.script("make_data").maker("picture")(1, "heldout", i) for i in range(3)]
    path = tmp_path / "picture" / "heldout" / "0000.tar"
    path.parent.mkdir(parents=True)
    recipe.script("samples").write_shard(path, ((f"{i:07d}", s) for i, s in enumerate(made)))
    for limit in (2, 3, 9):
        read = recipe.read_samples(tmp_path, "picture", "heldout", limit)
        assert len(read) == min(limit, 3)
        for got, sample in zip(read, made, strict=False):
            assert got.messages == json.loads(json.dumps(sample.messages))
            assert got.files == sample.files
            assert got.facts["kinds"] == sample.facts["kinds"]
    turns = read[0].turns()
    assert len(turns) == 8
    assert turns[0][0][0]["type"] == "image" and len(turns[1][0]) == 1


@pytest.mark.parametrize(("task", "count"), [("picture", 60), ("reading", 60), ("video", 8)])
def test_guessers_learn_from_the_questions_of_training(task, count):
    """As the generator's own samples ask them: the same kinds, wordings and answers."""
    rows = training_answers(task, 0.3)
    make = recipe.script("make_data").maker(task)
    asked = []
    for index in range(count):
        sample = make(1, "train", index)
        kinds = sample.facts.get("kinds") or [sample.facts["kind"]]
        contents = [message["content"] for message in sample.messages]
        for kind, question, answer in zip(kinds, contents[0::2], contents[1::2], strict=True):
            asked.append((kind, question[-1]["text"], answer[0]["text"]))
    assert {kind for kind, _, _ in asked} <= {kind for kind, _, _ in rows}
    if task == "picture":
        ours, theirs = (Counter((k, a) for k, _, a in those) for those in (rows, asked))
        for key, number in theirs.most_common(5):
            assert ours[key] / len(rows) == pytest.approx(number / len(asked), rel=0.5)
    else:  # without slots: every question of training is known word for word
        known = {(kind, question) for kind, question, _ in rows}
        assert {(kind, question) for kind, question, _ in asked} <= known


def test_every_task_has_its_samples_and_a_place_in_the_plan():
    make_data = recipe.script("make_data")
    for name, task in evaluate.tasks().items():
        assert task.source in make_data.MODULES, name
        assert set(task.splits) <= set(make_data.splits_of(task.source)), name
        assert set(task.splits) <= set(recipe.SPLITS), name
        assert 0 <= task.share <= 1
    assert set(MAKERS) <= set(make_data.MODULES)
    assert {task.source for task in evaluate.tasks().values()} == set(make_data.MODULES)


def test_options():
    options = evaluate.parse(["--tasks", "draw", "--sampling", "image_guidance_scale=2.5"])
    assert options.tasks == ["draw"] and dict(options.sampling) == {"image_guidance_scale": 2.5}
    with pytest.raises(SystemExit):
        evaluate.parse(["--tasks", "nothing"])


def test_griffin_lim_gives_back_speech():
    griffin_lim, espeak = recipe.script("griffin_lim"), recipe.script("espeak")
    sound = espeak.speak("push the small box", espeak.OUTPUT_VOICE["en"]).samples
    mel = griffin_lim.log_mel(sound)[: math.ceil(len(sound) / 160)]
    back = griffin_lim.griffin_lim(mel)
    assert len(back) == mel.shape[0] * 160
    again = griffin_lim.log_mel(back)[: mel.shape[0]]
    loud = mel > mel.max() - 6
    assert np.abs(again - mel)[loud].mean() < 0.15
    # One second of 1 kHz lies in the band around 1 kHz (band 26 of 80, Slaney's scale).
    tone = griffin_lim.log_mel(np.sin(np.arange(16000) * 2 * np.pi / 16))
    assert int(tone[50].argmax()) == 26
