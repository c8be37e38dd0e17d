# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""A tiny model of every part, with random weights of a fixed seed."""

import json
from pathlib import Path

import pytest
import torch

import omni

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TOKENIZER = GOLDEN / "tiny_unigram.model"

CONTROLS = (
    "bos eos pad null user assistant system image_begin image_end audio_begin audio_end "
    "video_begin video_end image_slot audio_slot draw_begin draw_end speech_begin "
    "speech_next speech_end"
).split()


def tiny_config() -> dict:
    """The configuration that the C++ tests use (tests/support/tiny_model.cpp)."""
    text = omni.TextTokenizer.load(TOKENIZER).vocab_size
    spelling = text + 32
    image = spelling + 106
    speech = image + 16
    vocab = speech + 16
    return {
        "name": "tiny",
        "transformer": {
            "vocab_size": vocab,
            "width": 32,
            "layers": [
                {
                    "repeat": 2,
                    "num_heads": 4,
                    "num_kv_heads": 2,
                    "head_width": 8,
                    "has_qk_norm": True,
                    "feed_forward_width": 48,
                    "rotary": {"axis_layout": "sectioned", "axis_sections": [2, 1, 1]},
                }
            ],
            "max_positions": 512,
        },
        "vision": {
            "processor": {"height": 32, "width": 32, "patch_size": 8, "merge": 2},
            "encoder": {
                "patch_size": 8,
                "width": 16,
                "num_layers": 1,
                "num_heads": 2,
                "feed_forward_width": 32,
                "merge": 2,
            },
            "projector": {"input_width": 64, "output_width": 32},
        },
        "audio": {
            "processor": {"num_mels": 16, "fft_size": 320},
            "encoder": {
                "num_mels": 16,
                "width": 16,
                "num_layers": 1,
                "num_heads": 2,
                "feed_forward_width": 32,
                "kernel_size": 5,
            },
            "projector": {"input_width": 16, "output_width": 32, "merge": 2},
        },
        "image_codec": {
            "image_size": 16,
            "downsample": 8,
            "width": 16,
            "deep_width": 16,
            "num_blocks": 1,
            "levels": [4, 4],
        },
        "speech_codec": {
            "num_mels": 16,
            "width": 16,
            "inner_width": 32,
            "num_encoder_blocks": 1,
            "num_decoder_blocks": 1,
            "num_frame_blocks": 1,
            "levels": [4, 4],
        },
        "vocoder": {
            "fft_size": 320,
            "num_mels": 16,
            "width": 16,
            "inner_width": 32,
            "num_blocks": 1,
        },
        "token_space": {
            "vocab_size": vocab,
            "segments": {
                "text": [0, text],
                "control": [text, spelling],
                "spelling": [spelling, image],
                "image": [image, speech],
                "speech": [speech, vocab],
            },
            "control_ids": {role: text + i for i, role in enumerate(CONTROLS)},
        },
    }


def make_tiny_model(config: dict | None = None) -> omni.OmniModel:
    torch.manual_seed(0)
    return omni.OmniModel(config or tiny_config(), tokenizer=TOKENIZER)


@pytest.fixture
def config() -> dict:
    return tiny_config()


@pytest.fixture
def model() -> omni.OmniModel:
    return make_tiny_model()


@pytest.fixture
def long_model() -> omni.OmniModel:
    """Gives an answer that takes many seconds: never the end of the turn, and room."""
    config = tiny_config()
    config["transformer"]["max_positions"] = 32768
    model = make_tiny_model(config)
    head = dict(model.named_parameters())["transformer.embed.weight"]
    with torch.no_grad():  # greedy choice is always the same text id
        model.transformer.norm.weight.zero_()
        head[model.token_space.control("eos")].zero_()
    return model


@pytest.fixture
def model_folder(model: omni.OmniModel, tmp_path: Path) -> Path:
    model.save(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def picture() -> omni.Image:
    pixels = torch.arange(20 * 30 * 3, dtype=torch.int64).remainder(251).to(torch.uint8)
    return omni.Image(pixels.view(20, 30, 3), source="picture")


@pytest.fixture
def sound() -> omni.Waveform:
    samples = torch.sin(torch.arange(16000) * 0.1) * 0.3
    return omni.Waveform(samples, sample_rate_hz=16000, source="sound")


@pytest.fixture
def clip(sound: omni.Waveform) -> omni.VideoClip:
    torch.manual_seed(1)
    frames = torch.randint(0, 255, (6, 16, 16, 3), dtype=torch.uint8)
    times = torch.arange(6, dtype=torch.float64) * 0.5
    return omni.VideoClip(frames, times_seconds=times, audio=sound, source="clip")


@pytest.fixture
def config_file(config: dict, tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path
