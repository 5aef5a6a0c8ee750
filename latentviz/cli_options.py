"""Options that several commands of `latentviz` have."""

from __future__ import annotations

from typing import Annotated

import typer

Classes = Annotated[str | None, typer.Option(help="Class names in order: a,b,c or a text file.")]
Channels = Annotated[str | None, typer.Option(help="rgb or grey.")]
Resize = Annotated[str | None, typer.Option(help="HEIGHTxWIDTH, or the shorter side; none for no resize.")]
Crop = Annotated[str | None, typer.Option(help="Centre crop, HEIGHTxWIDTH or one side; none for no crop.")]
Sqrt = Annotated[bool | None, typer.Option(help="Square root of the scaled values.")]
Standardise = Annotated[bool | None, typer.Option(help="Mean 0 and deviation 1 for each image.")]
Mean = Annotated[str | None, typer.Option(help="Comma-separated, on the 0–1 scale.")]
Std = Annotated[str | None, typer.Option(help="Comma-separated, on the 0–1 scale.")]
