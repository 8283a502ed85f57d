"""TensorRT on NVIDIA GPUs: rules, building, running, and the graph in float16."""
