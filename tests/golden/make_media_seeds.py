# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Writes seeds/: small sound files of every format read, from which fuzzers begin."""

from pathlib import Path

import av
import numpy
from PIL import Image

SIDE = 16


def write_pictures(folder: Path) -> None:
    ramp = numpy.arange(SIDE * SIDE * 3, dtype=numpy.uint8).reshape(SIDE, SIDE, 3)
    picture = Image.fromarray(ramp)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / "rgb.png")
    picture.quantize(8).save(folder / "palette.png", transparency=0)
    picture.save(folder / "rgb.jpg", quality=20, exif=exif)
    picture.convert("CMYK").save(folder / "cmyk.jpg", quality=20, progressive=True)
    picture.save(folder / "lossy.webp", quality=20)
    picture.convert("RGBA").save(folder / "lossless.webp", lossless=True, exif=exif)
    picture.save(folder / "rgb.bmp")
    picture.quantize(4).save(folder / "palette.bmp")


def write_sound(path: Path, codec: str) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=48000, layout="mono")
        size = stream.codec_context.frame_size or 1024
        for index in range(3):
            format_name = stream.codec_context.format.name
            frame = av.AudioFrame(format_name, "mono", size)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = 48000
            frame.pts = index * size
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def write_movie(path: Path, codec: str, **options: str) -> None:
    with av.open(str(path), "w", options=options) as file:
        stream = file.add_stream(codec, rate=5)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for index in range(3):
            pixels = numpy.full((SIDE, SIDE, 3), 40 * index, numpy.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        file.mux(stream.encode(None))


def main() -> None:
    folder = Path(__file__).parent / "seeds"
    folder.mkdir(exist_ok=True)
    write_pictures(folder)
    write_sound(folder / "sound.flac", "flac")
    write_sound(folder / "sound.mp3", "libmp3lame")
    write_sound(folder / "sound.ogg", "libopus")
    write_sound(folder / "sound.m4a", "aac")
    write_movie(folder / "movie.mp4", "mpeg4")
    write_movie(folder / "fragments.mp4", "mpeg4", movflags="frag_keyframe+empty_moov")
    write_movie(folder / "movie.mkv", "mpeg4")
    write_movie(folder / "movie.avi", "mpeg4")
    for path in sorted(folder.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
