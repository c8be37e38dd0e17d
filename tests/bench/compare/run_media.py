# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Files of pictures and clips into the normalised patch rows that an encoder takes: Omni,
and torchcodec or a JPEG decoder before the fast processor of Qwen2-VL in transformers.

Both resize with antialiased bicubic and cut patches of 14 pixels in cells of 2 x 2."""

import time
from pathlib import Path

import torch
from engine_pipe import NUM_THREADS, loaded, serve

PATCH, MERGE, NUM_FRAMES = 14, 2, 32
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]
of_image = of_clip = None  # path, height, width -> patches float32


def load_omni() -> None:
    global of_image, of_clip
    import omni

    def cut(pixels: torch.Tensor, height: int, width: int) -> torch.Tensor:
        sized = omni.resize_pixels(pixels, height=height, width=width, interpolation="bicubic")
        frames = sized if sized.dim() == 4 else sized.unsqueeze(0)
        return torch.ops.omni.patchify(frames, MEAN, STD, PATCH, MERGE)

    def image(path: str, height: int, width: int) -> torch.Tensor:
        return cut(omni.read_image(path).pixels, height, width)

    def clip(path: str, height: int, width: int) -> torch.Tensor:
        read = omni.read_video(path, max_frames=NUM_FRAMES, with_audio=False)
        return cut(read.frames, height, width)

    of_image, of_clip = image, clip


def load_transformers(decoder: str) -> None:
    global of_image, of_clip
    from PIL import Image
    from torchvision.io import decode_image
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

    def cut(pictures: list, height: int, width: int) -> torch.Tensor:
        processor = Qwen2VLImageProcessor(
            temporal_patch_size=1, size={"shortest_edge": 1, "longest_edge": height * width}
        )
        return processor(images=pictures, return_tensors="pt").pixel_values

    def image(path: str, height: int, width: int) -> torch.Tensor:
        picture = Image.open(path) if decoder == "PIL" else decode_image(path)
        return cut([picture], height, width)

    def clip(path: str, height: int, width: int) -> torch.Tensor:
        from torchcodec.decoders import VideoDecoder

        video = VideoDecoder(path, num_ffmpeg_threads=NUM_THREADS, seek_mode="approximate")
        total = video.metadata.num_frames
        places = [i * (total - 1) // (NUM_FRAMES - 1) for i in range(NUM_FRAMES)]
        return cut(list(video.get_frames_at(places).data), height, width)

    of_image, of_clip = image, clip


def load(engine: str, decoder: str = "") -> dict[str, float]:
    torch.set_num_threads(NUM_THREADS)
    torch.set_grad_enabled(False)
    return loaded(load_omni if engine == "omni" else lambda: load_transformers(decoder))


def by_colour(rows: torch.Tensor) -> torch.Tensor:
    """Ours as theirs: inside a patch the colours one after another."""
    return rows.view(-1, PATCH * PATCH, 3).transpose(1, 2).reshape(len(rows), -1)


def answer(kind: str, engine: str, to: str, **arguments) -> dict:
    """Writes the rows, for others to be compared with."""
    from safetensors.torch import save_file

    rows = (of_image if kind == "image" else of_clip)(**arguments)
    rows = by_colour(rows) if engine == "omni" else rows
    save_file({"rows": rows.contiguous()}, Path(to))
    return {}


def process(kind: str, **arguments) -> dict:
    began = time.perf_counter()
    rows = (of_image if kind == "image" else of_clip)(**arguments)
    assert rows.dtype == torch.float32
    return {"seconds": time.perf_counter() - began, "count": 1}


if __name__ == "__main__":
    serve({"load": load, "answer": answer, "process": process})
