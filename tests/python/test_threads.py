# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The interpreter lock is free while C++ computes, and Ctrl-C ends what computes."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import torch

import omni

LONG = {"max_text_tokens": 30000, "modalities": ["text"]}


class Ticker:
    """Another Python thread that notes when it runs."""

    def __enter__(self) -> "Ticker":
        self.times: list[float] = []
        self.is_over = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self) -> None:
        while not self.is_over:
            self.times.append(time.perf_counter())
            time.sleep(0.001)

    def __exit__(self, *exception: object) -> None:
        self.is_over = True
        self.thread.join()


def send(model: omni.OmniModel) -> None:
    omni.Chat(model).send("go", max_text_tokens=800, modalities=["text"])


def logits(model: omni.OmniModel) -> None:
    model.logits(torch.ones(8, 512, dtype=torch.int64))


def generate(model: omni.OmniModel) -> None:
    model.generate([1], max_new_tokens=800)


def encode(model: omni.OmniModel) -> None:
    model.encode(*[omni.Waveform(torch.zeros(16000 * 25), sample_rate_hz=16000)] * 4)


def resample(model: omni.OmniModel) -> None:
    omni.resample(omni.Waveform(torch.zeros(16000 * 200), sample_rate_hz=16000), rate_hz=44100)


def encode_png(model: omni.OmniModel) -> None:
    pixels = torch.randint(0, 255, (1000, 1000, 3), dtype=torch.uint8)
    omni.decode_image(omni.encode_png(omni.Image(pixels)))


@pytest.mark.parametrize("call", [send, logits, generate, encode, resample, encode_png])
def test_other_threads_run_meanwhile(
    long_model: omni.OmniModel, call: Callable[[omni.OmniModel], None]
) -> None:
    call(long_model)  # the first call also allocates
    with Ticker() as ticker:
        begin = time.perf_counter()
        while time.perf_counter() - begin < 0.05:
            before = time.perf_counter()
            call(long_model)
            after = time.perf_counter()
    # Ticks inside the last call alone, away from its ends, where the lock is held.
    edge = 0.1 * (after - before)
    inside = [t for t in ticker.times if before + edge < t < after - edge]
    assert after - before > 0.01, "too short to tell"
    assert len(inside) >= 3, (len(inside), after - before)


@pytest.fixture
def interrupts() -> Iterator[Callable[[float], None]]:
    """Sends Ctrl-C to this process in so many seconds."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers = []

    def after(seconds: float) -> None:
        timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
        timers.append(timer)
        timer.start()

    yield after
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_send(long_model: omni.OmniModel, interrupts: Callable) -> None:
    chat = omni.Chat(long_model)
    interrupts(0.2)
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        chat.send("go", **LONG)
    assert time.perf_counter() - begin < 2.0
    answered = chat.conversation[-1]  # what was said until then stays
    assert answered.role == "assistant" and 0 < len(answered.ids) < 10000
    assert chat.send("go on", max_text_tokens=3).stop_reason == "length"


def test_ctrl_c_ends_a_stream(long_model: omni.OmniModel, interrupts: Callable) -> None:
    chat = omni.Chat(long_model)
    interrupts(0.2)
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        for _ in chat.stream("go", **LONG):
            pass
    assert time.perf_counter() - begin < 2.0
    chat.send("go on", max_text_tokens=3)


PROMPTS = {"short": [1, 2], "long": [1] * 32000, "several": [[1], [1] * 32000]}


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
def test_ctrl_c_ends_generate(long_model: omni.OmniModel, interrupts: Callable, prompts) -> None:
    interrupts(0.2)
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        long_model.generate(prompts, max_new_tokens=30000)
    assert time.perf_counter() - begin < 2.0


def test_ctrl_c_in_a_listener_ends_send(long_model: omni.OmniModel, interrupts: Callable) -> None:
    chat = omni.Chat(long_model)
    seen = []

    def listen(event: omni.Event) -> None:
        seen.append(event.kind)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        chat.send("go", on_event=listen, **LONG)
    assert len(seen) == 3
