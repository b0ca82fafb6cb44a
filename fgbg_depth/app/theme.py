"""The page's theme: two sets of colours (light and dark), typefaces of the visitor's system, and the style sheet."""

from __future__ import annotations

import gradio as gr

from fgbg_depth.app.templating import static

SANS = (
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "Helvetica Neue",
    "Arial",
    "sans-serif",
)
MONO = ("ui-monospace", "SFMono-Regular", "Cascadia Mono", "Menlo", "Consolas", "Liberation Mono", "monospace")

STYLE_SHEETS = (
    "style.css", "gallery.css", "row.css", "scene.css", "compare.css", "statistics.css", "try.css", "tabs.css",
)  # fmt: skip
PAPER, INK = "#fbfaf8", "#1c1a22"  # background and text of the light page; the same as in static/style.css
DARK_PAPER, DARK_INK = "#131217", "#ece9f2"


def theme() -> gr.themes.Base:
    """Gradio's theme; the accents are colours of depth: violet on the light page, orange on the dark one."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.purple,
        neutral_hue=gr.themes.colors.stone,
        text_size=gr.themes.sizes.text_md,
        radius_size=gr.themes.sizes.radius_md,
        font=SANS,
        font_mono=MONO,
    )
    return base.set(
        body_background_fill=PAPER,
        body_background_fill_dark=DARK_PAPER,
        body_text_color=INK,
        body_text_color_dark=DARK_INK,
        body_text_color_subdued="#6d6878",
        body_text_color_subdued_dark="#9d97aa",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1b1a21",
        background_fill_secondary="#f3f1ed",
        background_fill_secondary_dark="#17161c",
        border_color_primary="#e4e0da",
        border_color_primary_dark="#2e2c37",
        color_accent="#6a1b7a",
        color_accent_soft="#f1e7f4",
        color_accent_soft_dark="#33213b",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_size="*text_xs",
        block_title_text_weight="500",
        block_title_text_color="#6d6878",
        block_title_text_color_dark="#9d97aa",
        block_info_text_size="*text_xs",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1b1a21",
        input_border_color="#dcd7cf",
        input_border_color_dark="#34313e",
        input_border_color_focus="#8b3a9c",
        input_border_color_focus_dark="#ef8a4c",
        input_shadow_focus="0 0 0 3px #8b3a9c22",
        input_shadow_focus_dark="0 0 0 3px #ef8a4c22",
        slider_color="#6a1b7a",
        slider_color_dark="#ef8a4c",
        button_primary_background_fill="#4a0c6b",
        button_primary_background_fill_hover="#6a1b7a",
        button_primary_background_fill_dark="#ef8a4c",
        button_primary_background_fill_hover_dark="#f6a26c",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#1c1208",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="#f3f1ed",
        button_secondary_background_fill_dark="#211f28",
        button_secondary_background_fill_hover_dark="#2a2833",
        button_secondary_border_color="#dcd7cf",
        button_secondary_border_color_dark="#34313e",
        button_primary_border_color="#4a0c6b",
        button_primary_border_color_dark="#ef8a4c",
        button_border_width="1px",
        button_transition="background 120ms ease, border-color 120ms ease",
        shadow_drop="none",
        shadow_drop_lg="none",
    )


def css() -> str:
    """The style sheet: of the whole page, and of the tabs that have one of their own."""
    return "\n".join(static(name) for name in STYLE_SHEETS)
