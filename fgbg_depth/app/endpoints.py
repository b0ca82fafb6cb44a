"""What `gradio_client` users call: named, described, and plain values in and out."""

from __future__ import annotations
