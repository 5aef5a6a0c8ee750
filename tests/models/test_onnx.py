"""Features out of ONNX graphs, against numpy."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from latentviz.datasets.preprocessing import Preprocessing  # noqa: E402
from latentviz.errors import CheckpointError, LatentvizError, ModelError  # noqa: E402
from latentviz.models import ModelSpec, load  # noqa: E402

RANDOM = np.random.default_rng(0)
W1, W, B = (RANDOM.normal(size=shape).astype(np.float32) for shape in ((12, 5), (3, 5), (3,)))
IMAGES = RANDOM.random((6, 3, 2, 2), dtype=np.float32)
FEATURES = np.maximum(IMAGES.reshape(6, 12) @ W1, 0)


def node(kind: str, inputs: str, output: str, **attributes):
    return helper.make_node(kind, inputs.split(), [output], name=f"{kind}_{output}", **attributes)


def constant(name: str, values: np.ndarray):
    tensor = numpy_helper.from_array(np.asarray(values, dtype=np.float32), name)
    return helper.make_node("Constant", [], [name], value=tensor)


def save(path, tail, batch="batch", weights=None, shape=(3, 2, 2), output="logits"):
    """A graph of Flatten, MatMul, Relu (the features z) and then ``tail``."""
    weights = {"W1": W1, "W": W, "Wt": W.T, "b": B} | (weights or {})
    graph = helper.make_graph(
        [node("Flatten", "image", "flat"), node("MatMul", "flat W1", "y"), node("Relu", "y", "z"), *tail],
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, *shape])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ascontiguousarray(v), n) for n, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


GEMM = [node("Gemm", "z W b", "logits", transB=1)]


@pytest.mark.parametrize(
    ("tail", "weight", "bias"),
    [
        (GEMM, W, B),
        ([node("Gemm", "z Wt b", "logits")], W, B),
        ([node("Gemm", "z W b", "logits", transB=1, alpha=0.5, beta=3.0)], 0.5 * W, 3 * B),
        ([node("Gemm", "z W", "logits", transB=1, beta=3.0)], W, 0 * B),
        ([node("MatMul", "z Wt", "logits")], W, 0 * B),
        ([node("MatMul", "z Wt", "raw"), node("Add", "raw b", "logits")], W, B),
        ([node("MatMul", "z Wt", "raw"), node("Add", "b raw", "logits")], W, B),
        ([constant("c", B), node("MatMul", "z Wt", "raw"), node("Add", "c raw", "logits")], W, B),
        ([constant("V", W.T), node("MatMul", "z V", "logits")], W, 0 * B),
        ([node("Gemm", "z W", "raw", transB=1), node("Add", "raw b", "logits")], W, B),
        ([node("Gemm", "z W b", "raw", transB=1, beta=3.0), node("Add", "raw b", "logits")], W, 4 * B),
        ([node("Gemm", "z W b", "raw", transB=1), node("Identity", "raw", "logits")], W, B),
        (
            [helper.make_node("Constant", [], ["number"], value_float=3.0), *GEMM],
            W,
            B,
        ),
    ],
    ids=[
        "gemm transB", "gemm", "alpha and beta", "gemm without bias", "matmul", "matmul add", "add matmul",
        "bias from a Constant node", "weight from a Constant node", "gemm add", "gemm with bias add",
        "identity at the end", "number",
    ],
)  # fmt: skip
def test_features_logits_and_head(tmp_path, tail, weight, bias):
    classifier = load(ModelSpec(onnx=save(tmp_path / "net.onnx", tail)))
    features, logits = classifier(IMAGES)
    np.testing.assert_allclose(features, FEATURES, atol=1e-5)
    np.testing.assert_allclose(logits, FEATURES @ weight.T + bias, atol=1e-5)
    np.testing.assert_allclose(classifier.head.weight, weight, atol=1e-6)
    np.testing.assert_allclose(classifier.head.bias, bias, atol=1e-6)
    assert classifier.head.disagreement(features, logits) < 1e-5
    assert classifier.batch_limit is None


def test_softmax_at_the_end_lists_the_nodes_one_of_which_can_be_named(tmp_path):
    tail = [node("Gemm", "z W b", "raw", transB=1), node("Softmax", "raw", "logits", axis=1)]
    path = save(tmp_path / "net.onnx", tail)
    with pytest.raises(ModelError, match=r"comes from Softmax\).*--layer NAME.*MatMul_y, Gemm_raw"):
        load(ModelSpec(onnx=path))
    with pytest.raises(ModelError, match='no Gemm or MatMul called "fc"; there are: MatMul_y, Gemm_raw'):
        load(ModelSpec(onnx=path, layer="fc"))
    for name in ("Gemm_raw", "raw"):
        classifier = load(ModelSpec(onnx=path, layer=name))
        features, logits = classifier(IMAGES)
        np.testing.assert_allclose(features, FEATURES, atol=1e-5)
        np.testing.assert_allclose(logits, FEATURES @ W.T + B, atol=1e-5)


def test_a_named_product_has_its_bias_in_the_logits(tmp_path):
    tail = [node("MatMul", "z Wt", "raw"), node("Add", "raw b", "sum"), node("Softmax", "sum", "logits", axis=1)]
    classifier = load(ModelSpec(onnx=save(tmp_path / "net.onnx", tail), layer="raw"))
    features, logits = classifier(IMAGES)
    np.testing.assert_allclose(logits, FEATURES @ W.T + B, atol=1e-5)
    assert classifier.head.disagreement(features, logits) < 1e-5


def test_a_sum_of_two_computed_tensors_is_no_bias(tmp_path):
    tail = [node("MatMul", "z Wt", "raw"), node("Neg", "raw", "other"), node("Add", "raw other", "logits")]
    with pytest.raises(ModelError, match=r"its output comes from Add\)"):
        load(ModelSpec(onnx=save(tmp_path / "net.onnx", tail)))


def test_fixed_batch_size_takes_smaller_batches(tmp_path):
    classifier = load(ModelSpec(onnx=save(tmp_path / "net.onnx", GEMM, batch=4)))
    assert classifier.batch_limit == 4
    parts = [classifier(IMAGES[:4]), classifier(IMAGES[4:])]
    np.testing.assert_allclose(np.concatenate([p[0] for p in parts]), FEATURES, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([p[1] for p in parts]), FEATURES @ W.T + B, atol=1e-5)


def test_negative_batch_size_means_any(tmp_path):
    classifier = load(ModelSpec(onnx=save(tmp_path / "net.onnx", GEMM, batch=-1)))
    assert classifier.batch_limit is None
    np.testing.assert_allclose(classifier(IMAGES)[0], FEATURES, atol=1e-5)


def test_features_that_are_an_output_already(tmp_path):
    path = save(tmp_path / "net.onnx", GEMM)
    model = onnx.load(path)
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, None))
    onnx.save(model, path)
    np.testing.assert_allclose(load(ModelSpec(onnx=path))(IMAGES)[0], FEATURES, atol=1e-5)


def test_preprocessing_follows_the_input(tmp_path):
    classifier = load(ModelSpec(onnx=save(tmp_path / "net.onnx", GEMM)))
    assert (classifier.preprocessing.channels, classifier.preprocessing.size) == ("rgb", (2, 2))
    grey = save(tmp_path / "grey.onnx", GEMM, shape=(1, 3, 4))
    assert load(ModelSpec(onnx=grey)).preprocessing == Preprocessing(channels="grey", resize=(3, 4))


def test_preprocessing_that_does_not_fit_the_input(tmp_path):
    path = save(tmp_path / "net.onnx", GEMM)
    with pytest.raises(ModelError, match=r'takes 3 channel.* makes 1 \("grey"\)'):
        load(ModelSpec(onnx=path), Preprocessing(channels="grey", resize=(2, 2)))
    with pytest.raises(ModelError, match="takes images of 2×2, but the preprocessing makes 8×8"):
        load(ModelSpec(onnx=path), Preprocessing(crop=8))
    with pytest.raises(ModelError, match="does not accept images of"):
        load(ModelSpec(onnx=path), Preprocessing())(np.zeros((1, 3, 5, 5), np.float32))


def test_weights_and_biases_that_are_computed_are_refused(tmp_path):
    computed = [node("Neg", "W", "V"), node("Gemm", "z V b", "logits", transB=1)]
    with pytest.raises(ModelError, match=r"The weight of Gemm_logits in net.onnx is not a constant"):
        load(ModelSpec(onnx=save(tmp_path / "net.onnx", computed)))
    computed = [node("Neg", "b", "c"), node("Gemm", "z W c", "logits", transB=1)]
    with pytest.raises(ModelError, match=r"The bias of Gemm_logits in net.onnx is not a constant"):
        load(ModelSpec(onnx=save(tmp_path / "net.onnx", computed)))


def test_inputs_that_are_no_images(tmp_path):
    path = save(tmp_path / "vector.onnx", GEMM, shape=(12,))
    with pytest.raises(ModelError, match="input of 2 dimensions"):
        load(ModelSpec(onnx=path))


def test_fingerprint_follows_the_weights(tmp_path):
    first = load(ModelSpec(onnx=save(tmp_path / "a.onnx", GEMM))).fingerprint
    assert load(ModelSpec(onnx=save(tmp_path / "b.onnx", GEMM))).fingerprint == first
    assert load(ModelSpec(onnx=save(tmp_path / "c.onnx", GEMM, weights={"b": B + 1}))).fingerprint != first


@pytest.mark.parametrize("content", [b"", b"\x00" * 50, b"<html>", RANDOM.bytes(400)], ids=len)
def test_files_that_are_not_onnx(tmp_path, content):
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"bad.onnx is not an ONNX file, or it is damaged"):
        load(ModelSpec(onnx=tmp_path / "bad.onnx"))


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match=r"none.onnx does not exist"):
        load(ModelSpec(onnx=tmp_path / "none.onnx"))


def test_damage_anywhere_is_told_in_a_sentence(tmp_path):
    whole = save(tmp_path / "net.onnx", GEMM).read_bytes()
    refused = 0
    for position in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[position] ^= 0xFF
        for content in (whole[:position], bytes(flipped)):
            (tmp_path / "damaged.onnx").write_bytes(content)
            try:
                load(ModelSpec(onnx=tmp_path / "damaged.onnx"))(IMAGES)
            except LatentvizError as error:
                refused += "damaged.onnx" in str(error)
    assert refused > len(whole) / 7
