"""The command line: what it makes, and that errors are sentences."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.models import resnet18

from latentviz import Workspace
from latentviz.workspace import Manifest

Z = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


@pytest.fixture
def images(tmp_path, make_folder) -> Path:
    make_folder(tmp_path / "train", {"cat": 4, "dog": 3, "emu": 3})
    make_folder(tmp_path / "new", {"puma": 2})
    (tmp_path / "latin.txt").write_bytes("Bär".encode("latin-1"))
    return tmp_path


@pytest.fixture
def extracting(images, checkpoint):
    return ["extract", "-w", images / "ws", "--model", "resnet20", "--checkpoint", checkpoint, "--resize", "none"]


@pytest.fixture
def imported(tmp_path, call) -> Path:
    """A workspace with one run of arrays."""
    np.savez(tmp_path / "test.npz", features=Z, weight=np.eye(3, 4), labels=[0, 1, 2, 0, 1, 2])
    np.savez(tmp_path / "far.npz", features=Z[:2] * 9)
    files = tmp_path / "test.npz", tmp_path / "far.npz"
    code, shown, complaint = call("import", *files, "-w", tmp_path / "ws", "--classes", "cat,dog,emu")
    assert code == 0, complaint
    assert "test" in shown
    return tmp_path / "ws"


def test_extract_takes_every_option(call, images, extracting):
    (images / "names.txt").write_text("emu\ncat\n\ndog\n")
    code, shown, complaint = call(
        *extracting,
        *("--set", f"train={images}/train:fit", "--set", f"new={images}/new:shifted"),
        *("--rename", "puma=cat", "--classes", images / "names.txt", "--name", "first run", "--batch", 2),
        *("--attribute", "seed=3", "--attribute", "rate=0.1", "--attribute", "family=nan"),
        *("--mean", "0.5,0.4,0.3", "--std", "0.2", "--crop", "8x6", "--scale", "200"),
    )
    assert code == 0, complaint
    assert "first run: resnet20 · tiny" in shown
    run = Workspace(images / "ws", create=False)["first run"]
    assert run.complete
    assert run.classes == ("emu", "cat", "dog")
    assert run["train"].labels.tolist() == [1] * 4 + [2] * 3 + [0] * 3
    assert run["new"].labels.tolist() == [1, 1]
    assert run.manifest.batch == 2
    assert run.manifest.attributes == {"seed": 3, "rate": 0.1, "family": "nan"}
    made = run.manifest.preprocessing
    assert made["mean"] == [0.5, 0.4, 0.3]
    assert (made["std"], made["crop"], made["scale"], made["resize"]) == ([0.2], [8, 6], 200, None)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--set", "train"], '--set "train" is not of the form NAME=VALUE.'),
        (["--set", "train={}/train"], "names no role; write NAME=SOURCE:ROLE"),
        (["--set", "train={}/train:new"], "names no role"),
        (["--set", "a={}/train:fit", "--set", "a={}/train:ood"], "two sets are called a"),
        (["--set", "a={}/gone[/red]:fit"], "gone[/red] does not exist."),
        (["--set", "a=torchvision:Nothing:ood"], 'torchvision has no collection called "Nothing"'),
        (["--set", "a={}/new:ind"], 'but "a" has 1 classes (puma)'),
        (["--set", "a={}/train:fit", "--set", "b={}/new:shifted"], '1 class of "b" is not among the model\'s: puma.'),
        (["--set", "a={}/train:fit", "--crop", "x"], '"x" is not a size; write 224 or 224x224.'),
        (["--set", "a={}/train:fit", "--classes", "gone.txt"], "The file of class names gone.txt does not exist."),
        (["--set", "a={}/train:fit", "--classes", "{}/latin.txt"], "latin.txt cannot be read as UTF-8 text"),
        (["--set", "a={}/train:fit", "--mean", "a,b"], '--mean "a,b" is not a list of numbers'),
        (["--set", "a={}/train:fit", "--std", "0"], "std must be positive"),
        (["--set", "a={}/train:fit", "--onnx", "a.onnx"], "give exactly one of an architecture, an ONNX file"),
        (["--set", "a={}/train:fit", "--name", "a/b"], '"a/b" cannot be the name of a run'),
        (["--set", "a={}/train:fit", "--checkpoint", "gone.pt"], "gone.pt"),
    ],
)
def test_errors_are_sentences(call, images, extracting, more, sentence):
    code, _, complaint = call(*extracting, *(text.format(images) for text in more))
    assert code == 1
    assert sentence in complaint.splitlines()[-1]
    assert "Traceback" not in complaint


def test_no_crop_and_no_resize(call, images, checkpoint):
    model = ("--model", "resnet18", "--checkpoint", images / "resnet18.pt")
    torch.save(resnet18(num_classes=3).state_dict(), images / "resnet18.pt")  # its published weights come with both
    sets = ("--set", f"train={images}/train:fit")
    code, _, complaint = call("extract", "-w", images / "ws", *model, *sets, "--resize", "none", "--crop", "none")
    assert code == 0, complaint
    made = Workspace(images / "ws")["resnet18"].manifest.preprocessing
    assert (made["resize"], made["crop"]) == (None, None)


def test_many_class_names_are_no_path(call, images, extracting):
    names = ",".join(f"class.{i}" for i in range(200))
    code, _, complaint = call(*extracting, "--set", f"a={images}/train:fit", "--classes", names)
    assert code == 1
    assert "200 different class names were given for a network with 3 outputs" in complaint


def test_a_run_without_sets_says_so(call, tmp_path):
    Workspace(tmp_path / "ws").create_run(Manifest(name="run", created="", classes=["a"], width=2), None)
    code, shown, _ = call("ls", "-w", tmp_path / "ws", "run")
    assert code == 0
    assert 'Run "run" has no image sets yet' in shown
    code, _, complaint = call("export", "-w", tmp_path / "ws", "--run", "run", "-o", tmp_path / "a.csv")
    assert code == 1
    assert 'Run "run" has no image sets yet' in complaint
    assert not (tmp_path / "a.csv").exists()


def test_a_damaged_run_is_listed_and_can_be_deleted(call, imported):
    shutil.rmtree(imported / "runs" / "arrays" / "head")
    code, shown, _ = call("ls", "-w", imported)
    assert code == 0
    assert "damaged" in shown
    code, _, complaint = call("ls", "-w", imported, "arrays")
    assert code == 1
    assert "weight is missing." in complaint
    assert call("rm", "-w", imported, "arrays", "--yes")[0] == 0
    assert Workspace(imported).names() == []


def test_rm_asks_first(call, imported, monkeypatch):
    folder = imported / "runs" / "arrays"
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, shown, _ = call("rm", "-w", imported, "arrays")
    assert code == 1
    assert f"Delete {folder}?" in shown
    assert folder.exists()
    code, _, complaint = call("rm", "-w", imported, "other")
    assert code == 1
    assert 'has no run "other"; it has: arrays' in complaint
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, _, complaint = call("rm", "-w", imported, "arrays")
    assert code == 0
    assert "arrays is deleted" in complaint
    assert list((imported / "runs").iterdir()) == []


def test_ls_shows_runs_and_sets(call, imported):
    code, shown, _ = call("ls", "-w", imported)
    assert code == 0
    assert "arrays" in shown
    assert "complete" in shown
    code, shown, _ = call("ls", "-w", imported, "arrays")
    assert code == 0
    correct = (Z[:, :3].argmax(1) == [0, 1, 2, 0, 1, 2]).mean()
    assert f"{correct:.1%} (" in shown
    code, _, complaint = call("ls", "-w", imported, "other")
    assert code == 1
    assert 'has no run "other"; it has: arrays' in complaint


def test_folders_with_brackets_are_no_markup(call, tmp_path):
    Workspace(tmp_path / "a [bold] [/x]")
    code, shown, _ = call("ls", "-w", tmp_path / "a [bold] [/x]")
    assert code == 0
    assert "a [bold] [/x]" in shown


@pytest.mark.parametrize(("suffix", "read"), [(".parquet", pd.read_parquet), (".csv", pd.read_csv)])
def test_export_is_the_runs_table(call, imported, suffix, read):
    output = imported.parent / f"table{suffix}"
    code, _, complaint = call("export", "-w", imported, "--run", "arrays", "-o", output, "--features")
    assert code == 0
    assert "8 rows written" in complaint
    run = Workspace(imported)["arrays"]
    written, expected = read(output), run.table()
    assert written.columns.tolist() == [*expected.columns, "z0", "z1", "z2", "z3"]
    for column in ("set", "role", "prediction"):
        assert written[column].tolist() == expected[column].tolist()
    np.testing.assert_allclose(written["confidence"], expected["confidence"], rtol=1e-6)
    np.testing.assert_allclose(written[["z0", "z1", "z2", "z3"]][:6], Z, rtol=1e-6)
    assert written["correct"].isna().tolist() == [False] * 6 + [True] * 2


def test_export_of_some_sets_and_other_endings(call, imported):
    output = imported.parent / "far.csv"
    assert call("export", "-w", imported, "--run", "arrays", "-o", output, "--set", "far")[0] == 0
    assert set(pd.read_csv(output)["set"]) == {"far"}
    code, _, complaint = call("export", "-w", imported, "--run", "arrays", "-o", "table.xlsx")
    assert code == 1
    assert '"table.xlsx" must end in .parquet or .csv' in complaint
    code, _, complaint = call("export", "-w", imported, "--run", "arrays", "-o", imported / "none" / "table.csv")
    assert code == 1
    assert "none does not exist; make it, or choose another." in complaint
    code, _, complaint = call("export", "-w", imported, "--run", "arrays", "-o", imported.parent / "ws.csv")
    assert code == 0, complaint
    assert sorted(path.name for path in imported.parent.glob("*ws.csv*")) == ["ws.csv"]


def test_import_errors_are_sentences(call, tmp_path):
    (tmp_path / "a.npz").write_text("no arrays")
    code, _, complaint = call("import", tmp_path / "a.npz", "-w", tmp_path / "ws")
    assert code == 1
    assert "a.npz is not a readable array file, or it is damaged." in complaint


def test_a_folder_that_is_no_workspace(call, tmp_path):
    code, _, complaint = call("ls", "-w", tmp_path)
    assert code == 1
    assert "is not a workspace" in complaint
    assert list(tmp_path.iterdir()) == []


def test_models_and_help(call):
    code, shown, _ = call("models")
    assert code == 0
    assert {"resnet20", "resnet50"} <= set(shown.split())
    code, shown, _ = call("--help")
    assert code == 0
    assert all(command in shown for command in ("extract", "import", "export", "rm", "demo", "app"))


def test_the_installed_command_answers():
    command = Path(sys.executable).with_name("latentviz")
    done = subprocess.run([str(command), "ls", "-w", "/nowhere"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "/nowhere is not a workspace" in done.stderr
    assert "Traceback" not in done.stderr
