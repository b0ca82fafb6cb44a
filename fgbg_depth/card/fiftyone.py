"""`fiftyone.yml`: how FiftyOne's `load_from_hub` opens the published dataset, with its masks and depth maps.

Source: https://docs.voxel51.com/integrations/huggingface.html#loading-datasets-from-the-hub and
`HFHubParquetFilesDatasetConfig` in `fiftyone/utils/huggingface.py` of FiftyOne 1.22.1.
"""

from __future__ import annotations

import yaml

from fgbg_depth import schema
from fgbg_depth.manifest import Manifest

_HEAD = """\
# For FiftyOne: dataset = fiftyone.utils.huggingface.load_from_hub("USER/NAME")
# The file of each mask is in a field of its sample, such as fg_bg_mask_path. To see masks as labels:
#   for sample in dataset.iter_samples(autosave=True):
#       sample["mask"] = fiftyone.Segmentation(mask_path=sample["fg_bg_mask_path"])
"""


def fiftyone_yaml(manifest: Manifest) -> str:
    """The text of `fiftyone.yml`.

    It gives no name: FiftyOne then names its dataset as the repository, so that two datasets do not collide.

    Masks and depth maps are further pictures of a sample (`additional_media_fields`), whose files FiftyOne downloads.
    Masks are not declared as `mask_fields`: FiftyOne 1.22.1 makes labels of these, but downloads no file for them,
    because `_add_parquet_subset_to_dataset` asks for their addresses after the download.
    """
    images = [name for name in schema.image_columns("default", manifest.labels, manifest.extras) if name != "fg_bg"]
    data = {
        "description": f"{manifest.rows:,} composites with their mattes. Made with fgbg-depth.",
        "format": "ParquetFilesDataset",
        "filepath": "fg_bg",
        "additional_media_fields": {f"{name}_path": name for name in images},
        "subsets": ["default"],
        "splits": [split for split in schema.SPLITS if manifest.splits.get(split)],
    }
    return _HEAD + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
