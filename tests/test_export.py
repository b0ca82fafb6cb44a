"""The command export: which rows, what is finished, messages; the same for all formats."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from exports import counts_of, run_export, stored_rows
from hub_fixtures import hub, scenes, work  # noqa: F401
from hub_outputs import make_output as make_hub_output
from hub_pusher import *  # noqa: F403
from small_output import metric_output  # noqa: F401
from tiny import tree

from fgbg_depth.cli.export import FORMATS as HELP
from fgbg_depth.cli.main import main
from fgbg_depth.errors import OutputError, UsageError
from fgbg_depth.export import selection as selection_module
from fgbg_depth.export.blocks import filled
from fgbg_depth.export.formats import FORMATS
from fgbg_depth.export.selection import Selection
