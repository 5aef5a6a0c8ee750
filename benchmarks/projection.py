"""UMAP layouts of real features: our fast engine against umap-learn, cold and with changed parameters.

The features are those of a published CIFAR-10 network on the 10,000 test images (64 wide); without real data, of
clusters of the same shape. Every cold layout is computed in a new process, from import to result; "warm" is a process
in which the same library has laid out the same features before, and ours starts from that layout.

Targets: cold, 10,000 samples: final layout at most 1/10 of umap-learn's time, first frame at most 1/40; changed
min_dist and n_neighbors: final at most 1/20 of a warm refit, first frame at most 1/60; 50,000 samples: at most 1/3 of
umap-learn warm; trustworthiness everywhere within 0.005 of umap-learn's default.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _measure import SHARED, interleaved, machine, parser, spread, table, verdict

#: What is asked for: parameters that differ from the defaults.
CHANGES: dict[str, dict[str, float]] = {"min_dist": {"min_dist": 0.5}, "n_neighbors": {"n_neighbors": 50}}


def features(samples: int) -> np.ndarray:
    if samples > 10_000 or not SHARED.is_dir():
        random = np.random.default_rng(0)
        centres = random.normal(scale=2, size=(10, 64))
        z = centres[random.integers(10, size=samples)] + random.normal(size=(samples, 64))
        return np.maximum(z, 0).astype(np.float32)
    from latentviz import ModelSpec, Workspace, extract, folder

    weights = SHARED / "models" / "cifar10" / "checkpoints" / "resnet20-12fca82f.th"
    with tempfile.TemporaryDirectory() as temporary:
        spec = ModelSpec(architecture="resnet20", checkpoint=weights)
        sets = {"jpeg": folder(SHARED / "cifar10" / "jpeg_test", "ind")}
        run = extract(spec, sets, workspace=Workspace(Path(temporary) / "w"))
        return np.array(run["jpeg"].read("features", slice(None)))[:samples]


def ours(
    z: np.ndarray, started: float, given: dict | None = None, **changed: float
) -> Iterator[tuple[float, np.ndarray]]:
    """Seconds and coordinates of every frame; ``given`` is what an earlier layout left: graph and coordinates."""
    from latentviz.projection import fast
    from latentviz.projection.neighbours import graph
    from latentviz.projection.pca import pca
    from latentviz.projection.umap import start_from

    k = int(changed.pop("n_neighbors", 15))
    given = {} if given is None else given
    if "graph" not in given:
        fast.load_beside()
        given["graph"] = graph(z, 50)
        given["start"] = start_from(pca(lambda: iter([z]), rows=len(z)).coordinates[:, :2], seed=0)
    warm = "layout" in given
    epochs, rate = (fast.WARM, fast.WARM_RATE) if warm else (fast.cold_epochs(len(z)), fast.COLD_RATE)
    indices, distances = (array[:, :k] for array in given["graph"])
    start = given["layout"] if warm else given["start"]
    for frame in fast.frames(indices, distances, start, epochs=epochs, rate=rate, **changed):
        yield time.monotonic() - started, frame.coordinates
    given.setdefault("layout", frame.coordinates)


def theirs(z: np.ndarray, **changed: float) -> np.ndarray:
    import umap

    return umap.UMAP(random_state=0, n_jobs=1, **changed).fit_transform(z)


def child(engine: str, path: str, out: str) -> None:
    """A cold layout in this new process; writes when the first frame and the last were there, and the layout."""
    z = np.load(path)
    if engine == "ours":
        seconds, layouts = zip(*ours(z, 0), strict=True)
        first, final, layout = seconds[0], seconds[-1], layouts[-1]
    else:
        layout = theirs(z)
        first = final = time.monotonic()
    np.savez(out, first=first, final=final, layout=layout)


def cold(engine: str, path: Path, found: dict[str, np.lib.npyio.NpzFile], firsts: dict[str, list[float]]) -> float:
    out = path.with_name(f"{engine}.npz")
    started = time.monotonic()  # of all processes, and so with what the interpreter takes to start
    subprocess.run([sys.executable, __file__, "--child", engine, str(path), str(out)], check=True)
    found[engine] = np.load(out)
    firsts.setdefault(engine, []).append(float(found[engine]["first"]) - started)
    return float(found[engine]["final"]) - started


def trust(z: np.ndarray, layouts: dict[str, np.ndarray]) -> dict[str, float]:
    from latentviz.projection.quality import measure

    maps = [np.ascontiguousarray(coordinates, dtype=np.float32) for coordinates in layouts.values()]
    found = measure(lambda: iter([z]), maps, "euclidean")
    return {name: quality.trustworthiness for name, quality in zip(layouts, found, strict=True)}


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return
    arguments = parser(__doc__, repeats=3)
    arguments.add_argument("--samples", type=int, default=10_000)
    arguments.add_argument("--large", type=int, default=50_000, help="0 leaves it out")
    options = arguments.parse_args()
    z = features(options.samples)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "features.npy"
        np.save(path, z)
        cold_found: dict = {}
        cold_first: dict[str, list[float]] = {}
        seconds = interleaved(
            {
                engine: (lambda engine=engine: cold(engine, path, cold_found, cold_first))
                for engine in ("ours", "theirs")
            },
            options.repeats,
        )
    given: dict = {}
    list(ours(z, time.monotonic(), given))
    theirs(z[:1000])  # compiled
    layouts = {"ours, cold": cold_found["ours"]["layout"], "theirs, cold": cold_found["theirs"]["layout"]}
    first: dict[str, list[float]] = {name: [] for name in CHANGES}

    def ours_changed(name: str) -> None:
        frames = list(ours(z, time.monotonic(), given, **CHANGES[name]))
        first[name].append(frames[0][0])
        layouts[f"ours, {name}"] = frames[-1][1]

    def theirs_changed(name: str) -> None:
        layouts[f"theirs, {name}"] = theirs(z, **CHANGES[name])

    tasks = {f"ours, {name}": (lambda name=name: ours_changed(name)) for name in CHANGES}
    tasks |= {f"theirs, {name}": (lambda name=name: theirs_changed(name)) for name in CHANGES}
    changed = interleaved(tasks, options.repeats)
    trusted = trust(z, layouts)

    print(f"\n{len(z):,} × {z.shape[1]}; {machine()}")
    rows = [["ours, cold", *spread(seconds["ours"])], ["theirs, cold", *spread(seconds["theirs"])]]
    rows += [[name, *spread(values)] for name, values in changed.items()]
    table(["", "median", "range", "trustworthiness"], [[*row, f"{trusted[row[0]]:.4f}"] for row in rows])
    median = {name: float(np.median(values)) for name, values in {**seconds, **changed}.items()}
    verdict("cold, final", median["ours"] / median["theirs"], 1 / 10, digits=3)
    verdict("cold, first frame", float(np.median(cold_first["ours"])) / median["theirs"], 1 / 40, digits=3)
    for name in CHANGES:
        refit = median[f"theirs, {name}"]
        verdict(f"{name}, final", median[f"ours, {name}"] / refit, 1 / 20, digits=3)
        verdict(f"{name}, first frame", float(np.median(first[name])) / refit, 1 / 60, digits=3)
    for name in ("cold", *CHANGES):
        verdict(f"{name}, trustworthiness lost", trusted[f"theirs, {name}"] - trusted[f"ours, {name}"], 0.005, digits=4)
    if options.large:
        large = features(options.large)

        large_layouts: dict[str, np.ndarray] = {}

        def ours_large() -> None:
            large_layouts["ours"] = list(ours(large, time.monotonic()))[-1][1]

        def theirs_large() -> None:
            large_layouts["theirs"] = theirs(large)

        found = interleaved({"ours": ours_large, "theirs": theirs_large}, options.repeats)
        verdict(f"{options.large:,} samples", float(np.median(found["ours"]) / np.median(found["theirs"])), 1 / 3)
        trusted = trust(large, large_layouts)
        lost = trusted["theirs"] - trusted["ours"]
        verdict(f"{options.large:,} samples, trustworthiness lost", lost, 0.005, digits=4)


if __name__ == "__main__":
    main()
