"""The map in the browser: a scatter plot in WebGL2, its Python side and its JavaScript."""
