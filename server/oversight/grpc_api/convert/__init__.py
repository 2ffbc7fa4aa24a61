"""Protobuf to the engine's values and back: the only place that knows both."""
