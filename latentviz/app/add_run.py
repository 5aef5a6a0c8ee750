"""The steps of the page "Add a run"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from pydantic import ValidationError

from latentviz.app import image_folders, roots, show
from latentviz.datasets.preprocessing import COMPRESSIONS, Preprocessing
from latentviz.errors import DataError
from latentviz.extraction.request import Request, SetRequest
from latentviz.jobs import submit
from latentviz.models import ModelSpec
from latentviz.workspace import Workspace

if TYPE_CHECKING:
    from latentviz.extraction import Preview


def model() -> ModelSpec | None:
    """Step 1: which network; None until enough is chosen."""
    source = st.segmented_control(
        "Source",
        ["Architecture and weights", "ONNX file"],
        default="Architecture and weights",
        required=True,
        key="source",
    )
    if source == "ONNX file":
        file = _file("ONNX file", (".onnx",), "onnx-file")
        layer = _layer()
        return None if file is None else ModelSpec(onnx=file, layer=layer)
    left, middle, right = st.columns([2, 3, 1])
    with left:
        architecture = st.selectbox("Architecture", architectures(), key="architecture")
    with middle:
        file = _file("Weights", roots.WEIGHTS, "weights-file")
    with right:
        head = st.segmented_control(
            "Head",
            ["linear", "l2"],
            default="linear",
            required=True,
            key="head",
            help="l2: the network divides its features by their length before the last layer.",
        )
    layer = _layer()
    if file is None:
        return None
    return ModelSpec(architecture=architecture, checkpoint=file, head=head, layer=layer)


@st.cache_resource(show_spinner="Loading PyTorch …")
def architectures() -> list[str]:
    """Names of all architectures."""
    from latentviz.models import names

    return names()


def _file(label: str, suffixes: tuple[str, ...], key: str) -> Path | None:
    found = roots.files(suffixes)
    if not found:
        st.info(f"No file ending in {', '.join(suffixes)} lies in the allowed folders.")
        return None
    shown = roots.labels(found)
    chosen = st.selectbox(label, found, format_func=shown, index=None, key=key, placeholder="Choose a file")
    return None if chosen is None else Path(chosen)


def _layer() -> str | None:
    with st.expander("Last layer"):
        return (
            st.text_input(
                "Name of the last linear layer",
                key="layer",
                placeholder="found by itself",
                help="Only needed if the check below says that it cannot be told.",
            )
            or None
        )


def request(chosen: ModelSpec | None) -> Request | None:
    """Step 2: image folders with roles, preprocessing, names of the classes; None until enough is chosen."""
    sets = image_folders.chosen()
    if not sets:
        return None
    left, right = st.columns(2)
    with left:
        classes = st.text_input(
            "Class names, in the order of the outputs",
            key="classes",
            placeholder="the class folders of the fit set, in alphabetical order",
            help="Separated by commas. Needed if the network numbers its classes in another order.",
        )
    with right:
        run_name = st.text_input("Name of the run", key="run-name", placeholder="the model's")
    preprocessing = _preprocessing(chosen)
    skip = st.checkbox("Skip unreadable images instead of stopping at the first", key="skip-unreadable")
    if chosen is None:
        return None
    renames = st.session_state.get("renames", {})
    try:
        return Request(
            model=chosen,
            sets=[
                SetRequest(name=name, role=role, source=folder, rename=renames.get(folder, {}))
                for folder, name, role in sets
            ],
            name=run_name or None,
            classes=[part.strip() for part in classes.split(",")] if classes else None,
            preprocessing=preprocessing,
            skip_unreadable=skip,
        )
    except ValidationError as error:
        raise DataError(sentence(error)) from None


def sentence(error: ValidationError, about: str = "") -> str:
    """The first of the things that are wrong."""
    text = f"{about}{error.errors()[0]['msg'].removeprefix('Value error, ')}."
    return text[0].upper() + text[1:]  # not capitalize(), which would write the names in it small


def _preprocessing(chosen: ModelSpec | None) -> Preprocessing | None:
    """What the weights expect, to be changed where they were trained otherwise."""
    if chosen is None:
        return None
    usual = _usual_preprocessing(chosen.model_dump_json())
    with st.expander(f"Preprocessing, usually: {usual.sentence()}"):
        st.caption("These are the usual values for this model. Change them to what it was trained with.")
        first, second, third = st.columns(3)
        model = f"{chosen.architecture}-{chosen.onnx}"
        with first:
            channels = st.segmented_control(
                "Channels", ["rgb", "grey"], default=usual.channels, required=True, key=f"channels-{model}"
            )
            usual = usual.changed(channels=channels)
            key = f"{model}-{channels}"  # mean and std of three channels mean nothing for one
            compress = st.selectbox(
                "Dynamic range",
                list(COMPRESSIONS),
                index=list(COMPRESSIONS).index(usual.compress),
                format_func=COMPRESSIONS.__getitem__,
                key=f"compress-{key}",
                help="Compresses radar magnitudes, of which few are large.",
            )
            standardise = st.checkbox("Standardise each image", usual.standardise, key=f"standardise-{key}")
        with second:
            sides = "224 or 32x32; empty for none"
            resize = st.text_input("Resize", _written(usual.resize), key=f"resize-{key}", help=sides)
            crop = st.text_input("Centre crop", _written(usual.crop), key=f"crop-{key}", help=sides)
        with third:
            scale = "On the 0–1 scale, separated by commas"
            mean = st.text_input("Mean", _listed(usual.mean), key=f"mean-{key}", help=scale)
            std = st.text_input("Std", _listed(usual.std), key=f"std-{key}", help=scale)
            clip = st.text_input("Clip", _listed(usual.clip), key=f"clip-{key}", help="Least and largest: 0, 0.5")
    try:
        return usual.changed(
            compress=compress,
            clip=_values(clip),
            standardise=standardise,
            resize=_sides(resize),
            crop=_sides(crop),
            mean=_values(mean),
            std=_values(std),
        )
    except ValidationError as error:
        raise DataError(sentence(error, "Preprocessing: ")) from None
    except ValueError:
        raise DataError("Preprocessing: sizes and values must be numbers, such as 32x32 and 0.5, 0.5, 0.5.") from None


@st.cache_resource(max_entries=32, show_spinner="Loading PyTorch …")
def _usual_preprocessing(spec: str) -> Preprocessing:
    from latentviz.models import default_preprocessing

    return default_preprocessing(ModelSpec.model_validate_json(spec))


def _written(side: int | tuple[int, int] | None) -> str:
    return "" if side is None else str(side) if isinstance(side, int) else f"{side[0]}x{side[1]}"


def _listed(values: tuple[float, ...] | None) -> str:
    return "" if values is None else ", ".join(f"{value:g}" for value in values)


def _sides(text: str) -> int | tuple[int, ...] | None:
    sides = tuple(int(side) for side in text.lower().replace("×", "x").split("x") if side.strip())
    return None if not sides else sides[0] if len(sides) == 1 else sides


def _values(text: str) -> tuple[float, ...] | None:
    return tuple(float(part) for part in text.split(",")) if text.strip() else None


def check_and_start(workspace: Workspace, wanted: Request | None) -> None:
    """Step 3: what would happen, and the button that starts it."""
    if wanted is None:
        st.caption("Choose a model and at least one image folder first.")
        return
    if st.button("Check", icon=":material/fact_check:", key="check"):
        st.session_state["checked"] = wanted
        _preview.clear(wanted.model_dump_json())  # files may have changed since the last time
    if st.session_state.get("checked") != wanted:
        st.caption("The check loads the model, matches the classes and shows some images as the network will see them.")
        return
    roots.check(wanted)
    with st.spinner("Loading the model and listing the images …"):
        told = _preview(wanted.model_dump_json())
    _tell(told, wanted)
    if st.button(
        "Start the extraction", type="primary", disabled=not told.ready, icon=":material/play_arrow:", key="start"
    ):
        roots.check(wanted)
        title = f"Extract {wanted.name or told.title}"
        submit(workspace.path, "extract", title, wanted.model_dump(mode="json", exclude_none=True))
        st.rerun()


@st.cache_resource(max_entries=8, ttl=600, show_spinner=False)
def _preview(text: str) -> Preview:
    from latentviz.extraction import preview

    return preview(Request.model_validate_json(text))


def _tell(told: Preview, wanted: Request) -> None:
    st.markdown(
        f"**{told.title}** · last layer `{told.layer}` · {told.width} features → {len(told.classes)} classes · "
        f"{told.head} head"
    )
    st.caption(f"Classes, in order: {', '.join(told.classes[:40])}{' …' if len(told.classes) > 40 else ''}")
    st.caption(f"Preprocessing: {told.preprocessing.sentence()}")
    for entry, found in zip(wanted.sets, told.sets, strict=True):
        with st.container(border=True):
            matched = (
                "" if found.role == "ood" else f" · {found.matched} of the model's {len(told.classes)} classes matched"
            )
            st.markdown(f"**{found.name}** · {found.role} · {found.samples:,} images in {found.found} classes{matched}")
            if found.problem:
                st.error(found.problem, icon=":material/error:")
            meant = {name: other for name, other in found.unknown.items() if other}
            if meant and st.button(
                f"They mean the same: {', '.join(f'{name} = {other}' for name, other in list(meant.items())[:6])}",
                key=f"rename-{entry.name}",
                icon=":material/sync_alt:",
            ):
                renames = st.session_state.setdefault("renames", {})
                renames[entry.source] = {**renames.get(entry.source, {}), **meant}
                st.session_state["checked"] = wanted.model_copy(
                    update={"sets": [e.model_copy(update={"rename": renames.get(e.source, {})}) for e in wanted.sets]}
                )
                st.rerun()
            if found.images is not None:
                show.thumbnails(found.images, found.captions)
