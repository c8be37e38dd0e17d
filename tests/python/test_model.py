# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""OmniModel as a torch.nn.Module: parameters, gradients, state, saving, generation."""

import copy
import pickle
from pathlib import Path

import pytest
import torch

import omni

IDS = torch.arange(12).view(2, 6) + 20


def test_it_is_a_module_with_named_parts(model: omni.OmniModel) -> None:
    assert isinstance(model, torch.nn.Module)
    names = dict(model.named_parameters())
    assert "transformer.layers.1.attention.qkv.weight" in names
    assert all(isinstance(p, torch.nn.Parameter) for p in model.parameters())
    assert sum(p.numel() for p in model.parameters()) == model.num_parameters
    assert dict(model.transformer.named_parameters()).keys() == {
        name.removeprefix("transformer.") for name in names if name.startswith("transformer.")
    }
    assert "Transformer(" in repr(model.transformer)
    assert repr(model).startswith("OmniModel('tiny': 0.1 M parameters, float32 on cpu; ")


def test_parameters_are_the_models_own_memory(model: omni.OmniModel) -> None:
    before = model.logits(IDS)
    with torch.no_grad():
        model.transformer.norm.weight.mul_(2.0)
    torch.testing.assert_close(model.logits(IDS), before * 2.0, atol=1e-4, rtol=1e-4)
    twice = dict(model.named_parameters())
    assert twice["transformer.norm.weight"].data_ptr() == (model.transformer.norm.weight.data_ptr())


def test_logits_carry_gradients(model: omni.OmniModel) -> None:
    logits = model.logits(IDS)
    assert logits.shape == (2, 6, model.token_space.vocab_size)
    assert logits.dtype == torch.float32 and not logits.is_inference()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), IDS.flatten()).backward()
    with_gradient = {n for n, p in model.named_parameters() if p.grad is not None}
    assert "transformer.embed.weight" in with_gradient
    assert not any(name.startswith("vit.") for name in with_gradient)
    # One number of the gradient against a difference quotient.
    weight = model.transformer.norm.weight
    gradient = weight.grad[3].item()
    losses = []
    for step in (1e-2, -1e-2):
        with torch.no_grad():
            weight[3] += step
            logits = model.logits(IDS).double().flatten(0, 1)
            losses.append(torch.nn.functional.cross_entropy(logits, IDS.flatten()).item())
            weight[3] -= step
    assert gradient == pytest.approx((losses[0] - losses[1]) / 2e-2, rel=0.02, abs=1e-5)


def test_a_torch_optimizer_trains_it(model: omni.OmniModel) -> None:
    optimizer = torch.optim.AdamW(model.transformer.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        loss = torch.nn.functional.cross_entropy(model.logits(IDS).flatten(0, 1), IDS.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_loaded_weights_can_be_written(model_folder: Path) -> None:
    before = (model_folder / "model.safetensors").read_bytes()
    model = omni.load(model_folder, dtype=torch.float32)  # mapped, not copied
    logits = model.logits(IDS)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    assert not torch.equal(model.logits(IDS), logits)
    assert (model_folder / "model.safetensors").read_bytes() == before


class Twin(torch.nn.Module):
    """A torch module of the same names and shapes."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        for name, child in model.named_children():
            self.add_module(name, Twin(child))
        for name, parameter in model.named_parameters(recurse=False):
            self.register_parameter(name, torch.nn.Parameter(torch.randn(parameter.shape)))


def test_state_dict_is_that_of_a_torch_twin(model: omni.OmniModel) -> None:
    twin = Twin(model)
    assert list(model.state_dict()) == list(twin.state_dict())
    assert model.load_state_dict(twin.state_dict()).missing_keys == []
    for (name, ours), theirs in zip(model.state_dict().items(), twin.parameters(), strict=True):
        assert torch.equal(ours, theirs), name
    twin.load_state_dict(model.state_dict())
    state = model.state_dict()
    state.pop("transformer.norm.weight")
    with pytest.raises(RuntimeError, match="transformer.norm.weight"):
        model.load_state_dict(state)
    assert model.load_state_dict(state, strict=False).missing_keys == ["transformer.norm.weight"]
    with pytest.raises(ValueError, match=r"\[model\] expected assign=False, got True\."):
        model.load_state_dict(twin.state_dict(), assign=True)


def test_to_moves_parameters_and_gradients(model: omni.OmniModel) -> None:
    model.logits(IDS).sum().backward()
    assert model.to(torch.bfloat16) is model
    assert model.dtype == torch.bfloat16
    weight = model.transformer.norm.weight
    assert weight.dtype == weight.grad.dtype == torch.bfloat16
    assert model.logits(IDS).dtype == torch.float32
    model.float()
    assert model.dtype == torch.float32


def test_parameters_cannot_be_cut_off(model: omni.OmniModel) -> None:
    with pytest.raises(TypeError, match="expected `weight` to be written in place"):
        model.transformer.norm.weight = torch.nn.Parameter(torch.zeros(32))


def test_train_and_eval_reach_the_parts(model: omni.OmniModel) -> None:
    assert not model.training and not model.transformer.training
    assert model.train() is model
    assert model.transformer.layers[0].training
    model.transformer.eval()
    assert model.training and not model.transformer.training


def test_absent_parts_are_none(config: dict) -> None:
    model = omni.OmniModel({"name": "codec", "image_codec": config["image_codec"]})
    assert model.transformer is None and model.tokenizer is None
    assert list(dict(model.named_children())) == ["image_codec"]


def test_a_saved_model_is_the_same(model: omni.OmniModel, model_folder: Path) -> None:
    loaded = omni.load(str(model_folder), dtype="float32")
    assert torch.equal(loaded.logits(IDS), model.logits(IDS))
    assert loaded.config == model.config
    assert loaded.tokenizer.encode("hello") == model.tokenizer.encode("hello")
    default = omni.load(model_folder)
    assert default.dtype == omni.default_dtype()


def test_copies_are_independent_and_can_be_saved(model: omni.OmniModel, tmp_path: Path) -> None:
    twin = copy.deepcopy(model)
    assert torch.equal(twin.logits(IDS), model.logits(IDS))
    with torch.no_grad():
        twin.transformer.norm.weight.zero_()
    assert not torch.equal(twin.logits(IDS), model.logits(IDS))
    twin.save(tmp_path / "twin")
    assert omni.load(tmp_path / "twin").tokenizer.vocab_size == model.tokenizer.vocab_size
    with pytest.raises(TypeError, match=r"\[model\] expected save\(folder\), got pickle\."):
        pickle.dumps(model)
    with pytest.raises(TypeError, match="its part `transformer`"):
        copy.deepcopy(model.transformer)


def test_a_copy_trains_what_the_model_trains(model: omni.OmniModel) -> None:
    model.train()
    model.transformer.eval()
    model.transformer.layers[1].train()
    twin = copy.deepcopy(model)
    modes = [part.training for part in model.modules()]
    assert len(set(modes)) == 2
    assert [part.training for part in twin.modules()] == modes


def test_config_comes_from_files_dicts_and_text(config: dict, config_file: Path) -> None:
    assert omni.OmniModel(config_file).config == omni.OmniModel(config).config
    assert omni.OmniModel(config_file.read_text()).config["name"] == "tiny"


def test_generation_is_a_function_of_the_seed(model: omni.OmniModel) -> None:
    ids = model.tokenizer.encode("hello")
    options = {"max_new_tokens": 12, "temperature": 1.0}
    first = model.generate(ids, seed=5, **options)
    assert first.dtype == torch.int64 and first.dim() == 1 and 0 < len(first) <= 12
    assert torch.equal(model.generate(torch.tensor(ids), seed=5, **options), first)
    assert not torch.equal(model.generate(ids, seed=6, **options), first)


def test_penalties_keep_ids_from_coming_again(model: omni.OmniModel) -> None:
    ids = model.tokenizer.encode("hello")
    plain = model.generate(ids, max_new_tokens=24).tolist()
    assert len(set(plain)) < len(plain)
    none = {"presence_penalty": 0.0, "frequency_penalty": 0.0}
    assert model.generate(ids, max_new_tokens=24, **none).tolist() == plain
    for name in none:
        said = model.generate(ids, max_new_tokens=24, **{name: 1e4}).tolist()
        assert len(set(said)) == len(said) > 1
        with pytest.raises(ValueError, match=rf"^\[sampling\] expected {name} in .*, got nan\.$"):
            model.generate(ids, **{name: float("nan")})


def test_captured_decoding_gives_the_same_ids(model: omni.OmniModel) -> None:
    options = {"max_new_tokens": 40, "temperature": 1.0, "return_log_probabilities": True}
    for seed in range(3):
        ids, log_probabilities = model.generate([30, 40], seed=seed, **options)
        captured = model.generate([30, 40], seed=seed, captures_decode=True, **options)
        assert torch.equal(captured[0], ids)
        torch.testing.assert_close(captured[1], log_probabilities, atol=1e-4, rtol=1e-4)
    several = model.generate([[30, 40], [7]], captures_decode=True)
    assert torch.equal(several[0], model.generate([30, 40]))


def test_greedy_generation_is_argmax_of_the_logits(model: omni.OmniModel) -> None:
    space = model.token_space
    begin, end = space.segments["text"]
    allowed = torch.full((space.vocab_size,), float("-inf"))
    allowed[begin:end] = 0.0
    allowed[space.control("eos")] = 0.0
    ids = model.tokenizer.encode("hello")
    generated = model.generate(ids, max_new_tokens=8).tolist()
    for id_ in generated:
        expected = (model.logits([ids])[0, -1] + allowed).argmax().item()
        assert id_ == expected
        ids.append(id_)


def test_generation_draws_when_asked(model: omni.OmniModel) -> None:
    ids = model.generate([1, 2], modalities=["image"], max_new_tokens=64, seed=1)
    segments = [model.token_space.segment_of(i) for i in ids.tolist()]
    assert segments.count("image") == 4


def test_token_space(model: omni.OmniModel) -> None:
    space = model.token_space
    assert space.segment_of(space.control("eos")) == "control"
    assert repr(space).startswith(f"TokenSpace({space.vocab_size} ids, text [0, ")
    with pytest.raises(ValueError, match="nonsense"):
        space.control("nonsense")


def test_codecs(model: omni.OmniModel, picture: omni.Image, sound: omni.Waveform) -> None:
    pixels = model.codec_pixels(picture).unsqueeze(0)
    codes = model.image_codec.encode(pixels)
    assert codes.shape == (1, 4) and codes.dtype == torch.int64
    assert model.image_codec.decode(codes).shape == (1, 3, 16, 16)
    with pytest.raises(IndexError, match="16"):
        model.image_codec.decode(codes + 16)
    mel = model.codec_mel(sound).unsqueeze(0)
    speech = model.speech_codec.encode(mel)
    assert speech.shape == (1, -(-mel.shape[1] // 4))
    samples = model.vocoder(model.speech_codec.decode(speech))
    assert samples.shape == (1, speech.shape[1] * 4 * 160)
    terms, figures = model.image_codec.losses(pixels)
    assert set(terms) == {"l1", "edge_l1", "mse", "latent"} and "psnr" in figures
    sum(terms.values()).backward()
    assert any(p.grad is not None for p in model.image_codec.parameters())


def test_encoders_and_their_gradients(
    model: omni.OmniModel, picture: omni.Image, sound: omni.Waveform, clip: omni.VideoClip
) -> None:
    encoded = model.encode(picture, sound, clip)
    assert [rows.shape[1] for rows, _ in encoded] == [32, 32, 32]
    assert encoded[0][0].shape[0] == 4 and encoded[0][1].shape == (4, 3)
    encoded[0][0].sum().backward()
    assert all(p.grad is not None for p in model.vit.parameters())
    with pytest.raises(TypeError, match=r"\[encode\].*got str"):
        model.encode("text")
    rows = model.vit(torch.zeros(16, 192), [(1, 4, 4)])
    assert rows.shape == (4, 64)
    assert model.vision_projector(rows).shape == (4, 32)
    rows, lengths = model.conformer(torch.zeros(1, 40, 16), torch.tensor([40]))
    assert rows.shape == (1, 10, 16) and lengths.tolist() == [10]
    assert model.conformer.ctc_logits(rows).shape[:2] == (1, 10)
    assert model.audio_projector(rows[0]).shape == (5, 32)


def test_the_transformer_alone_gives_the_models_logits(model: omni.OmniModel) -> None:
    hidden = model.transformer(model.transformer.embed(IDS))
    assert torch.equal(model.transformer.logits(hidden), model.logits(IDS))


def test_kernels_explain() -> None:
    assert "rms_norm" in omni.kernels.op_names()
    assert set(omni.kernels.op_names()) <= set(dir(torch.ops.omni)) | {
        name for name in omni.kernels.op_names() if hasattr(torch.ops.omni, name)
    }
    assert "cpu" in omni.kernels.explain("rms_norm", [torch.zeros(2, 4)])
    with pytest.raises(ValueError, match=r"\[kernels\].*got \"nonsense\""):
        omni.kernels.explain("nonsense", [])


def test_sampling_defaults_are_kept_with_the_model(model: omni.OmniModel, tmp_path: Path) -> None:
    assert model.sampling_defaults == omni.SamplingOptions()
    model.sampling_defaults = omni.SamplingOptions(image_temperature=0.5, top_k=3)
    try:
        model.save(tmp_path / "kept")
    finally:
        model.sampling_defaults = omni.SamplingOptions()
    kept = omni.load(tmp_path / "kept").sampling_defaults
    assert kept == omni.SamplingOptions(image_temperature=0.5, top_k=3)


def test_the_chat_template_of_a_folder_goes_with_the_model(
    model_folder: Path, tmp_path: Path
) -> None:
    assert omni.load(model_folder).chat_template is None
    (model_folder / "chat_template.jinja").write_text(
        "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    (model_folder / "special_tokens_map.json").write_text('{"bos_token": "<s>"}')
    messages = [{"role": "user", "content": "안녕"}]
    model = omni.load(model_folder)
    assert model.chat_template.render(messages, add_generation_prompt=True) == "<s>안녕"
    model.save(tmp_path / "copy")
    copy = omni.load(tmp_path / "copy").chat_template
    assert copy.render(messages, bos_token="") == "안녕"
    assert omni.read_chat_template(tmp_path) is None
    (model_folder / "special_tokens_map.json").write_text('{"bos_token": 1}')
    with pytest.raises(ValueError, match=r"special_tokens_map.json: expected `bos_token` a text"):
        omni.read_chat_template(model_folder)
