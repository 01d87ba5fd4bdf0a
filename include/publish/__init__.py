"""Publishing: what passed the gate goes to the schemas that analysts read, all at once."""
