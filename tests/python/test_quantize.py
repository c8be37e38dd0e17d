# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""omni.quantize: weights of 8 and 4 bits, near the original, saved and mapped again."""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

import omni
from terminal import Terminal
from test_programs import BIN
from tiny_published_folder import memory, refused, write_folder

IDS = torch.arange(48).view(2, 24) + 20
FORMATS = ("int8", "int4")
# Relative errors of logits: random weights forgive none of the 1 and 8 % of a product.
ERRORS = {"int8": 0.04, "int4": 0.3}
QKV = "transformer.layers.0.attention.qkv.panels"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As SmolLM2 is built, 13 million numbers."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=512, hidden_size=512, intermediate_size=1408, num_hidden_layers=4,
        num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=256,
        rms_norm_eps=1e-5, tie_word_embeddings=True, initializer_range=0.02,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("published")
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def original(folder: Path) -> omni.OmniModel:
    return omni.load(folder, dtype=torch.bfloat16)


def error_of(got: torch.Tensor, expected: torch.Tensor) -> float:
    return ((got - expected).norm() / expected.norm()).item()


def mapped_files() -> list[tuple[int, int, str]]:
    """Begin and end address, and path, of each."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    found = (re.match(r"(\w+)-(\w+) \S+ \S+ \S+ [1-9]\d*\s+(/.*)", line) for line in lines)
    return [(int(m[1], 16), int(m[2], 16), m[3]) for m in found if m]


def file_of(tensor: torch.Tensor) -> str | None:
    """The file that its memory is."""
    address = tensor.data_ptr()
    return next((path for begin, end, path in mapped_files() if begin <= address < end), None)


@pytest.mark.parametrize("format", FORMATS)
def test_logits_are_near_those_of_the_original(original: omni.OmniModel, format: str) -> None:
    expected = original.logits(IDS)
    quantized = omni.quantize(original, format)
    error = error_of(quantized.logits(IDS), expected)
    assert 0.001 < error < ERRORS[format]
    assert torch.equal(original.logits(IDS), expected)
    # Seen row by row with a cache, they are those of the whole at once.
    greedy = quantized.generate(IDS[0], max_new_tokens=8, temperature=0.0).tolist()
    for position, id_ in enumerate(greedy):
        ids = IDS[0].tolist() + greedy[:position]
        logits = quantized.logits([ids])[0, -1]
        assert logits[id_] >= logits.max() - 0.05 * logits.std()


@pytest.mark.parametrize("format", FORMATS)
def test_a_published_folder_is_saved_and_mapped(
    original: omni.OmniModel, folder: Path, tmp_path: Path, format: str, caplog: Any
) -> None:
    quantized = omni.quantize(original, format)
    quantized.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("quantization_config") == {"quant_method": "omni", "format": format}
    assert config == json.loads((folder / "config.json").read_text())
    sizes = [(path / "model.safetensors").stat().st_size for path in (tmp_path, folder)]
    assert sizes[0] < (0.55 if format == "int8" else 0.33) * sizes[1]

    before = memory("VmRSS")
    loaded = omni.load(tmp_path, dtype=torch.bfloat16)
    assert memory("VmRSS") - before < 0.2 * sizes[0]
    for part in loaded.transformer.modules():
        for name, buffer in part._buffers.items():
            assert name == "panels" and buffer.data_ptr() % 64 == 0
            assert file_of(buffer) == str(tmp_path / "model.safetensors")
    assert loaded.weight_format == format
    assert torch.equal(loaded.logits(IDS), quantized.logits(IDS))
    options = {"max_new_tokens": 24, "temperature": 0.0}
    assert torch.equal(loaded.generate(IDS[0], **options), quantized.generate(IDS[0], **options))
    AutoModelForCausalLM.from_pretrained(tmp_path)
    assert "Unknown quantization type, got omni" in caplog.text  # what transformers can say


PEAK = """
import ctypes, sys
from pathlib import Path
import torch
import omni
from tiny_published_folder import memory

original = omni.load(sys.argv[1], dtype=torch.bfloat16)
original.logits(torch.arange(48).view(2, 24) + 20)
ctypes.CDLL(None).malloc_trim(0)  # what was freed would hide what is used anew
Path("/proc/self/clear_refs").write_text("5")  # the peak is from here on
before = memory("VmRSS")
quantized = omni.quantize(original, "int4")
print(memory("VmHWM") - before)
assert quantized.num_parameters == original.num_parameters
"""


def test_weights_are_not_copied_to_be_packed(original: omni.OmniModel, folder: Path) -> None:
    """In a process of its own: here other tests' objects come and go."""
    paths = os.pathsep.join(path for path in (*sys.path, str(Path(__file__).parent)) if path)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, folder],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    size = sum(p.numel() * 2 for p in original.parameters())
    assert 0.25 * size < int(done.stdout) < 0.7 * size


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_of_every_part(model: omni.OmniModel, tmp_path: Path, format: str) -> None:
    quantized = omni.quantize(model, format)
    assert (model.weight_format, quantized.weight_format) == (None, format)
    assert quantized.config == model.config | {"weight_format": format}
    assert f"float32 with {format} weights on cpu; transformer" in repr(quantized)
    quantized.save(tmp_path / "saved")
    loaded = omni.load(tmp_path / "saved", dtype=torch.float32)
    assert loaded.config == quantized.config
    assert torch.equal(loaded.logits(IDS), quantized.logits(IDS))
    for options in ({}, {"modalities": ["image"]}, {"modalities": ["speech"]}):
        drawn = [
            m.generate([1, 2], max_new_tokens=24, seed=3, **options) for m in (quantized, loaded)
        ]
        assert torch.equal(*drawn)


def test_it_is_a_module_without_gradients(model: omni.OmniModel) -> None:
    quantized = omni.quantize(model, "int8")
    state = quantized.state_dict()
    assert state[QKV].dtype == torch.uint8
    assert QKV.replace("panels", "weight") not in state
    assert not any(p.requires_grad for p in quantized.parameters())
    assert all(p.requires_grad for p in model.parameters())
    logits = quantized.logits(IDS)
    assert not logits.requires_grad
    quantized.train()  # which none of its parts minds
    assert torch.equal(quantized.logits(IDS), logits)
    quantized.requires_grad_(True)
    with pytest.raises(NotImplementedError, match="no gradient through a quantized weight"):
        quantized.logits(IDS)
    with torch.no_grad():
        assert torch.equal(quantized.logits(IDS), logits)


def test_a_copy_is_its_own(model: omni.OmniModel) -> None:
    quantized = omni.quantize(model, "int4")
    logits = quantized.logits(IDS)
    twin = copy.deepcopy(quantized)
    twin.state_dict()[QKV].zero_()
    assert twin.weight_format == "int4"
    assert not torch.equal(twin.logits(IDS), logits)
    assert torch.equal(quantized.logits(IDS), logits)


def test_a_state_goes_into_a_model_that_has_answered(model: omni.OmniModel) -> None:
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.5)
    first, second = omni.quantize(model, "int8"), omni.quantize(other, "int8")
    options = {"max_new_tokens": 8, "seed": 1, "return_log_probabilities": True}
    before, expected = (m.generate([30, 40], **options) for m in (first, second))
    assert not torch.equal(before[1], expected[1])
    first.load_state_dict(second.state_dict())
    assert torch.equal(first.generate([30, 40], **options)[1], expected[1])
    with pytest.raises(RuntimeError, match=r"Missing key.*panels"):
        first.load_state_dict(model.state_dict())


def test_another_dtype_and_another_device(model: omni.OmniModel) -> None:
    quantized = omni.quantize(model, "int8")
    expected = quantized.logits(IDS)
    panels = quantized.state_dict()[QKV].clone()
    quantized.to(torch.bfloat16)
    assert quantized.dtype == torch.bfloat16
    assert error_of(quantized.logits(IDS), expected) < 0.05
    assert torch.equal(quantized.state_dict()[QKV], panels)
    with pytest.raises(NotImplementedError, match=r"quantized weights to stay on cpu, got meta"):
        quantized.to("meta")
    assert {p.device.type for p in quantized.parameters()} == {"cpu"}


def test_what_cannot_be_quantized(model: omni.OmniModel, config: dict) -> None:
    with pytest.raises(ValueError, match=r'\[quantize\].*int8 or int4, got "int3"'):
        omni.quantize(model, "int3")
    with pytest.raises(ValueError, match=r'floating weights, got "tiny" of int8 weights'):
        omni.quantize(omni.quantize(model, "int8"), "int8")
    codec = omni.OmniModel({"name": "codec", "image_codec": config["image_codec"]})
    with pytest.raises(ValueError, match='an encoder, got "codec" without one'):
        omni.quantize(codec, "int8")
    with torch.no_grad():
        model.transformer.layers[1].attention.output.weight[0, 0] = torch.inf
    with pytest.raises(ValueError, match=r"infinity in transformer\.layers\.1\.attention\.output"):
        omni.quantize(model, "int4")


def test_training_refuses_quantized_weights(
    config_file: Path, config: dict, tmp_path: Path
) -> None:
    config_file.write_text(json.dumps(config | {"weight_format": "int8"}))
    run = {
        "objective": "joint", "model": str(config_file), "output": str(tmp_path / "out"),
        "train": [{"data": str(tmp_path)}], "steps": 1, "batch_size": 1,
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"\[train\].*expected floating weights to train"):
        omni.train(run)


QUANTIZED_BY_OTHERS = {
    "gptq": {"quant_method": "gptq", "bits": 4},
    "fp8": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    "bitsandbytes": {"quant_method": "bitsandbytes", "load_in_4bit": True},
}


@pytest.mark.parametrize("method", QUANTIZED_BY_OTHERS)
def test_other_methods_are_refused_by_name(tmp_path: Path, method: str) -> None:
    write_folder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["quantization_config"] = QUANTIZED_BY_OTHERS[method]
    (tmp_path / "config.json").write_text(json.dumps(config))
    refused(tmp_path, rf'config\.json.*`quant_method` omni, got "{method}"')


def test_a_folder_without_its_panels_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "omni", "format": "int8"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    refused(tmp_path, r"missing transformer\.layers\.0\.attention\.qkv\.panels \[1, 576\]")
    config["quantization_config"]["format"] = "int2"
    (tmp_path / "config.json").write_text(json.dumps(config))
    refused(tmp_path, 'int8 or int4, got "int2"')


def test_omni_nano_answers_in_text_pictures_and_speech() -> None:
    chat = omni.Chat(omni.quantize(omni.load(), "int8"))
    assert chat.send("hello", seed=0, max_text_tokens=16).text
    assert len(chat.send("빨간 원을 그려 줘.", modalities=["image"], seed=0).images) == 1
    assert chat.send("안녕하세요", modalities=["speech"], seed=0).speech.duration_seconds > 0


def test_the_program_quantizes(model_folder: Path) -> None:
    def run(*arguments: str, code: int) -> str:
        command = [BIN / "omni-chat", "--model", model_folder, *arguments]
        done = subprocess.run(command, text=True, capture_output=True, input="")
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr

    refusal = run("hi", "--quantize", "int3", code=2)
    assert refusal == 'omni-chat: [quantize] expected a format int8 or int4, got "int3".\n'
    command = [BIN / "omni-chat", "--model", model_folder, "--quantize", "int4"]
    terminal = Terminal(command, cwd=model_folder, environment={**os.environ, "TERM": "xterm"})
    try:
        title = terminal.read_until("> ")
        assert "million parameters in int4, computing in" in title
        terminal.type("hi\r", until="> ")
    finally:
        terminal.close()
    omni.quantize(omni.load(model_folder), "int8").save(model_folder)
    run("hi", "--max-tokens", "4", code=0)
    assert "of int8 weights" in run("hi", "--quantize", "int8", code=1)
