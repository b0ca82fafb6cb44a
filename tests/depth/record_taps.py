"""Which intermediate results are recorded, and how they are thinned out."""

import numpy as np

TAPS = ("conv1/relu", "pool1", "pool2_pool", "pool3_pool", "relu", "conv2", "up1_convB", "up3_convB", "up4_convB")


def thinned(values: np.ndarray, count: int = 256) -> np.ndarray:
    """Every n-th value of (1, H, W, C), n odd so that all channels get their turn."""
    flat = values.reshape(-1)
    return flat[:: max(1, len(flat) // count) | 1].astype(np.float32)
