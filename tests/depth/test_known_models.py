"""The table of known depth models, what configurations state, and licence warnings."""

import pytest

from fgbg_depth.depth.known_models import KNOWN_MODELS, kind_from_config, license_warning, look_up


@pytest.mark.parametrize(
    "model, kind, reach_m, license",
    [
        ("LiheYoung/depth-anything-small-hf", "relative_disparity", None, "apache-2.0"),
        ("depth-anything/Depth-Anything-V2-Large-hf", "relative_disparity", None, "cc-by-nc-4.0"),
        ("depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf", "metric", 20, "apache-2.0"),
        ("depth-anything/depth-anything-v2-metric-outdoor-base-hf", "metric", 80, "cc-by-nc-4.0"),
        ("Intel/dpt-large", "relative_disparity", None, "apache-2.0"),
        ("Intel/dpt-beit-base-384", "relative_disparity", None, "mit"),
        ("Intel/zoedepth-nyu-kitti", "metric", 80, "mit"),
        ("facebook/dpt-dinov2-base-nyu", "metric", 10, "apache-2.0"),
        ("vinvino02/glpn-kitti", "metric", 80, "apache-2.0"),
        ("apple/DepthPro-hf", "metric", 10_000, "apple-amlr"),
        ("densedepth-nyu", "metric", 10, "gpl-3.0"),
    ],
)
def test_known_models(model, kind, reach_m, license):
    known = look_up(model)
    assert (known.kind.name, known.reach_m, known.license) == (kind, reach_m, license)


def test_unknown_names_are_not_matched():
    for model in ("Intel/dpt", "someone/Depth-Anything-V2-Small-hf", "densedepth", ""):
        assert look_up(model) is None
    assert all((known.reach_m is None) == (not known.kind.is_metric) for known in KNOWN_MODELS)


@pytest.mark.parametrize(
    "config, expected",
    [
        ({"model_type": "densedepth", "max_depth": 80}, ("metric", 80)),
        ({"model_type": "depth_anything"}, ("relative_disparity", None)),
        ({"model_type": "depth_anything", "depth_estimation_type": "metric", "max_depth": 20}, ("metric", 20)),
        ({"model_type": "zoedepth", "bin_configurations": [{"max_depth": 10.0}, {"max_depth": 80.0}]}, ("metric", 80)),
        ({"model_type": "zoedepth"}, ("metric", None)),
        ({"model_type": "zoedepth", "bin_configurations": [{"max_depth": 10.0}, {}]}, ("metric", None)),
        ({"model_type": "glpn", "max_depth": 10}, ("metric", 10)),
        ({"model_type": "depth_pro"}, ("metric", 10_000)),
        ({"model_type": "dpt"}, None),
        ({}, None),
    ],
)
def test_kind_and_reach_from_a_models_configuration(config, expected):
    found = kind_from_config(config)
    assert (found and (found[0].name, found[1])) == expected


@pytest.mark.parametrize(
    "license, warns",
    [("cc-by-nc-4.0", "commercial"), ("apple-amlr", "commercial"), ("gpl-3.0", "gpl"), ("mit", None), ("", None)],
)
def test_licence_warnings(license, warns):
    warning = license_warning(license)
    assert warning is None if warns is None else warns in warning
