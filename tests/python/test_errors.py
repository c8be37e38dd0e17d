# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""C++ errors arrive as Python's own types, with the text as written."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import omni


def raises(kind: type[Exception], text: str):
    """Exactly `kind`, its whole text matching, without a C++ backtrace."""
    return pytest.raises(kind, match=f"^{text}$")


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    path = tmp_path / "none.png"
    with raises(OSError, re.escape(f"[read_image] {path}: ") + ".*"):
        omni.read_image(path)


def test_a_text_file_is_an_oserror_that_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "note.png"
    path.write_text("hello there, this is no picture")
    with raises(OSError, re.escape(f"[read_image] {path}: ") + ".*text.*"):
        omni.read_image(path)


def test_bytes_are_not_a_path() -> None:
    with raises(
        TypeError,
        r"\[read_image\] expected a path \(str or os.PathLike\), got bytes\. "
        r"Use decode_image\(\) for bytes\.",
    ):
        omni.read_image(b"\x89PNG")


def test_a_wrong_shape_is_a_valueerror() -> None:
    with raises(ValueError, r"\[image\] expected `pixels` \[-1, -1, 3\], got \[3, 4, 4\]\.?.*"):
        omni.Image(torch.zeros(3, 4, 4, dtype=torch.uint8))


def test_a_wrong_dtype_is_a_typeerror() -> None:
    with raises(TypeError, r"\[waveform\] expected samples float32 \[S\], got Double\."):
        omni.Waveform(torch.zeros(4, dtype=torch.float64), sample_rate_hz=8000)


def test_an_id_out_of_range_is_an_indexerror(model: omni.OmniModel) -> None:
    with raises(IndexError, r"\[tokenizer\].*-1.*"):
        model.tokenizer.decode([-1])
    vocab = model.token_space.vocab_size
    with raises(IndexError, rf"\[generate\] expected ids in \[0, {vocab}\), got {vocab}\."):
        model.generate([vocab])


FRACTIONS = (
    [1.5, 2.0],
    torch.tensor([1.5, 2.0]),
    np.array([1.5, 2.0]),
    torch.tensor([1j]),
    [True, False],
)


@pytest.mark.parametrize("ids", FRACTIONS, ids=repr)
def test_ids_that_are_no_whole_numbers_are_typeerrors(model: omni.OmniModel, ids) -> None:
    calls = {
        "generate": (model.generate, lambda ids: model.generate([[1], ids])),
        "logits": (model.logits, lambda ids: model.logits(torch.as_tensor(ids).unsqueeze(0))),
        "embed": (model.transformer.embed,),
        "image_codec": (model.image_codec.decode,),
        "speech_codec": (model.speech_codec.decode,),
    }
    for component, functions in calls.items():
        for function in functions:
            text = rf"\[{component}\] expected ids as whole numbers \(int64\), got \w+\. .*"
            with raises(TypeError, text):
                function(ids)


@pytest.mark.parametrize(
    ("ids", "odd"),
    [
        ([3, 1.5], "float among them"),
        (torch.tensor([1.5]), "float among them"),
        (np.array([1.5]), "float among them"),
        (torch.tensor([[3]]), "list among them"),
        (torch.tensor(3), "int"),
        ([1 << 64], "a number beyond 64 bits"),
    ],
    ids=repr,
)
def test_only_whole_numbers_are_decoded(model: omni.OmniModel, ids, odd: str) -> None:
    with raises(TypeError, rf"\[tokenizer\] expected ids as whole numbers: .*, got {odd}\."):
        model.tokenizer.decode(ids)


def test_a_text_is_no_ids(model: omni.OmniModel) -> None:
    with raises(TypeError, r"\[generate\] expected ids .*, got str\. .*encode\(text\)\."):
        model.generate("hello")


def test_ids_may_be_of_any_whole_type(model: omni.OmniModel) -> None:
    expected = model.logits([[5, 6]])
    for ids in (torch.tensor([[5, 6]], dtype=torch.int32), np.array([[5, 6]], dtype=np.uint8)):
        assert torch.equal(model.logits(ids), expected)
    assert torch.equal(model.generate(np.array([5, 6])), model.generate([5, 6]))
    with raises(ValueError, r"\[generate\] expected a prompt of 1 to \d+ ids, got 0\."):
        model.generate([])


def test_what_the_model_lacks_is_a_valueerror(config: dict) -> None:
    only_codec = {"name": "codec", "image_codec": config["image_codec"]}
    model = omni.OmniModel(only_codec)
    with raises(
        ValueError,
        r'\[model\] expected a model with a transformer, got "codec" without one\.',
    ):
        model.logits([[1]])
    with raises(
        ValueError, r'\[compose\] expected a model with a text tokenizer, got "codec" without one\.'
    ):
        omni.Chat(model)


def test_not_implemented_keeps_its_type() -> None:
    # What TORCH_CHECK_NOT_IMPLEMENTED throws inside our own ops.
    with pytest.raises(NotImplementedError):
        torch.ops.omni.swiglu(torch.zeros(2, 4, device="meta").to_sparse())


def test_config_errors_name_the_key(config: dict) -> None:
    config["transformer"]["widht"] = 3
    with raises(ValueError, r"\[config\].*transformer\.widht.*"):
        omni.OmniModel(config)


def test_no_backtrace_in_any_text(model: omni.OmniModel) -> None:
    with pytest.raises(ValueError) as caught:
        omni.Chat(model).send()
    text = str(caught.value)
    assert text == "[chat] expected a message of text or media, got nothing."
    with pytest.raises(ValueError) as caught:
        omni.Chat(model).send("x", temperature=-1.0)
    assert "temperature" in str(caught.value)
    assert "frame #" not in str(caught.value) and "Exception raised" not in str(caught.value)


def test_unknown_options_are_typeerrors_that_list_the_known(model: omni.OmniModel) -> None:
    with raises(
        TypeError,
        r"\[sampling\] expected options among temperature, top_k, .*, got temprature\.",
    ):
        omni.Chat(model).send("x", temprature=1.0)
    with raises(TypeError, r"\[sampling\] expected either .*, got both \(seed\)\."):
        omni.Chat(model).send("x", sampling=omni.SamplingOptions(), seed=3)


def test_parts_of_another_kind_are_typeerrors(model: omni.OmniModel) -> None:
    with raises(
        TypeError,
        r"\[chat\] expected text, Image, Waveform or VideoClip, got dict\. Files are .*",
    ):
        omni.Chat(model).send({"image": 1})
    with raises(TypeError, r"\[chat\] expected an OmniModel, got str\. Use omni\.load\(\)\."):
        omni.Chat("model")


def test_unknown_names_of_modalities() -> None:
    with raises(
        ValueError,
        r"\[modality\] expected one of text, image, audio, video, speech, got \"smell\"\.",
    ):
        omni.SamplingOptions(modalities=["smell"])


def test_loading_reports_every_tensor_at_once(model_folder: Path) -> None:
    text = (model_folder / "config.json").read_text()
    changed = text.replace('"feed_forward_width": 48', '"feed_forward_width": 64')
    assert changed != text
    (model_folder / "config.json").write_text(changed)
    with pytest.raises(ValueError, match="differences") as caught:
        omni.load(model_folder)
    assert str(caught.value).count("feed_forward") >= 4


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none"
    with raises(
        OSError,
        re.escape(f"[load] {path}: expected a folder with config.json and model.safetensors."),
    ):
        omni.load(path)
    with raises(
        ValueError, r"\[precision\] expected float32, bfloat16, float16 or float64, got \"int3\"\."
    ):
        omni.load(path, dtype="int3")
