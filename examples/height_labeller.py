"""An example of an external labeller that needs only numpy. It is not a depth model: it never looks at the picture.

It takes every picture for a flat ground plane below a horizon, seen by a camera at the height of a person. The label
is the distance of that plane, so a cut-out gets the depth of the ground behind it. Use it to try out the interface, and
as a start for a labeller with a real model:

    python builder.py build --depth-model exec:python3:examples/height_labeller.py:predict
"""

import numpy as np

CAMERA_HEIGHT_M = 1.6
FOCAL_LENGTH = 1.2  # of the camera, in heights of the picture
HORIZON = 0.45  # from the top, as a fraction of the height
FARTHEST_M = 60.0


def predict(images, device="cpu"):
    """Label a batch of pictures.

    A real model is loaded at the first call, onto `device`, and kept in a global variable.

    Args:
        images: (N, H, W, 3) uint8 sRGB.
        device: "cpu", "cuda", "cuda:N" or "mps"; not used here.
    Returns:
        depth: (N, H, W) float32 metres.
        valid: (N, H, W) bool; False above the horizon, where this rule knows nothing.
    """
    count, height, width, _ = images.shape
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    below = y - HORIZON
    valid = below > CAMERA_HEIGHT_M * FOCAL_LENGTH / FARTHEST_M
    depth = CAMERA_HEIGHT_M * FOCAL_LENGTH / np.where(valid, below, np.float32(1))
    shape = (count, height, width)
    return (
        np.broadcast_to(depth[None, :, None], shape).astype(np.float32),
        np.broadcast_to(valid[None, :, None], shape).copy(),
    )


predict.kind = "metric"  # or "relative_depth", "relative_disparity"
predict.version = "1"  # change it with the weights and with everything else that changes a label
predict.reach_m = FARTHEST_M  # for kind "metric": the farthest depth that it returns
predict.license = "apache-2.0"  # of the weights
