# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Chat.send and Chat.stream on a tiny random model."""

import gc
import pickle
import threading

import pytest
import torch

import omni

SHORT = {"max_text_tokens": 6, "temperature": 1.0, "seed": 4}


@pytest.fixture
def chat(model: omni.OmniModel) -> omni.Chat:
    return omni.Chat(model)


def test_every_kind_of_input_has_a_receipt(
    chat: omni.Chat, picture: omni.Image, sound: omni.Waveform, clip: omni.VideoClip
) -> None:
    reply = chat.send(picture, sound, clip, "what?", **SHORT)
    image, audio, video = reply.receipt
    assert (image.modality, audio.modality, video.modality) == ("image", "audio", "video")
    assert (image.source, image.width, image.height) == ("picture", 30, 20)
    assert image.token_end - image.token_begin == 4
    assert audio.seconds_heard == pytest.approx(1.0) and audio.sample_rate_hz == 16000
    assert video.num_frames == len(video.frame_times_seconds) == 6
    assert reply.usage.prefilled_tokens == reply.usage.prompt_tokens
    assert 0 < reply.seconds.total < 60
    assert str(image).startswith("image picture, 30x20, tokens [")
    assert repr(image).startswith("MediaReceipt(modality='image', source='picture'")
    assert str(reply) == reply.text


def test_a_second_turn_reuses_the_first(chat: omni.Chat, picture: omni.Image) -> None:
    first = chat.send(picture, "a", **SHORT)
    second = chat.send(picture, "b", **SHORT)
    assert not first.receipt[0].was_cached and second.receipt[0].was_cached
    assert second.usage.prefilled_tokens < second.usage.prompt_tokens
    assert [message.role for message in chat.conversation] == ["user", "assistant"] * 2
    assert chat.conversation[0].parts == [picture, "a"]
    assert repr(chat) == "Chat('tiny', 4 messages)"
    assert chat.undo() and len(chat.conversation) == 2
    chat.reset()
    assert chat.conversation == [] and not chat.undo()


def test_captured_decoding_answers_the_same(model: omni.OmniModel) -> None:
    plain, captured = omni.Chat(model), omni.Chat(model, captures_decode=True)
    for text in ("hello", "what?"):
        assert captured.send(text, **SHORT).text == plain.send(text, **SHORT).text


def test_a_seed_is_an_answer(model: omni.OmniModel) -> None:
    def answer(seed: int) -> str:
        return omni.Chat(model).send("hello", max_text_tokens=30, temperature=1.0, seed=seed).text

    assert answer(1) == answer(1) != answer(2)
    options = omni.SamplingOptions(max_text_tokens=30, temperature=1.0, seed=1)
    assert omni.Chat(model).send("hello", sampling=options).text == answer(1)


def test_a_system_message_changes_the_prompt(model: omni.OmniModel) -> None:
    chat = omni.Chat(model, system="be brief")
    assert chat.conversation[0] == omni.Message("system", ["be brief"])
    plain = omni.Chat(model).send("x", **SHORT)
    assert chat.send("x", **SHORT).usage.prompt_tokens > plain.usage.prompt_tokens


def test_drawing_and_its_events(chat: omni.Chat) -> None:
    events = list(chat.stream("draw", modalities=["image"], image_guidance_scale=2.0))
    assert [event.kind for event in events] == ["drawing"] * 3 + ["image", "done"]
    assert [(e.num_done, e.num_total) for e in events[:3]] == [(1, 4), (2, 4), (3, 4)]
    assert events[3].image.pixels.shape == (16, 16, 3) and events[0].image is None
    assert repr(events[0]) == "Event('drawing', num_done=1, num_total=4)"


def test_speech_joins_without_a_gap(chat: omni.Chat) -> None:
    stream = chat.stream(
        "say it", modalities=["speech"], seed=11, temperature=1.0, max_speech_codes=40
    )
    chunks = [event.speech.samples for event in stream if event.kind == "speech"]
    assert stream.reply.speech is not None, "the seed gives no word to say"
    assert torch.equal(torch.cat(chunks), stream.reply.speech.samples)


def test_streaming_equals_sending(model: omni.OmniModel) -> None:
    whole = omni.Chat(model).send("hello", **SHORT)
    stream = omni.Chat(model).stream("hello", **SHORT)
    assert stream.reply is None
    events = list(stream)
    assert "".join(e.text for e in events) == whole.text == stream.reply.text
    assert events[-1].kind == "done"
    assert list(stream) == []


def test_answers_are_ordinary_tensors(chat: omni.Chat) -> None:
    seen = []

    def listen(event: omni.Event) -> None:
        if event.image is not None:
            seen.append(event.image.pixels)
        seen.append(torch.ones(2, requires_grad=True) * 2)

    reply = chat.send("draw", modalities=["image"], on_event=listen)
    for tensor in [*seen, reply.images[0].pixels, chat.conversation[1].parts[0].pixels]:
        assert not tensor.is_inference()
    scale = torch.ones((), requires_grad=True)
    (reply.images[0].pixels * scale).sum().backward()
    assert scale.grad is not None
    assert chat.send(reply.images[0], "again", **SHORT).receipt[0].source == "drawn"


def test_returning_false_cancels_before_the_next_step(chat: omni.Chat) -> None:
    seen = []

    def listen(event: omni.Event) -> bool:
        seen.append(event.kind)
        return seen.count("drawing") < 2

    reply = chat.send("draw", modalities=["image"], on_event=listen)
    assert reply.stop_reason == "cancelled"
    assert seen.count("drawing") == 2 and reply.images == []
    assert chat.send("go on", **SHORT).stop_reason != "cancelled"


def test_an_error_in_a_listener_arrives(chat: omni.Chat) -> None:
    def listen(event: omni.Event) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="^mine$"):
        chat.send("draw", modalities=["image"], on_event=listen)
    chat.send("go on", **SHORT)


def test_errors_leave_the_conversation_as_it_was(chat: omni.Chat) -> None:
    chat.send("first", **SHORT)
    with pytest.raises(ValueError, match="at most"):
        chat.send("x" * 6000)
    with pytest.raises(ValueError, match="at most"):
        list(chat.stream("x" * 6000))
    with pytest.raises(ValueError, match="text, image, speech"):
        chat.send("x", modalities=["audio"])
    assert len(chat.conversation) == 2


def test_leaving_the_loop_cancels(long_model: omni.OmniModel) -> None:
    chat = omni.Chat(long_model)
    count = 0
    for event in chat.stream("go", max_text_tokens=30000, modalities=["text"]):
        count += event.kind == "text"
        if count == 5:
            break
    del event
    gc.collect()
    assert "omni-stream" not in [thread.name for thread in threading.enumerate()]
    answered = chat.conversation[-1]
    assert answered.role == "assistant" and 5 <= len(answered.ids) < 3000


def test_closing_a_stream_cancels(long_model: omni.OmniModel) -> None:
    chat = omni.Chat(long_model)
    with chat.stream("go", max_text_tokens=30000, modalities=["text"]) as stream:
        next(stream)
        with pytest.raises(
            RuntimeError, match=r"\[chat\] expected one call at a time, got another"
        ):
            chat.send("at the same time")
    assert list(stream) == [] and stream.reply is None
    assert len(chat.conversation) == 2
    stream.close()


def test_two_chats_at_once(model: omni.OmniModel) -> None:
    expected = omni.Chat(model).send("hello", **SHORT).text
    streams = [omni.Chat(model).stream("hello", **SHORT) for _ in range(3)]
    assert ["".join(e.text for e in stream) for stream in streams] == [expected] * 3


def test_results_pickle(chat: omni.Chat, picture: omni.Image) -> None:
    reply = chat.send(picture, "draw", modalities=["image"])
    twin = pickle.loads(pickle.dumps(reply))
    assert twin is not reply and twin == reply
    assert torch.equal(twin.images[0].pixels, reply.images[0].pixels)
    assert isinstance(twin.receipt, omni.Receipt)
    receipt = pickle.loads(pickle.dumps(reply.receipt))
    assert isinstance(receipt, omni.Receipt) and receipt == reply.receipt == list(receipt)
    message = chat.conversation[1]
    assert pickle.loads(pickle.dumps(message)) == message
    assert repr(reply) == (
        "Reply('', images=[Image(uint8 [16, 16, 3], source='drawn')], stop_reason='end_of_turn')"
    )


def test_events_pickle(model: omni.OmniModel) -> None:
    events = list(omni.Chat(model).stream("draw", modalities=["image"]))
    options = {"modalities": ["speech"], "seed": 11, "temperature": 1.0}
    events += omni.Chat(model).stream("say it", max_speech_codes=40, **options)
    kinds = {event.kind for event in events}
    assert kinds == {"drawing", "image", "text", "speech", "done"}
    twins = pickle.loads(pickle.dumps(events))
    assert twins == events
    for kind in ("image", "speech"):
        assert getattr(next(e for e in twins if e.kind == kind), kind) is not None


def test_the_token_space_pickles(model: omni.OmniModel, config: dict) -> None:
    space = model.token_space
    twin = pickle.loads(pickle.dumps(space))
    assert twin is not space and twin == space and repr(twin) == repr(space)
    assert twin.segment_of(twin.control("eos")) == "control"
    codec = omni.OmniModel({"name": "codec", "image_codec": config["image_codec"]})
    assert pickle.loads(pickle.dumps(codec.token_space)) == codec.token_space != space
    assert space != space.segments


def image(level: int) -> omni.Image:
    return omni.Image(torch.full((2, 2, 3), level, dtype=torch.uint8))


def sound_of(level: float) -> omni.Waveform:
    return omni.Waveform(torch.full((4,), float(level)), sample_rate_hz=8000)


@pytest.mark.parametrize(
    "kind, fixed, values",
    [
        (
            omni.Reply,
            {},
            {
                "text": ("", "a"),
                "reasoning": ("", "a"),
                "tool_calls": ([], [omni.ToolCall(name="f")]),
                "images": ([image(0)], [image(1)]),
                "speech": (sound_of(0), sound_of(1)),
                "receipt": ([], [omni.MediaReceipt(width=1)]),
                "usage": (omni.Usage(), omni.Usage(answer_tokens=1)),
                "seconds": (omni.Timing(), omni.Timing(total=1.0)),
                "stop_reason": ("length", "cancelled"),
            },
        ),
        (
            omni.Event,
            {"kind": "tool_call"},
            {"call": (omni.ToolCall(name="f"), omni.ToolCall(name="g"))},
        ),
        (
            omni.Message,
            {"role": "assistant", "parts": ["a"]},
            {
                "ids": ([1], [2]),
                "reasoning": ("", "a"),
                "tool_calls": ([], [omni.ToolCall(name="f")]),
                "tool_name": ("", "a"),
                "tool_call_id": ("", "a"),
            },
        ),
        (omni.Event, {"kind": "image"}, {"image": (image(0), image(1))}),
        (omni.Event, {"kind": "speech"}, {"speech": (sound_of(0), sound_of(1))}),
        (
            omni.Event,
            {},
            {"kind": ("text", "done"), "num_done": (0, 1), "num_total": (0, 1), "text": ("", "a")},
        ),
        (
            omni.TrainEvent,
            {},
            {
                "kind": ("step", "saved"),
                "step": (0, 1),
                "num_steps": (0, 1),
                "name": ("", "a"),
                "needs": ("", "a"),
                "num_left_out": (0, 1),
                "losses": ({}, {"a": 0.5}),
                "figures": ({"a": 0.5}, {"a": 1.0}),
                "learning_rate_share": (0.0, 1.0),
                "gradient_norm": (0.0, 1.0),
                "tokens_per_second": (0.0, 1.0),
                "seconds_left": (0.0, 1.0),
            },
        ),
    ],
)
def test_every_field_counts(kind: type, fixed: dict, values: dict) -> None:
    """Values of the same fields are equal and pickle; of another field they are not."""
    first = {name: a for name, (a, _) in values.items()} | fixed
    value = kind(**first)
    assert kind(**first) == value == pickle.loads(pickle.dumps(value))
    assert value != "another" and value.__eq__(1) is NotImplemented
    for name, (_, other) in values.items():
        changed = kind(**first | {name: other})
        assert changed != value, name
        assert getattr(changed, name) == other == getattr(pickle.loads(pickle.dumps(changed)), name)


def test_an_event_holds_what_its_kind_says() -> None:
    for field, wrong in (
        ("image", {"kind": "image"}),
        ("image", {"kind": "text", "image": image(0)}),
        ("speech", {"kind": "speech"}),
        ("call", {"kind": "tool_call"}),
        ("call", {"kind": "text", "call": omni.ToolCall(name="f")}),
    ):
        with pytest.raises(ValueError, match=rf"^\[event\] expected `{field}` for the kind"):
            omni.Event(**wrong)
    with pytest.raises(AttributeError):
        omni.Reply().text = "x"
