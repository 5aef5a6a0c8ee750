"""`latentviz layers` and `latentviz nac-me`: states of other layers, and neuron coverage over networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentviz.cli_common import WorkspaceOption, say, show, stoppable
from latentviz.errors import DataError

app = typer.Typer()

_ENDINGS = (".csv", ".parquet", ".md", ".tex")


@app.command()
def layers(
    workspace: WorkspaceOption,
    run: Annotated[str, typer.Option(help="Name of the run.")],
    names: Annotated[
        str | None, typer.Option("--layers", help="Names of modules with commas; without it, they are listed.")
    ] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="Only these sets. Repeat.")] = None,
) -> None:
    """Store what neuron coverage needs of inner layers, or list a run's layers.

    The images go through the network once more, forward and backward. Run the same command again to go on after an
    interruption.
    """
    from latentviz.extraction import LayersRequest, layer_names, layers_request
    from latentviz.progress import bar
    from latentviz.workspace import Workspace
    from latentviz.workspace.layers import stored_layers

    opened = Workspace(workspace, create=False)
    if names is None:
        for name in layer_names(opened[run]):
            typer.echo(name)
        return
    request = LayersRequest(run=run, layers=[n.strip() for n in names.split(",") if n.strip()], sets=sets or None)
    with stoppable(), bar() as progress:
        made = layers_request(opened, request, progress)
    rows = [
        (s.name, ", ".join(f"{name} ({layer.width})" for name, layer in stored_layers(s).items()) or "–")
        for s in (map(made.__getitem__, sets) if sets else made.uncorrupted.values())
    ]
    show(f"Stored layers of {run} (neurons)", ("set", "layers"), rows)


@app.command(name="nac-me")
def nac_me(
    workspace: WorkspaceOption,
    run: Annotated[str, typer.Option(help="One of the networks: with the other checkpoints of its family, or all runs "
                                          "with its classes.")],
    shifted: Annotated[list[str] | None, typer.Option("--shifted", help="Labelled sets under shift. Repeat.")] = None,
    enough: Annotated[float, typer.Option("--enough", help="O.")] = 500,
    bins: Annotated[int, typer.Option("--bins", help="M.")] = 50,
    alpha: Annotated[str, typer.Option(help="A number, or auto.")] = "0.1",
    layer: Annotated[str, typer.Option(help="last, or a stored one.")] = "last",
    output: Annotated[Path | None, typer.Option("--output", "-o", help=".csv, .parquet, .md or .tex.")] = None,
) -> None:  # fmt: skip
    """NAC-ME and validation accuracy against accuracy under shift, over checkpoints or models."""
    from latentviz.evaluation import choosing as evaluation
    from latentviz.evaluation.checkpoints import Family
    from latentviz.evaluation.nac_me import NacMe
    from latentviz.progress import bar
    from latentviz.workspace import Workspace
    from latentviz.workspace.exporting import check_target, replacing_file

    if output is not None:
        check_target(output, _ENDINGS)
    try:
        how = NacMe(enough, bins, None if alpha == "auto" else float(alpha), layer)
    except ValueError:
        raise DataError(f'--alpha is "{alpha}"; expected a number, or auto.') from None
    opened = list(Workspace(workspace, create=False))
    first = Workspace(workspace, create=False)[run]
    family = Family.of(first, opened)
    runs = family.runs or [r for r in opened if r.classes == first.classes]
    ind = next((s.name for s in first if s.role == "ind" and s.labelled), None)
    usual = [s for s in first if s.role == "shifted" and s.labelled and s.complete]
    clean = [s.name for s in usual if s.entry.corruption is None]
    names = [first[name].name for name in shifted] if shifted else clean or [s.name for s in usual]
    if ind is None or not names:
        raise DataError(
            f'"{run}" needs a held-out set (role ind) and one under shift (role shifted), both with labels.'
        )
    with stoppable(), bar() as progress:
        table, left_out = evaluation.over(runs, ind, names, how, progress)
    if table.empty:
        raise DataError(left_out[0] if left_out else "There are no networks to compare.")
    text = evaluation.text_table(table)
    show(f"NAC-ME over {len(table)} networks; shifted: {', '.join(names)}", text.headings, text.rows)
    found, chosen = evaluation.correlations(table), evaluation.selection(runs, table, names)
    sentences = [*family.sentences, *left_out, *evaluation.doubts(table, how), *evaluation.said(found)]
    for sentence in [*sentences, evaluation.conclusion(table, chosen), evaluation.NOTE]:
        say(sentence)
    if output is not None:
        with replacing_file(output) as partial:
            if output.suffix == ".csv":
                table.to_csv(partial, index=False)
            elif output.suffix == ".parquet":
                table.to_parquet(partial, index=False)
            else:
                partial.write_bytes(text.file(output.suffix, evaluation.conclusion(table, chosen)))
