"""Options that several commands of `latentviz` have."""

from __future__ import annotations

from typing import Annotated

import typer

#: What images are, for the option --preset.
PRESETS = "What the images are: colour, grey, sar, sar-quarter-power, sar-db, sar-rendered"

Classes = Annotated[str | None, typer.Option(help="Class names in order: a,b,c or a text file.")]
Channels = Annotated[str | None, typer.Option(help="rgb or grey.")]
Resize = Annotated[str | None, typer.Option(help="HEIGHTxWIDTH, or the shorter side; none for no resize.")]
Crop = Annotated[str | None, typer.Option(help="Centre crop, HEIGHTxWIDTH or one side; none for no crop.")]
Clip = Annotated[str | None, typer.Option(help="Least and largest scaled value: 0,0.5.")]
Compress = Annotated[
    str | None, typer.Option(help="Of the dynamic range of radar magnitudes: none, sqrt, quarter-power, db.")
]
Floor = Annotated[float | None, typer.Option(help="Of --compress db: least value, in dB below 1.")]
Standardise = Annotated[bool | None, typer.Option(help="Mean 0 and deviation 1 for each image.")]
Mean = Annotated[str | None, typer.Option(help="Comma-separated, on the 0–1 scale.")]
Std = Annotated[str | None, typer.Option(help="Comma-separated, on the 0–1 scale.")]
