"""TensorRT without a GPU: names against the real bindings, recipes, keys, the inspector's answers."""

import ast
import json
from pathlib import Path

import pytest

from pipeline.common.adapters import is_installed
from pipeline.common.errors import EngineError
from pipeline.engines import cache, registry
from pipeline.engines.base import Precision
from pipeline.engines.tensorrt import findings, rules
from pipeline.engines.tensorrt.rules import (
    Gpu,
    check_precision,
    convolution_precisions,
    engine_key,
    recipe_for,
)

ENGINES = Path(rules.__file__).parent
API: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parent / "tensorrt_api.json").read_text(encoding="utf-8")
)
"""Enum members and methods of the real Python bindings of each version."""

OBJECTS = {  # what an attribute is taken of in the code -> class of TensorRT
    "builder": "Builder",
    "config": "IBuilderConfig",
    "parser": "OnnxParser",
    "engine": "ICudaEngine",
    "_engine": "ICudaEngine",
    "context": "IExecutionContext",
    "Runtime()": "Runtime",
    "get_error()": "ParserError",
    "get_timing_cache()": "ITimingCache",
    "create_engine_inspector()": "EngineInspector",
}
OTHERS = {  # ... and what is no object of TensorRT, so that a new name is put on one list or the other
    *("self", "np", "cache", "rules", "fp16", "build", "cuda_slot", "slot", "recipe", "log", "_log"),
    *("errors", "kept", "entry", "value", "addresses", "flags", "r", "_gpu", "_idle", "_busy", "_defaults"),
    *("Constant", "Subscript", "get_tensor_dtype()"),
}
H200 = Gpu("NVIDIA H200", "9.0", "570.86.15, CUDA 12.8")


def owner_of(value: ast.expr) -> str:
    """``config`` of ``config.x`` and ``self.config.x``, ``get_error()`` of ``parser.get_error(0).x``."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=called):
            return f"{owner_of(called)}()"
    return type(value).__name__


def attributes_of(source: str) -> list[tuple[str, str]]:
    """(owner, attribute) of every attribute in Python text."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return [(owner_of(node.value), node.attr) for node in nodes]


def unknown_names(source: str, api: dict[str, list[str]]) -> list[str]:
    """What the bindings do not have, and owners of which nobody said whether they are TensorRT's."""
    unknown = []
    for owner, attribute in attributes_of(source):
        kind = OBJECTS.get(owner, owner)
        if kind in api:
            names = [*api[kind], "__init__"]
        elif owner == "trt":
            names = [*api, "__version__"]
        else:
            names = [attribute] if owner in OTHERS else []
        if attribute not in names:
            unknown.append(f"{owner}.{attribute}")
    return unknown


def source_of(file: str) -> str:
    return (ENGINES / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("version", API)
@pytest.mark.parametrize("file", ["build.py", "engine.py"])
def test_every_name_of_tensorrt_is_in_its_bindings(file: str, version: str) -> None:
    unknown = unknown_names(source_of(file), API[version])
    assert not unknown, f"TensorRT {version} has none of these, or they stand in neither list above"


def test_a_renamed_variable_is_no_longer_checked_and_says_so() -> None:
    renamed = source_of("build.py").replace("builder.", "maker.")
    assert "maker.create_network" in unknown_names(renamed, API["10.16.1"])
    assert unknown_names("parser.parse_all(model)", API["10.16.1"]) == ["parser.parse_all"]


def test_every_mapped_name_is_in_the_code() -> None:
    used = {owner for file in ("build.py", "engine.py") for owner, _ in attributes_of(source_of(file))}
    assert {*OBJECTS, *OTHERS} <= used


@pytest.mark.parametrize("version", API)
@pytest.mark.parametrize("precision", rules.PRECISIONS)
def test_every_flag_of_a_recipe_is_in_the_bindings(version: str, precision: Precision) -> None:
    recipe = recipe_for(version, precision)
    assert set(recipe.network_flags) <= set(API[version]["NetworkDefinitionCreationFlag"])
    assert set(recipe.parser_flags) <= set(API[version]["OnnxParserFlag"])
    assert {*recipe.builder_flags, *recipe.cleared_flags} <= set(API[version]["BuilderFlag"])


def test_recipes_differ_as_the_versions_do() -> None:
    assert recipe_for("8.6.1", "fp16").network_flags == ("EXPLICIT_BATCH",)
    assert recipe_for("8.6.1", "fp16").builder_flags == ("FP16",)
    assert recipe_for("10.16.1.11", "fp16").network_flags == ("STRONGLY_TYPED",)
    assert recipe_for("11.4.0.106", "fp16").network_flags == ()
    assert recipe_for("11.4.0.106", "fp16").builder_flags == ()
    assert recipe_for("10.0", "fp32").cleared_flags == ("TF32",)


@pytest.mark.parametrize("version", ["8.5.3.1", "8.0", "7.2"])
def test_old_versions_are_refused_with_the_cure(version: str) -> None:
    with pytest.raises(EngineError, match=r"too old, 8\.6 or newer is needed: pip install"):
        recipe_for(version, "fp16")


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_precisions_that_are_not_offered_are_refused(precision: Precision) -> None:
    with pytest.raises(EngineError, match=f"runs fp16 or fp32, not {precision}"):
        recipe_for("10.1", precision)


@pytest.mark.parametrize(
    "changed",
    [
        engine_key("10.16.2", H200, "ab", (720, 1280), "fp16"),
        engine_key("11.4.0", H200, "ab", (720, 1280), "fp16"),
        engine_key("10.16.1", Gpu("NVIDIA L4", "9.0", H200.driver), "ab", (720, 1280), "fp16"),
        engine_key("10.16.1", Gpu(H200.name, "8.9", H200.driver), "ab", (720, 1280), "fp16"),
        engine_key("10.16.1", Gpu(H200.name, "9.0", "580"), "ab", (720, 1280), "fp16"),
        engine_key("10.16.1", H200, "ac", (720, 1280), "fp16"),
        engine_key("10.16.1", H200, "ab", (1280, 720), "fp16"),
        engine_key("10.16.1", H200, "ab", (720, 1280), "fp32"),
    ],
)
def test_whatever_decides_an_engine_is_in_its_key(changed: dict[str, object]) -> None:
    key = engine_key("10.16.1", H200, "ab", (720, 1280), "fp16")
    assert cache.entry_path("tensorrt", changed) != cache.entry_path("tensorrt", key)
    assert cache.entry_path("tensorrt", dict(key)) == cache.entry_path("tensorrt", key)


def layer(name: str, kind: str, **fields: str) -> dict[str, object]:
    return {"Name": name, "LayerType": kind, "Inputs": [{"Name": "x", **fields}]}


VERSION_10 = "Format/Datatype"
INFORMATION = {
    "8 and 10": [
        layer("stem", "CaskConvolution", **{VERSION_10: "Channel major FP16 format where channel % 8 == 0"}),
        layer("up", "CaskDeconvolution", **{VERSION_10: "Half"}),
        layer("norm", "Normalization", **{VERSION_10: "Row major linear FP32"}),
    ],
    "11": [
        layer("stem", "CaskConvolution", Format="Channel major (kHWC8)", DataType="Half"),
        {**layer("up", "gemm", DataType="Half"), "ParameterType": "Deconvolution"},
        layer("Reformatting CopyNode to conv2d", "Reformat", DataType="Float"),
    ],
}


@pytest.mark.parametrize("version", INFORMATION)
def test_the_inspector_shows_what_convolutions_run_in(version: str) -> None:
    text = json.dumps({"Layers": INFORMATION[version]})
    assert convolution_precisions(text) == {"stem": "fp16", "up": "fp16"}
    assert check_precision(text, "fp16") == {"stem": "fp16", "up": "fp16"}
    with pytest.raises(EngineError, match="2 of 2 convolutions in another precision than fp32"):
        check_precision(text, "fp32")


def test_one_convolution_left_in_float_is_named() -> None:
    layers = [*INFORMATION["11"], layer("head", "CaskConvolution", DataType="Float")]
    with pytest.raises(EngineError, match=r"1 of 3 convolutions .*\(head in fp32\)"):
        check_precision(json.dumps({"Layers": layers}), "fp16")


def test_an_engine_without_details_has_nothing_to_check() -> None:
    assert check_precision(json.dumps({"Layers": ["stem", "up"]}), "fp16") == {}


def test_doctor_has_one_line_for_each_need() -> None:
    lines = dict(findings.tensorrt_lines())
    assert list(lines)[-1] == "so TensorRT"
    assert len(lines) == 6
    assert all("\n" not in finding for finding in lines.values())
    if registry.why_unavailable("tensorrt") is not None:
        assert "will not be used: " in lines["so TensorRT"]


def test_doctor_reads_driver_and_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "version"
    file.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15\nGCC version: 12\n")
    monkeypatch.setattr(findings, "DRIVER_FILE", file)
    monkeypatch.setattr(findings.shutil, "which", lambda name: None)
    lines = dict(findings.tensorrt_lines())
    assert lines["NVIDIA driver"].endswith("570.86.15")
    assert "install NVIDIA's driver" in lines["CUDA GPU"]


@pytest.mark.parametrize(
    ("version", "says"),
    [("8.6.1", "is fit"), ("8.5.3", "too old"), ("12.0", "newer than any"), (None, "pip install")],
)
def test_doctor_judges_the_version(version: str | None, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "version_of", lambda name: version)
    assert says in dict(findings.tensorrt_lines())["TensorRT version"]


def test_cuda_names_are_in_its_bindings() -> None:
    if not is_installed("cuda") or not is_installed("cuda.bindings"):
        pytest.skip("cuda-python is not installed")
    from cuda.bindings import runtime

    used = {name for owner, name in attributes_of(source_of("cuda_slot.py")) if owner == "cudart"}
    assert len(used) > 15
    assert not {name for name in used if not hasattr(runtime, name)}


def test_without_a_driver_cuda_says_so_in_one_line() -> None:
    if not is_installed("cuda") or not is_installed("cuda.bindings"):
        pytest.skip("cuda-python is not installed")
    from pipeline.engines.tensorrt import cuda_slot

    reason = cuda_slot.why_no_gpu()
    if reason is None:
        pytest.skip("there is a GPU")
    assert reason.startswith("no CUDA GPU")
    with pytest.raises(EngineError, match="`brushstream doctor` shows"):
        cuda_slot.first_gpu()
