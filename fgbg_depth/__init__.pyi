from .builder.dataset import FgBgDepth as FgBgDepth
from .builder.pipeline import build as build
from .builder.remake import compose_row as compose_row
from .comparison.compare import compare as compare
from .depth.spec import DepthSpec as DepthSpec
from .depth.spec import decode_depth as decode_depth
from .read.backgrounds import with_backgrounds as with_backgrounds
from .read.decode_batch import decode_batch as decode_batch
from .read.load import load as load
from .read.load import load_manifest as load_manifest
from .recipe import Recipe as Recipe
from .training.evaluate import evaluate as evaluate

__version__: str
