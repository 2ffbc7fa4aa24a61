"""The edge: gRPC servicers, and the only place that speaks protobuf."""
