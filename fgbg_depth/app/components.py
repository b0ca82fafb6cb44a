"""What the tabs share: how their events are connected, and small controls."""

from __future__ import annotations

from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}  # events of the page, not of the API


def segments(choices: list[Any], value: str, elem_id: str) -> gr.Radio:
    """A choice between a few values, drawn as one bar."""
    return gr.Radio(choices, value=value, show_label=False, container=False, elem_classes="fg-segment", elem_id=elem_id)
