"""The parts of the page "Train"."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from latentviz.app import image_folders, jobs_panel, pickers, roots
from latentviz.app.add_run import architectures, sentence
from latentviz.errors import DataError
from latentviz.extraction.request import SetRequest
from latentviz.figures import checkpoints as figures
from latentviz.figures.checkpoints import HEADS
from latentviz.jobs import jobs, submit
from latentviz.training.presets import PRESETS
from latentviz.training.recipe import Recipe, kept_epochs
from latentviz.training.request import TrainingRequest
from latentviz.training.state import trainings

_AUGMENTATIONS = {"crop-flip": "shifted and mirrored", "crop": "shifted", "none": "as they are"}
_USUAL_ARCHITECTURE = "cnn4"


def form() -> TrainingRequest | None:
    """What is trained on which images; None until enough is chosen."""
    sets = image_folders.chosen()
    if not sets:
        return None
    left, right = st.columns(2, gap="large")
    with left:
        kind = st.segmented_control(
            "Images",
            list(PRESETS),
            format_func=lambda name: PRESETS[name].title,
            default="colour",
            required=True,
            key="train-preset",
            persist_state="session",
            help="Sets the preprocessing and the augmentation: mirrored digits or radar chips are something else.",
        )
        known = architectures()
        architecture = st.selectbox(
            "Architecture", known, index=known.index(_USUAL_ARCHITECTURE), key="train-architecture",
            persist_state="session",
        )  # fmt: skip
        heads = st.pills(
            "Heads",
            ["linear", "l2"],
            selection_mode="multi",
            default=["linear", "l2"],
            format_func=HEADS.__getitem__,
            key="train-heads",
            persist_state="session",
            help="The L2 head divides the features by their length before the last layer. Train both: the plain one is "
            "the control.",
        )
        family = st.text_input("Name of the family", key="train-family", placeholder=architecture)
    with right:
        with st.container(horizontal=True):
            epochs = st.number_input("Epochs", 1, 1000, 60, key="train-epochs", persist_state="session", width=130)
            seeds = st.number_input("Seeds", 1, 100, 2, key="train-seeds", persist_state="session", width=130)
            kept = st.number_input(
                "Checkpoints", 1, 100, 12, key="train-checkpoints", persist_state="session", width=130,
                help="Of each training, evenly on a logarithmic scale: collapse is fastest at first.",
            )  # fmt: skip
        with st.expander("Recipe", icon=":material/tune:"):
            augmentation = st.segmented_control(
                "Training images are",
                list(_AUGMENTATIONS),
                format_func=_AUGMENTATIONS.__getitem__,
                default=PRESETS[kind].augmentation,
                required=True,
                key=f"train-augmentation-{kind}",
                persist_state="session",
            )
            with st.container(horizontal=True):
                rate = st.number_input(
                    "Learning rate", 1e-5, 10.0, 0.1, format="%.4g", key="train-rate", persist_state="session",
                    width=130,
                )  # fmt: skip
                batch = st.number_input("Batch", 2, 4096, 128, key="train-batch", persist_state="session", width=130)
                decay = st.number_input(
                    "Weight decay", 0.0, 1.0, 5e-4, format="%.4g", key="train-decay", persist_state="session", width=130
                )
                warmup = st.number_input("Warm-up", 0, 100, 0, key="train-warmup", persist_state="session", width=130)
            schedule = st.segmented_control(
                "Schedule",
                ["steps", "cosine"],
                default="steps",
                required=True,
                key="train-schedule",
                persist_state="session",
                help="Steps: a tenth from 2/3 and a hundredth from 5/6 of training. Cosine: half a cosine down to 0.",
            )
        keeps = ", ".join(map(str, kept_epochs(int(epochs), int(kept))))
        st.caption(f"{len(heads) * int(seeds)} networks; checkpoints after epoch {keeps}.")
    try:
        return TrainingRequest(
            family=family or architecture,
            recipe=Recipe(
                architecture=architecture,
                epochs=int(epochs),
                batch=int(batch),
                rate=rate,
                weight_decay=decay,
                warmup=int(warmup),
                schedule=schedule,
                augmentation=augmentation,
            ),
            heads=heads,
            seeds=list(range(int(seeds))),
            checkpoints=int(kept),
            sets=[SetRequest(name=name, role=role, source=folder) for folder, name, role in sets],
            preprocessing=PRESETS[kind].preprocessing,
        )
    except ValidationError as error:
        raise DataError(sentence(error)) from None


def start(wanted: TrainingRequest | None) -> None:
    """The button that starts the job, or how far it is."""
    workspace = pickers.workspace().path
    if going := [job for job in jobs(workspace) if job.record.kind == "train" and job.active]:
        jobs_panel.within(going[0], "train", going[0].record.title)
        return
    if st.button("Train", type="primary", icon=":material/play_arrow:", key="train", disabled=wanted is None):
        if wanted is None:
            return
        roots.check_sets(wanted.sets)
        submit(workspace, "train", f"Train {wanted.family}", wanted.model_dump(mode="json"))
        st.rerun()


def curves() -> None:
    """Loss and accuracy of the trainings of this workspace; refreshes itself while one is going on."""
    workspace = pickers.workspace().path
    going = any(job.record.kind == "train" and job.active for job in jobs(workspace))
    st.fragment(_curves, run_every=2.0 if going else None)(workspace)


def _curves(workspace: Path) -> None:
    found = trainings(workspace)
    if not found:
        st.caption("Nothing was trained in this workspace yet.")
        return
    families = list(dict.fromkeys(name.rsplit("-", 2)[0] for name in found))
    family = pickers.one_of(families, "trained-family", families[-1], "Family") if len(families) > 1 else families[0]
    histories = {
        name: pd.DataFrame([one.model_dump() for one in state.history]).assign(
            head=state.recipe.head, seed=state.recipe.seed
        )
        for name, state in found.items()
        if name.rsplit("-", 2)[0] == family and state.history
    }
    st.plotly_chart(figures.learning(histories), key="learning", alt="Loss and accuracy of every training")
    rows = []
    for name, state in found.items():
        if name in histories:
            last = state.history[-1]
            held_out = "–" if last.test_accuracy is None else f"{last.test_accuracy:.1%}"
            rows.append(
                (name, f"{last.epoch} of {state.recipe.epochs}", f"{last.loss:.4f}", f"{last.accuracy:.1%}", held_out)
            )
    st.table(
        pd.DataFrame(rows, columns=["Training", "Epochs", "Loss", "Training accuracy", "Held-out accuracy"]),
        border="horizontal",
        hide_index=True,
        alt="The trainings",
    )
