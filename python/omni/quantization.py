# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Models with weights of few bits."""

from .model import OmniModel


def quantize(model: OmniModel, format: str) -> OmniModel:
    """A copy with the large weights in few bits, for inference: less memory,
    faster answers where reading weights is what takes the time, faster encoders. Those of
    the transformer's layers, experts among them, get the format asked for, those of the
    encoders 8 bits, and so does a head that is not the table of embeddings and makes no
    speech. Embeddings, norms, routers and all other parts keep their values and dtype.

    What is copied are these alone; drop the given model and its weights are freed.
    save() writes a folder that load() maps as it is. Other libraries cannot read it: of a
    published checkpoint config.json names the method ("quant_method": "omni").

    Args:
        model: of floating weights, on the CPU; stays as it is.
        format: "int8" (a scale for each 32 entries) or "int4" (a scale and a zero for each 32
            entries, 4.5 bits in all).

    Returns:
        A model whose `weight_format` is this, without gradients.

    Raises:
        ValueError: for another format; for a model without a transformer or encoder, of
            quantized weights, or of some that are not finite. NotImplementedError: for one that is
            not on the CPU.

    Example:
        >>> model = omni.quantize(omni.load("path/to/qwen3"), "int4")
        >>> model.save("qwen3-int4")
    """
    return OmniModel._of(model._handle.quantize(format), model._tokenizer_path)
