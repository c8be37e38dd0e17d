# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Running conversations: Chat, and Stream for an answer as it comes."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import _omni
from .chat_options import sampling_options, show_sampling_options
from .messages import json_of_tools
from .model import OmniModel

Part = str | _omni.Image | _omni.Waveform | _omni.VideoClip
Say = Callable[..., _omni.Reply]  # ChatHandle's send(), but for how and to whom


class Stream(Iterator[_omni.Event]):
    """The events of one answer, computed on a thread of its own while they are read.

    Leaving the loop, close() and Ctrl-C cancel the answer before its next id; what was
    said until then stays in the conversation. `reply` is the whole answer after the
    last event, else None.
    """

    def __init__(
        self,
        say: Say,
        said: Sequence[Part] | Sequence[_omni.ToolResult],
        sampling: _omni.SamplingOptions,
    ) -> None:
        self.reply: _omni.Reply | None = None
        self._cancellation = _omni.Cancellation()
        # An Event; then a Reply or an exception, which is the last.
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._is_over = False
        self._thread = threading.Thread(
            target=_answer,
            args=(say, said, sampling, self._cancellation, self._results.put),
            name="omni-stream",
            daemon=True,
        )
        self._thread.start()

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> _omni.Event:
        if self._is_over:
            raise StopIteration
        try:
            result = self._results.get()
        except BaseException:  # Ctrl-C
            self.close()
            raise
        if isinstance(result, _omni.Event):
            return result
        self._is_over = True
        self._thread.join()
        if isinstance(result, BaseException):
            raise result
        self.reply = result
        raise StopIteration

    def close(self) -> None:
        """Cancels the answer, if it is not over, and waits until it has ended."""
        self._is_over = True
        self._cancellation.cancel()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_thread"):
            self.close()


def _answer(
    say: Say,
    said: Sequence[Part] | Sequence[_omni.ToolResult],
    sampling: _omni.SamplingOptions,
    cancellation: _omni.Cancellation,
    put: Callable[[Any], None],
) -> None:
    # Knows nothing of the Stream, so that leaving a loop lets it go at once.
    try:
        put(say(said, sampling=sampling, on_event=put, cancellation=cancellation))
    except BaseException as error:  # given to whoever reads
        put(error)


class Chat:
    """A running conversation with one model.

    Keeps messages, the key-value cache and the rows of media already encoded, so that a
    new turn computes only what is new. Several chats may share a model.

    Args:
        model: with a transformer.
        system: text of the system message; empty: none.
        tools: functions the model may call, as the chat APIs of the field describe them
            ({"type": "function", "function": {"name", "description", "parameters"}}).
        thinks: whether it shall think before it answers; None: as its chat template has
            it. Like `tools`, for published models, which have one.
        cache_bytes: of media rows kept for reuse.
        captures_decode: as of OmniModel.generate().

    Example:
        >>> chat = omni.Chat(omni.load())
        >>> chat.send("안녕?").text
    """

    def __init__(
        self,
        model: OmniModel,
        *,
        system: str = "",
        tools: Sequence[Mapping[str, Any]] | None = None,
        thinks: bool | None = None,
        cache_bytes: int = 256 << 20,
        captures_decode: bool = False,
    ) -> None:
        if not isinstance(model, OmniModel):
            raise TypeError(
                f"[chat] expected an OmniModel, got {type(model).__name__}. Use omni.load()."
            )
        self.model = model
        self._handle = _omni.ChatHandle(
            model._handle,
            system=system,
            tools=json_of_tools(tools),
            thinks=thinks,
            cache_bytes=cache_bytes,
            captures_decode=captures_decode,
        )

    @show_sampling_options
    def send(
        self,
        *parts: Part,
        on_event: Callable[[_omni.Event], object] | None = None,
        sampling: _omni.SamplingOptions | None = None,
        **options: Any,
    ) -> _omni.Reply:
        """Says `parts` and returns the answer.

        Args:
            *parts: texts, Images, Waveforms and VideoClips, in any order.
            on_event: sees each Event as it comes; returning False cancels.
            sampling: how it is drawn, or, instead of it,
            **options: fields of SamplingOptions: temperature, seed, modalities, ...

        Returns:
            A Reply: text, reasoning, tool_calls, images, speech, receipt, usage, seconds,
            stop_reason.

        Raises:
            ValueError: when the message is empty, does not fit, or asks for what the
                model lacks; the conversation is then as before. TypeError: for a part or
                option of another kind. RuntimeError: while another answer is being
                given. KeyboardInterrupt: what was said until then stays.

        Example:
            >>> chat.send(omni.read_image("cat.png"), "What is this?", seed=0).text
        """
        return self._handle.send(
            parts, sampling=sampling_options(sampling, options), on_event=on_event
        )

    @show_sampling_options
    def stream(
        self,
        *parts: Part,
        sampling: _omni.SamplingOptions | None = None,
        **options: Any,
    ) -> Stream:
        """Like send(), but gives the events of the answer one by one.

        Returns:
            A Stream of Events, whose `reply` is the Reply after the last of them.

        Raises:
            While it is read, what send() raises.

        Example:
            >>> for event in chat.stream("그려 줘: 빨간 원", modalities=["image"]):
            ...     print(event)
        """
        return Stream(self._handle.send, parts, sampling_options(sampling, options))

    @show_sampling_options
    def send_tool_results(
        self,
        *results: _omni.ToolResult,
        on_event: Callable[[_omni.Event], object] | None = None,
        sampling: _omni.SamplingOptions | None = None,
        **options: Any,
    ) -> _omni.Reply:
        """Answers the calls of the last answer and returns what the model makes of it.

        Args:
            *results: one for each call, in order.
            on_event, sampling, **options: as of send().

        Returns:
            A Reply, which may call tools again.

        Raises:
            ValueError: when the last answer called nothing. The rest as send().

        Example:
            >>> (call,) = chat.send("How warm is it in Seoul?").tool_calls
            >>> result = weather(**json.loads(call.arguments))
            >>> chat.send_tool_results(omni.ToolResult(content=result, name=call.name)).text
        """
        return self._handle.send_tool_results(
            list(results), sampling=sampling_options(sampling, options), on_event=on_event
        )

    @show_sampling_options
    def stream_tool_results(
        self,
        *results: _omni.ToolResult,
        sampling: _omni.SamplingOptions | None = None,
        **options: Any,
    ) -> Stream:
        """Like send_tool_results(), but gives the events of the answer one by one, as
        stream() does."""
        say = self._handle.send_tool_results
        return Stream(say, list(results), sampling_options(sampling, options))

    @property
    def thinks(self) -> bool | None:
        """Whether the model shall think before its next answers; None: as its chat
        template has it."""
        return self._handle.thinks

    @thinks.setter
    def thinks(self, thinks: bool | None) -> None:
        self._handle.thinks = thinks

    def reset(self) -> None:
        """Forgets everything but the model and the encoded media."""
        self._handle.reset()

    def undo(self) -> bool:
        """Takes back the last message and its answer; False when there is none."""
        return self._handle.undo()

    @property
    def conversation(self) -> list[_omni.Message]:
        """The messages so far (a copy)."""
        return self._handle.conversation

    def __repr__(self) -> str:
        return f"Chat({self.model.config['name']!r}, {len(self.conversation)} messages)"
