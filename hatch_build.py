"""Puts the app beside the library in a wheel; an editable install uses the checkout's own."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

APP = ("app.py", "asgi_app.py", "app_pages", ".streamlit", "assets/models")


class AppInWheel(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"].update({path: f"latentviz/_app/{path}" for path in APP})
