"""Tests use one torch thread: two beside another busy process can be tens of times slower."""

import torch

torch.set_num_threads(1)
