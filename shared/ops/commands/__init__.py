"""What the operator's tool does, by what it is about; what can be said stands in `shared.ops.command_line`."""
