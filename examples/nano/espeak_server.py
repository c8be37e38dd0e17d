# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""espeak-ng's C library as a program, which says every text as its first.

The library remembers a little of what it said before (the phase of its flutter), and
nothing resets that. So each request is answered by a child process of one that has
never spoken: what is heard depends on the text and the voice alone. Small on purpose:
no NumPy, so that a child costs a millisecond.

Reads one JSON request a line, {"text", "voice", "rate", "pitch"}. Writes one JSON line,
{"rate", "num_bytes", "words", "phonemes"} or {"error"}, and behind it the samples,
int16 of this machine's byte order.
"""

import ctypes
import json
import os
import sys

_SYNCHRONOUS = 2
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_REPORT_PHONEMES_IN_IPA = 1 | 2
_CHARS_UTF8 = 1
_RATE, _PITCH = 1, 3


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),  # of a phoneme event: its name
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Library:
    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _REPORT_PHONEMES_IN_IPA)
        self._library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        self._callback = _CALLBACK(self._on_sound)  # kept alive here
        self._library.espeak_SetSynthCallback(self._callback)
        self._chunks: list[bytes] = []
        self._words: list[tuple[int, float]] = []  # character, seconds
        self._phonemes: list[tuple[str, float]] = []  # name, seconds

    def _on_sound(self, wave, count, events) -> int:
        if count > 0 and wave:
            self._chunks.append(ctypes.string_at(wave, 2 * count))
        i = 0
        while events[i].type != _EVENT_END:
            event = events[i]
            seconds = event.audio_position / 1000
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, seconds))
            elif event.type == _EVENT_PHONEME and event.id:
                self._phonemes.append((event.id.decode("utf-8", "replace"), seconds))
            i += 1
        return 0

    def speak(self, request: dict) -> tuple[dict, bytes]:
        library = self._library
        if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
            return {"error": f"espeak-ng has no voice {request['voice']!r}"}, b""
        library.espeak_SetParameter(_RATE, request["rate"], 0)
        library.espeak_SetParameter(_PITCH, request["pitch"], 0)
        data = request["text"].encode()
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
        library.espeak_Synchronize()
        samples = b"".join(self._chunks)
        said = {"rate": self.rate, "num_bytes": len(samples)}
        return said | {"words": self._words, "phonemes": self._phonemes}, samples


def main() -> None:
    library = Library()
    if library.rate <= 0:
        sys.exit("espeak-ng did not start; is the package espeak-ng installed?")
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            answer, samples = library.speak(json.loads(line))
            sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + samples)
            sys.stdout.buffer.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status != 0:
            sys.exit(f"espeak-ng ended with status {status} at {line.decode()}")


if __name__ == "__main__":
    main()
