"""`latentviz compare`: networks of one task on the same images, and what goes with their robustness."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentviz import cli_parsing as parse
from latentviz.cli_common import WorkspaceOption, say, show, stoppable
from latentviz.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from latentviz.evaluation.reference import Reference
    from latentviz.evaluation.robustness import Networks
    from latentviz.evaluation.tables import TextTable
    from latentviz.extraction import SetRequest
    from latentviz.progress import Progress
    from latentviz.workspace import Run, Workspace

app = typer.Typer()

_ENDINGS = (".csv", ".parquet", ".md", ".tex")


@app.command()
def compare(
    workspace: WorkspaceOption,
    sets: Annotated[
        list[str] | None,
        typer.Option("--sets", "--set", help="NAME=SOURCE:ROLE; extracted for every network that lacks it. Repeat."),
    ] = None,
    corruptions: Annotated[
        str,
        typer.Option(
            help="Names, families, common, sar or all, with commas; what is missing is made. By default those there."
        ),
    ] = "",
    severities: Annotated[str, typer.Option(help="From 1 to 5: 1-5 or 1,3,5.")] = "1-5",
    models: Annotated[
        Path | None, typer.Option(help='JSON list of networks that are no runs yet: [{"name": …, "onnx": …}, …].')
    ] = None,
    runs: Annotated[str | None, typer.Option(help="Only these runs, with commas; by default all.")] = None,
    clean: Annotated[
        str | None, typer.Option(help="The set that is corrupted; by default the first of role ind.")
    ] = None,
    method: Annotated[str, typer.Option(help="k-means, gaussian-mixture, agglomerative or hdbscan.")] = "k-means",
    clusters: Annotated[int | None, typer.Option(min=1, help="K; by default as many as classes.")] = None,
    space: Annotated[str, typer.Option(help="Features: head (as the last layer sees them), raw or unit.")] = "head",
    seed: Annotated[int, typer.Option(min=0, help="Of noise, clusterings and resamples.")] = 0,
    reference: Annotated[
        str | None,
        typer.Option(help="For mCE: a run, or a table with corruption, severity and error (.csv, .parquet)."),
    ] = None,
    kind: Annotated[str, typer.Option(help="spearman, pearson or kendall.")] = "spearman",
    skip_unreadable: Annotated[bool, typer.Option("--skip-unreadable", help="Leave damaged images out.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Networks with all numbers: .csv, .parquet, .md or .tex.")
    ] = None,
    relations: Annotated[
        Path | None, typer.Option(help="Correlations with intervals: .csv, .parquet, .md or .tex.")
    ] = None,
) -> None:
    """Accuracy under corruption of networks of one task, beside indicators of their clean features.

    What is missing is extracted. Run the same command again to go on after an interruption.
    """
    from latentviz.evaluation import robustness_relations as found
    from latentviz.evaluation.clustered import Multicut
    from latentviz.evaluation.coefficients import kind_named
    from latentviz.evaluation.indicators import How
    from latentviz.evaluation.reference import read_reference
    from latentviz.evaluation.robustness import Networks
    from latentviz.geometry.clustering import Clustering
    from latentviz.progress import bar
    from latentviz.workspace import Workspace
    from latentviz.workspace.exporting import check_target

    for path in (output, relations):
        if path is not None:
            check_target(path, _ENDINGS)
    wanted_kind = kind_named(kind)
    if space not in ("head", "raw", "unit"):
        raise DataError(f'--space is "{space}"; expected head, raw or unit.')
    how = How(
        Clustering(method=method, clusters=clusters or 10, seed=seed),  # type: ignore[arg-type]
        as_classes=clusters is None,
        multicut=Multicut(seed=seed),
        space=space,  # type: ignore[arg-type]
    )
    opened = Workspace(workspace, create=models is not None)
    if reference is not None and reference.endswith((".csv", ".parquet")):
        read_reference(Path(reference))  # what is wrong with it is told before hours of work
    with stoppable(), bar() as progress:
        chosen, base = _extracted(
            opened, sets or [], corruptions, severities, models, runs, clean, seed, skip_unreadable, reference, progress
        )
        networks = Networks.of(chosen, base, how, progress)
    result = networks.compared(*_which(networks, corruptions, severities, seed), _reference(reference, networks))
    if result.versions.empty:
        said = f"There are no corrupted versions of {base} that all networks have; make them with --corruptions common."
        raise DataError(" ".join([*result.sentences, said]))
    target = "mce" if result.has_mce else "corrupted"
    listed, related = found.models_table(result), found.table(result, target, seed=seed)
    text = found.text_table(related, [wanted_kind])
    count = f"{len(result.models)} network{'s' if len(result.models) > 1 else ''}"
    show(f"{count}, {len(set(result.versions['set']))} corrupted versions of {base}",
         listed.headings, listed.rows)  # fmt: skip
    show(f"What goes with {found.TARGETS[target]} over networks", text.headings, text.rows)
    control = found.relation(result.models, found.CLEAN, target, wanted_kind, seed=seed)
    about = [*result.sentences, *found.verdict(control, control, wanted_kind), found.chance(len(result.indicators))]
    for sentence in filter(None, about):
        say(sentence)
    if output is not None:
        _write(output, result.models, found.models_table(result, result.indicators), f"Networks on {base}.")
    if relations is not None:
        _write(relations, related, found.text_table(related), " ".join(about))


def _extracted(
    workspace: Workspace,
    sets: list[str],
    corruptions: str,
    severities: str,
    models: Path | None,
    runs: str | None,
    clean: str | None,
    seed: int,
    skip_unreadable: bool,
    reference: str | None,
    progress: Progress,
) -> tuple[list[Run], str]:
    """The runs with all that is asked for, and the name of the clean set."""
    from latentviz.evaluation.robustness import check_task
    from latentviz.extraction import SetRequest
    from latentviz.extraction.corrupting import chosen
    from latentviz.extraction.networks import read_networks
    from latentviz.extraction.several import complete, networks

    requests = [SetRequest.model_validate(parse.set_request(text)) for text in sets]
    names, levels = parse.names(corruptions), parse.severities(severities)
    chosen(names) if names else None  # a wrong name is told before hours of work
    if models is not None:
        if not requests:
            raise DataError("--models needs the image sets: --sets train=DIR:fit --sets test=DIR:ind.")
        asked = read_networks(models, requests, skip_unreadable=skip_unreadable)
        networks(workspace, asked, progress)
    wanted = workspace.names() if runs is None else parse.names(runs)
    if not wanted:
        raise DataError(f"{workspace.path} holds no runs; add networks with --models, or `latentviz extract`.")
    opened = [workspace[name] for name in wanted]
    check_task(opened)
    if reference is not None and reference not in wanted and not reference.endswith((".csv", ".parquet")):
        raise DataError(f'--reference "{reference}" is neither one of the networks nor a .csv or .parquet file.')
    base = clean or _clean(opened[0], requests)
    done = []
    for number, run in enumerate(opened, 1):
        progress("Networks", number - 1, len(opened), "networks")
        done.append(
            complete(run, requests, base, names, levels, seed=seed, skip_unreadable=skip_unreadable, progress=progress)
        )
    progress("Networks", len(opened), len(opened), "networks")
    return done, base


def _clean(run: Run, sets: list[SetRequest]) -> str:
    found = [s.name for s in sets if s.role == "ind"] or [s.name for s in run if s.role == "ind"]
    if not found:
        raise DataError(f'"{run.name}" has no set of role ind; give one with --sets, or name one with --clean.')
    return found[0]


def _which(networks: Networks, corruptions: str, severities: str, seed: int) -> tuple[list[str] | None, list[int]]:
    """The versions and severities that are compared: those that were asked for."""
    from latentviz.extraction.corrupting import chosen
    from latentviz.workspace.manifest import CorruptionRecord

    table = networks.versions
    if not corruptions:
        return None, parse.severities(severities)
    asked = chosen(parse.names(corruptions))
    labels = {CorruptionRecord(of="", name=name, severity=1, seed=seed).label for name in asked}
    return [name for name in dict.fromkeys(table["version"]) if name in labels], parse.severities(severities)


def _reference(text: str | None, networks: Networks) -> Reference | None:
    from latentviz.evaluation.reference import read_reference, reference_of

    if text is None:
        return None
    if text in set(networks.versions["run"]):
        return reference_of(networks.versions, text)
    return read_reference(Path(text))


def _write(path: Path, table: pd.DataFrame, text: TextTable, about: str) -> None:
    from latentviz.workspace.exporting import replacing_file

    with replacing_file(path) as partial:
        if path.suffix == ".csv":
            table.to_csv(partial, index=False)
        elif path.suffix == ".parquet":
            table.to_parquet(partial, index=False)
        else:
            partial.write_bytes(text.file(path.suffix, about))
    say(f"Written: {path}")
