"""Checks of source files: what is wrong with a picture, how certain that is, and what to do about it."""

from fgbg_depth.sources.checks.finding import Check as Check
from fgbg_depth.sources.checks.finding import Finding as Finding
from fgbg_depth.sources.checks.finding import Picture as Picture
from fgbg_depth.sources.checks.registry import CHECKS as CHECKS
from fgbg_depth.sources.checks.registry import check_background as check_background
from fgbg_depth.sources.checks.registry import check_cutout as check_cutout
