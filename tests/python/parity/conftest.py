# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Every case with its reference, its folder and our model of it."""

import sys
from pathlib import Path

import pytest
import torch
import transformers

import omni

sys.path.insert(0, str(Path(__file__).parent))

from reference import build_reference, save_reference  # noqa: E402
from tiny_checkpoints import CASES, Case  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def versions(record_testsuite_property) -> None:
    """Kept with the results: the matrix says what it was made with."""
    record_testsuite_property("transformers", transformers.__version__)
    record_testsuite_property("torch", torch.__version__.split("+")[0])


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request) -> Case:
    return request.param


@pytest.fixture(scope="module")
def reference(case: Case) -> torch.nn.Module:
    return build_reference(case)


@pytest.fixture(scope="module")
def folder(case: Case, reference: torch.nn.Module, tmp_path_factory) -> Path:
    return save_reference(reference, tmp_path_factory.mktemp(str(case)))


@pytest.fixture(scope="module")
def model(folder: Path) -> omni.OmniModel:
    return omni.load(folder, dtype=torch.float32)
