"""`fiftyone.yml`: how FiftyOne's `load_from_hub` opens the published dataset, with its masks.

Source: https://docs.voxel51.com/integrations/huggingface.html#loading-datasets-from-the-hub and
`HFHubParquetFilesDatasetConfig` in `fiftyone/utils/huggingface.py` of FiftyOne 1.22.
"""

from __future__ import annotations

import yaml

from fgbg_depth import schema
from fgbg_depth.manifest import Manifest


def fiftyone_yaml(manifest: Manifest) -> str:
    """The text of `fiftyone.yml`.

    It gives no name: FiftyOne then names its dataset as the repository, so that two datasets do not collide.

    The masks become segmentations, whose values are those that are stored: 0 to 255 in `fg_bg_mask`. FiftyOne reads no
    depth from parquet files, so depth maps are further pictures of a sample, which the app can show in its place.
    """
    masks = ["fg_bg_mask", *(["fg_bg_instances"] if schema.INSTANCES in manifest.extras else [])]
    data = {
        "description": f"{manifest.rows:,} composites with their mattes. Made with fgbg-depth.",
        "format": "ParquetFilesDataset",
        "filepath": "fg_bg",
        "mask_fields": masks,
        "additional_media_fields": {f"{name}_path": name for name in manifest.depth_columns},
        "subsets": ["default"],
        "splits": [split for split in schema.SPLITS if manifest.splits.get(split)],
    }
    head = '# For FiftyOne: fiftyone.utils.huggingface.load_from_hub("USER/NAME")\n'
    return head + yaml.safe_dump({k: v for k, v in data.items() if v}, sort_keys=False, allow_unicode=True)
