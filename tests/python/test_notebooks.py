# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The notebooks run from top to bottom, and show what they promise."""

import ast
from pathlib import Path

import nbclient
import nbformat
import pytest

import omni

NOTEBOOKS = Path(__file__).resolve().parents[2] / "examples" / "notebooks"


def executed(name: str) -> nbformat.NotebookNode:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs"), f"{name}: committed with outputs"
    client = nbclient.NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": NOTEBOOKS}}
    )
    return client.execute()


def outputs(notebook: nbformat.NotebookNode, mime: str) -> list[str]:
    """What the cells showed of a kind, in order."""
    shown = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    return [o["data"][mime] for o in shown if mime in o.get("data", {})]


@pytest.fixture
def roomy_model_folder(config: dict, tmp_path: Path) -> Path:
    """A tiny random model in which the whole notebook fits."""
    config["transformer"]["max_positions"] = 4096
    tokenizer = Path(__file__).resolve().parents[1] / "golden" / "tiny_unigram.model"
    omni.OmniModel(config, tokenizer=tokenizer).save(tmp_path / "model")
    return tmp_path / "model"


def test_conversation(roomy_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNI_MODEL", str(roomy_model_folder))
    notebook = executed("conversation.ipynb")
    assert "OmniModel('tiny'" in outputs(notebook, "text/plain")[0]
    assert len(outputs(notebook, "image/png")) == 2  # the scene, and what was drawn
    html = outputs(notebook, "text/html")
    assert sum("<audio controls" in text for text in html) >= 2
    assert sum("<table>" in text for text in html) == 3
    assert any("<figcaption>0.00 s" in text for text in html)


def test_training_a_tiny_model() -> None:
    notebook = executed("train_tiny.ipynb")
    texts = outputs(notebook, "text/plain")
    assert texts.count("True") == 2  # both stages reached their last step
    assert len(outputs(notebook, "image/png")) == 3  # a sample, the losses, the drawings
    errors = ast.literal_eval(next(text for text in texts if text.startswith("{(")))
    assert len(errors) == 6
    # Mean error a channel of 255; a blank page is 40 to 60 away.
    assert max(errors.values()) < 20, errors
